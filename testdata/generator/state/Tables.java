import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.CompressionType;
import org.rocksdb.EnvOptions;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;
import org.rocksdb.SstFileReaderIterator;
import org.rocksdb.SstFileWriter;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * A table as RocksDB's own library writes and reads it.
 *
 * <p>Usage: table FILE keys, which writes one; or iterate FILE rounds, which prints for each round
 * and each of the iterator's two ways to hand out an entry: way, entries, bytes of keys and values,
 * seconds. Checksums are verified, as by default.
 */
public class Tables {
    public static void main(String[] a) throws Exception {
        RocksDB.loadLibrary();
        if (a.length == 3 && a[0].equals("table")) table(a[1], Integer.parseInt(a[2]));
        else if (a.length == 3 && a[0].equals("iterate")) iterate(a[1], Integer.parseInt(a[2]));
        else throw new IllegalArgumentException("want table or iterate: " + Arrays.toString(a));
    }

    static void table(String file, int keys) throws RocksDBException {
        try (Options options =
                        new Options()
                                .setCompressionType(CompressionType.SNAPPY_COMPRESSION)
                                .setTableFormatConfig(new BlockBasedTableConfig().setBlockSize(4096));
                EnvOptions env = new EnvOptions();
                SstFileWriter writer = new SstFileWriter(env, options)) {
            writer.open(file);
            for (int i = 0; i < keys; i++) writer.put(key(i, keys), text(i));
            writer.finish();
        }
    }

    /** Key group, length and text, and the namespace, as Flink lays them out; in their order. */
    static byte[] key(int i, int keys) {
        byte[] text = String.format(Locale.ROOT, "user-%07d", i).getBytes(StandardCharsets.US_ASCII);
        ByteBuffer b = ByteBuffer.allocate(text.length + 3);
        b.put((byte) (i * 128L / keys)).put((byte) (text.length + 1)).put(text).put((byte) 0);
        return b.array();
    }

    static byte[] text(int i) {
        SplittableRandom r = new SplittableRandom(i);
        String s =
                "{\"count\":" + r.nextInt(100_000) + ",\"sum\":" + r.nextInt() + ",\"last\":17952"
                        + (10_000_000 + r.nextInt(9_999_999)) + ",\"city\":\"city-" + r.nextInt(300)
                        + "\",\"ok\":true}";
        return s.getBytes(StandardCharsets.US_ASCII);
    }

    static void iterate(String file, int rounds) throws RocksDBException {
        for (int i = 0; i < rounds; i++)
            for (boolean direct : new boolean[] {false, true}) {
                long start = System.nanoTime();
                long[] sums = direct ? buffers(file) : arrays(file);
                double seconds = (System.nanoTime() - start) / 1e9;
                System.out.printf(Locale.ROOT, "%s entries %d bytes %d seconds %.3f%n",
                        direct ? "direct" : "arrays", sums[0], sums[1], seconds);
            }
    }

    static long[] arrays(String file) throws RocksDBException {
        long entries = 0, bytes = 0;
        try (Options options = new Options();
                ReadOptions read = new ReadOptions().setFillCache(false);
                SstFileReader reader = new SstFileReader(options)) {
            reader.open(file);
            try (SstFileReaderIterator it = reader.newIterator(read)) {
                for (it.seekToFirst(); it.isValid(); it.next(), entries++)
                    bytes += it.key().length + it.value().length;
                it.status();
            }
        }
        return new long[] {entries, bytes};
    }

    static long[] buffers(String file) throws RocksDBException {
        long entries = 0, bytes = 0;
        ByteBuffer key = ByteBuffer.allocateDirect(1 << 10), value = ByteBuffer.allocateDirect(1 << 16);
        try (Options options = new Options();
                ReadOptions read = new ReadOptions().setFillCache(false);
                SstFileReader reader = new SstFileReader(options)) {
            reader.open(file);
            try (SstFileReaderIterator it = reader.newIterator(read)) {
                for (it.seekToFirst(); it.isValid(); it.next(), entries++)
                    bytes += it.key(key.clear()) + it.value(value.clear());
                it.status();
            }
        }
        return new long[] {entries, bytes};
    }
}
