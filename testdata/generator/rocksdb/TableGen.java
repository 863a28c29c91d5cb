import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.rocksdb.*;

/**
 * TableGen OUT VERSION [CASE...]: small databases of many options, each below OUT/VERSION-CASE as a checkpoint leaves it, and in
 * OUT/VERSION.tsv what RocksDB's own iterator reads from each: case, column family, keys, SHA-256 of all keys and values.
 *
 * <p>A case is words with a "-" between; what each means is in the methods that ask for it.
 */
public final class TableGen {
  static {
    RocksDB.loadLibrary();
  }

  private final Set<String> words;
  private final String name;

  /** What RocksDB uses as long as it is open: without a reference, older versions free it. */
  private final List<Object> used = new ArrayList<>();

  private <T> T use(T it) {
    used.add(it);
    return it;
  }

  private TableGen(String name) {
    this.name = name;
    this.words = new TreeSet<>(List.of(name.split("-")));
  }

  private boolean is(String word) {
    return words.contains(word);
  }

  public static void main(String[] args) throws Exception {
    Path out = Path.of(args[0]);
    String version = args[1];
    Files.createDirectories(out);
    List<String> cases = args.length > 2 ? List.of(args).subList(2, args.length) : cases(version.startsWith("8"));
    Path tsv = out.resolve(version + ".tsv");
    try (PrintStream log = new PrintStream(Files.newOutputStream(tsv), false, StandardCharsets.UTF_8)) {
      for (String name : cases) {
        new TableGen(name).write(out.resolve(version + "-" + name), log);
      }
    }
  }

  private static List<String> cases(boolean newer) {
    List<String> all = new ArrayList<>();
    for (int v = 0; v <= (newer ? 6 : 5); v++) {
      for (String codec : newer ? List.of("none", "snappy", "zlib", "bzip2", "lz4", "lz4hc", "zstd") : List.of("snappy", "zlib", "lz4", "zstd", "bzip2")) {
        all.add("fv" + v + "-" + codec);
      }
      for (String index : newer ? List.of("hash", "twolevel", "firstkey") : List.of("twolevel")) {
        all.add("fv" + v + "-index-" + index);
      }
    }
    for (String sum : List.of("nosum", "crc", "xxhash", "xxhash64", "xxh3")) {
      if (newer) {
        all.add("fv6-" + sum);
        all.add("fv6-twolevel-" + sum);
      }
      if (newer || !sum.equals("xxh3")) {
        all.add("fv5-" + sum);
      }
    }
    for (String dict : List.of("zstd-trained", "zstd-raw", "lz4-raw", "zlib-raw", "lz4hc-raw")) {
      all.add("dict-" + dict);
    }
    all.addAll(List.of("dict-fv1-zstd-raw", "bloom", "bloom-twolevel", "hashblocks", "nodelta", "aligned-none", "interval", "plainindex", "bigvalues"));
    all.addAll(List.of("options-merges", "options-levels", "options-straddle", "rangedel", "rangedel-only", "rangedel-levels", "rangedel-cut"));
    all.addAll(List.of("ingest", "ingest-write", "ingest-rangedel", "ingest-behind", "reverse", "otherdelim"));
    return all;
  }

  private CompressionType codec() {
    if (is("none")) return CompressionType.NO_COMPRESSION;
    if (is("zlib")) return CompressionType.ZLIB_COMPRESSION;
    if (is("bzip2")) return CompressionType.BZLIB2_COMPRESSION;
    if (is("lz4")) return CompressionType.LZ4_COMPRESSION;
    if (is("lz4hc")) return CompressionType.LZ4HC_COMPRESSION;
    if (is("zstd")) return CompressionType.ZSTD_COMPRESSION;
    return CompressionType.SNAPPY_COMPRESSION;
  }

  private BlockBasedTableConfig table() {
    BlockBasedTableConfig t = use(new BlockBasedTableConfig()).setBlockSize(is("aligned") ? 4096 : 400).setMetadataBlockSize(300);
    for (int v = 0; v <= 6; v++) {
      if (is("fv" + v)) t.setFormatVersion(v);
    }
    if (is("nosum")) t.setChecksumType(ChecksumType.kNoChecksum);
    if (is("crc")) t.setChecksumType(ChecksumType.kCRC32c);
    if (is("xxhash")) t.setChecksumType(ChecksumType.kxxHash);
    if (is("xxhash64")) t.setChecksumType(ChecksumType.kxxHash64);
    if (is("xxh3")) t.setChecksumType(ChecksumType.valueOf("kXXH3"));
    if (is("hash")) t.setIndexType(IndexType.kHashSearch);
    if (is("firstkey")) t.setIndexType(IndexType.kBinarySearchWithFirstKey);
    if (is("twolevel")) t.setIndexType(IndexType.kTwoLevelIndexSearch);
    if (is("bloom") || is("twolevel")) t.setFilterPolicy(use(new BloomFilter(10, false))).setPartitionFilters(is("twolevel"));
    if (is("hashblocks")) t.setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash).setDataBlockHashTableUtilRatio(0.75);
    if (is("nodelta")) t.setUseDeltaEncoding(false);
    if (is("aligned")) t.setBlockAlign(true);
    if (is("interval")) t.setIndexBlockRestartInterval(16).setBlockRestartInterval(3);
    if (is("plainindex")) t.setEnableIndexCompression(false);
    return t;
  }

  private ColumnFamilyOptions options() {
    ColumnFamilyOptions o = use(new ColumnFamilyOptions());
    o.setCompressionType(codec()).setCompressionPerLevel(Collections.nCopies(7, codec())).setDisableAutoCompactions(true).setLevelCompactionDynamicLevelBytes(false);
    if (is("otherdelim")) o.setMergeOperator(use(new StringAppendOperator(';')));
    else o.setMergeOperatorName("stringappendtest");
    if (is("hash")) o.useFixedLengthPrefixExtractor(3);
    if (is("reverse")) o.setComparator(BuiltinComparator.REVERSE_BYTEWISE_COMPARATOR);
    if (is("dict")) {
      CompressionOptions c = use(new CompressionOptions()).setMaxDictBytes(2048).setZStdMaxTrainBytes(is("trained") ? 1 << 20 : 0).setEnabled(true);
      o.setCompressionOptions(c);
    }
    if (is("straddle") || is("cut") || is("levels")) o.setTargetFileSizeBase(2000);
    return o.setTableFormatConfig(table());
  }

  /** A key as Flink has it: key group of two bytes, a String, VoidNamespace. */
  private static byte[] key(int i) {
    byte[] s = String.format("user-%06d", i).getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(s.length + 4).putShort((short) (i / 8)).put((byte) (s.length + 1)).put(s).put((byte) 0).array();
  }

  private static byte[] prefix(int group) {
    return ByteBuffer.allocate(2).putShort((short) group).array();
  }

  private byte[] value(int i) {
    if (is("bigvalues") && i % 40 == 7) return new byte[30_000 + i];
    Random r = new Random(i);
    return ("{\"count\":" + r.nextInt(100000) + ",\"city\":\"city-" + r.nextInt(300) + "\",\"ok\":true}").getBytes(StandardCharsets.UTF_8);
  }

  private static final WriteOptions NO_LOG = new WriteOptions().setDisableWAL(true);
  private static final FlushOptions WAIT = new FlushOptions().setWaitForFlush(true);

  private RocksDB db;
  private ColumnFamilyHandle state;
  private final List<Snapshot> held = new ArrayList<>();

  private void hold() {
    held.add(db.getSnapshot());
  }

  private void flush() throws RocksDBException {
    db.flush(WAIT, state);
  }

  private void put(int i, String v) throws RocksDBException {
    db.put(state, NO_LOG, key(i), v.getBytes(StandardCharsets.UTF_8));
  }

  private void merge(int i, String v) throws RocksDBException {
    db.merge(state, NO_LOG, key(i), v.getBytes(StandardCharsets.UTF_8));
  }

  private void delete(int i) throws RocksDBException {
    db.delete(state, NO_LOG, key(i));
  }

  private void write(Path dir, PrintStream log) throws Exception {
    Path work = Files.createTempDirectory("tables");
    DBOptions dbo = use(new DBOptions()).setCreateIfMissing(true).setCreateMissingColumnFamilies(true).setAllowIngestBehind(is("behind"));
    List<ColumnFamilyHandle> handles = new ArrayList<>();
    db = RocksDB.open(dbo, work.resolve("db").toString(), List.of(
        new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, options()), new ColumnFamilyDescriptor("state".getBytes(), options())), handles);
    state = handles.get(1);
    fill(work);
    log.println(name + "\tstate\t" + digest());
    try (Checkpoint c = Checkpoint.create(db)) {
      c.createCheckpoint(work.resolve("chk").toString());
    }
    keep(work.resolve("chk"), dir);
    held.forEach(db::releaseSnapshot);
    handles.forEach(ColumnFamilyHandle::close);
    db.close();
  }

  private void fill(Path work) throws Exception {
    if (is("ingest")) ingest(work);
    else if (is("only")) onlyRange();
    else if (is("cut")) cut();
    else if (is("levels")) levels();
    else if (is("straddle")) straddle();
    else if (is("merges") || is("otherdelim")) merges();
    else mixed();
  }

  /** Records of all kinds in one table; snapshots keep the versions that nobody would read. */
  private void mixed() throws Exception {
    for (int i = 0; i < 120; i++) db.put(state, NO_LOG, key(i), value(i));
    hold();
    for (int i = 0; i < 120; i += 7) put(i, "second-" + i);
    hold();
    for (int i = 3; i < 120; i += 11) delete(i);
    for (int i = 5; i < 120; i += 13) db.singleDelete(state, NO_LOG, key(i));
    hold();
    for (int i = 3; i < 120; i += 22) merge(i, "merged");
    for (int i = 0; i < 130; i += 10) {
      merge(i, "a" + i);
      hold();
      merge(i, "b");
    }
    if (is("rangedel")) {
      db.deleteRange(state, NO_LOG, prefix(3), prefix(5));
      put(30, "after");
      merge(33, "after");
      db.deleteRange(state, NO_LOG, key(80), key(90));
    }
    flush();
  }

  private void onlyRange() throws Exception {
    for (int i = 0; i < 120; i++) db.put(state, NO_LOG, key(i), value(i));
    flush();
    db.deleteRange(state, NO_LOG, prefix(2), prefix(6));
    flush();
  }

  /** Lists over four tables of level 0. */
  private void merges() throws Exception {
    for (int i = 0; i < 60; i++) {
      if (i % 3 != 0) put(i, "base" + i);
      if (i % 5 == 0) merge(i, "");
    }
    flush();
    for (int i = 0; i < 60; i += 2) merge(i, "one");
    for (int i = 0; i < 60; i += 9) delete(i);
    flush();
    for (int i = 0; i < 60; i += 3) merge(i, "two");
    for (int i = 1; i < 60; i += 10) put(i, "");
    flush();
    for (int i = 0; i < 70; i += 4) merge(i, "three");
    flush();
  }

  /** Versions of keys over three levels, each of several tables. */
  private void levels() throws Exception {
    for (int i = 0; i < 200; i++) db.put(state, NO_LOG, key(i), value(i));
    flush();
    down(0, 3);
    for (int i = 0; i < 200; i += 3) merge(i, "middle");
    for (int i = 1; i < 200; i += 5) delete(i);
    if (is("rangedel")) db.deleteRange(state, NO_LOG, key(50), key(100));
    flush();
    down(0, 2);
    for (int i = 0; i < 200; i += 4) merge(i, "upper");
    for (int i = 60; i < 200; i += 6) put(i, "upper");
    if (is("rangedel")) db.deleteRange(state, NO_LOG, key(120), key(140));
    flush();
    for (int i = 0; i < 220; i += 15) merge(i, "top");
    flush();
  }

  /** Range deletions over several tables of a level, below which is what they delete. */
  private void cut() throws Exception {
    for (int i = 0; i < 240; i++) db.put(state, NO_LOG, key(i), value(i));
    flush();
    down(0, 4);
    for (int i = 0; i < 240; i += 2) db.put(state, NO_LOG, key(i), value(i + 1000));
    hold();
    db.deleteRange(state, NO_LOG, key(20), key(200));
    hold();
    for (int i = 0; i < 240; i += 3) merge(i, "newer-" + i);
    db.deleteRange(state, NO_LOG, key(50), key(70));
    flush();
    down(0, 1);
    put(60, "newest");
    flush();
  }

  /** Versions of one key that do not fit a block, nor a table. */
  private void straddle() throws Exception {
    for (int n = 0; n < 60; n++) {
      for (int i = 0; i < 5; i++) {
        merge(i, "element-" + n + "-of-" + i);
        hold();
      }
      if (n == 20) put(2, "anew");
    }
    flush();
    down(0, 1);
  }

  /** Compacts all tables of a level into another one. */
  private void down(int from, int to) throws Exception {
    List<String> inputs = new ArrayList<>();
    for (LiveFileMetaData f : db.getLiveFilesMetaData()) {
      if (f.level() == from) inputs.add(f.path() + f.fileName());
    }
    db.compactFiles(use(new CompactionOptions()).setCompression(codec()).setOutputFileSizeLimit(2000), state, inputs, to, -1, null);
  }

  private void ingest(Path work) throws Exception {
    for (int i = 0; i < 120; i++) db.put(state, NO_LOG, key(i), value(i));
    flush();
    Path file = work.resolve("ingested.sst");
    try (SstFileWriter w = new SstFileWriter(use(new EnvOptions()), use(new Options(use(new DBOptions()), options())))) {
      w.open(file.toString());
      for (int i = 10; i < 150; i += 5) {
        byte[] v = ("ingested-" + i).getBytes();
        if (i % 3 == 0) w.put(key(i), v);
        else if (i % 3 == 1) w.merge(key(i), v);
        else w.delete(key(i));
      }
      w.finish();
    }
    IngestExternalFileOptions o = use(new IngestExternalFileOptions()).setMoveFiles(false).setWriteGlobalSeqno(is("write")).setIngestBehind(is("behind"));
    db.ingestExternalFile(state, List.of(file.toString()), o);
    for (int i = 20; i < 60; i += 4) merge(i, "later");
    if (is("rangedel")) db.deleteRange(state, NO_LOG, key(100), key(110));
    flush();
  }

  private String digest() throws Exception {
    MessageDigest sum = MessageDigest.getInstance("SHA-256");
    int n = 0;
    try (ReadOptions all = new ReadOptions().setVerifyChecksums(true).setTotalOrderSeek(true); RocksIterator it = db.newIterator(state, all)) {
      for (it.seekToFirst(); it.isValid(); it.next(), n++) {
        sum.update(ByteBuffer.allocate(8).putInt(it.key().length).putInt(it.value().length).array());
        sum.update(it.key());
        sum.update(it.value());
      }
      it.status();
    }
    return n + "\t" + HexFormat.of().formatHex(sum.digest());
  }

  /** OPTIONS are large, so only some cases keep theirs. */
  private void keep(Path from, Path to) throws Exception {
    if (Files.exists(to)) {
      try (Stream<Path> old = Files.list(to)) {
        for (Path p : old.toList()) Files.delete(p);
      }
    }
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path p : files.toList()) {
        String file = p.getFileName().toString();
        if (file.startsWith("OPTIONS") && !is("options") && !is("otherdelim")) continue;
        Files.copy(p, to.resolve(file));
      }
    }
  }
}
