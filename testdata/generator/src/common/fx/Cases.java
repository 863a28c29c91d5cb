package fx;

import org.apache.flink.api.common.JobID;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.core.execution.SavepointFormatType;

import java.util.*;

/** The cases by name: a pipeline, a configuration, and when snapshots are taken. */
class Cases {
    interface Body {
        void run() throws Exception;
    }

    interface Script {
        void run(Job j) throws Exception;
    }

    static final String DIR = "execution.checkpointing.dir";
    static final String THRESHOLD = "execution.checkpointing.data-inline-threshold";
    static final String MATERIALIZE = "state.changelog.periodic-materialize.interval";
    static final String COMPRESSION = "execution.checkpointing.snapshot-compression";
    static final String TIMERS = "state.backend.rocksdb.timer-service.factory";

    static final String[] ROCKS = {
        "state.backend.type", "rocksdb",
        "state.backend.rocksdb.writebuffer.size", "64kb",
        "state.backend.rocksdb.memory.managed", "false"
    };
    static final String[] INCREMENTAL = {"execution.checkpointing.incremental", "true"};

    /** Nothing inline: every piece of state in a file of its own. */
    static final String[] FILES = {THRESHOLD, "0b"};

    static final String[] ROCKS_FILES = cat(ROCKS, INCREMENTAL, FILES);
    static final String[] MERGING = {"execution.checkpointing.file-merging.enabled", "true"};
    static final String[] ACROSS =
            cat(
                    MERGING,
                    new String[] {
                        "execution.checkpointing.file-merging.across-checkpoint-boundary", "true"
                    });

    /** The checkpoints of a case that is about a savepoint only go elsewhere. */
    static final String[] SAVEPOINT_ONLY = {DIR, "file:" + V.LOCAL + "/ckpt-" + V.VERSION};

    private final Map<String, Body> cases = new LinkedHashMap<>();

    Map<String, Body> define() {
        heap();
        rocksdb();
        restored();
        changelogs();
        merging();
        inFlight();
        savepoints();
        return cases;
    }

    private void heap() {
        checkpoints("hashmap-full", rich(), 4);
        checkpoints("hashmap-compressed", rich(), 2, COMPRESSION, "true");
        checkpoints("small-inline", small().perRound(20), 3);
        checkpoints("small-files", small().perRound(20), 3, FILES);
        checkpoints("maxpar4096-hashmap", small().parallelism(3).maxParallelism(4096), 2);
        checkpoints("par4-hashmap", small().parallelism(4), 3);
        checkpoints("operator-state", broadcast(), 3);
        checkpoints("operator-state-files", broadcast(), 3, FILES);
        job(
                "flip27-source",
                new Pipeline("flip27"),
                new String[0],
                j -> {
                    Thread.sleep(800);
                    for (int i = 0; i < 3; i++) {
                        j.ckpt();
                        Thread.sleep(500);
                    }
                });
        Pipeline finish = new Pipeline("finish");
        finish.srcPar = 2;
        finish.partialFinish = true;
        job(
                "finished-operators",
                finish,
                FILES,
                j -> {
                    j.round();
                    Thread.sleep(500);
                    j.ckpt();
                    Model.Ctl.finishSome = true;
                    Thread.sleep(1500);
                    j.ckpt();
                    Thread.sleep(500);
                    j.ckpt();
                    Thread.sleep(300);
                    j.ckpt();
                });
    }

    private void rocksdb() {
        checkpoints("rocksdb-incremental", rich().perRound(200), 4, ROCKS_FILES);
        checkpoints("rocksdb-incremental-small", small(), 6, ROCKS_FILES);
        checkpoints("rocksdb-incremental-inline", small(), 4, cat(ROCKS, INCREMENTAL));
        checkpoints("rocksdb-full", rich(), 4, ROCKS);
        checkpoints(
                "maxpar4096-rocksdb", small().parallelism(3).maxParallelism(4096), 3, ROCKS_FILES);
        String[] heapTimers = {TIMERS, "HEAP"};
        checkpoints("rocksdb-heaptimers", rich().perRound(150), 2, cat(ROCKS_FILES, heapTimers));
        checkpoints("rocksdb-heaptimers-full", rich().perRound(150), 2, cat(ROCKS, heapTimers));
        for (String c : new String[] {"no", "lz4", "zstd", "zlib"}) {
            String type = c.toUpperCase() + "_COMPRESSION";
            checkpoints(
                    "rocksdb-" + c,
                    small().perRound(600),
                    2,
                    cat(
                            ROCKS_FILES,
                            new String[] {"state.backend.rocksdb.compression.per.level", type}));
        }
        checkpoints(
                "rocksdb-bloom-partitioned",
                small().perRound(1500),
                2,
                cat(
                        INCREMENTAL,
                        FILES,
                        new String[] {
                            "state.backend.type", "rocksdb",
                            "state.backend.rocksdb.memory.managed", "true",
                            "state.backend.rocksdb.memory.partitioned-index-filters", "true",
                            "state.backend.rocksdb.use-bloom-filter", "true",
                            "state.backend.rocksdb.block.blocksize", "1kb",
                            "state.backend.rocksdb.block.metadata-blocksize", "1kb"
                        }));
        checkpoints(
                "rocksdb-defaults",
                small().perRound(3000),
                3,
                cat(INCREMENTAL, new String[] {"state.backend.type", "rocksdb"}));
        checkpoints(
                "rocksdb-compaction",
                small().perRound(2500),
                8,
                cat(
                        ROCKS_FILES,
                        new String[] {
                            "state.backend.rocksdb.compaction.level.target-file-size-base", "32kb",
                            "state.backend.rocksdb.compaction.level.max-size-level-base", "64kb"
                        }));
        job(
                "full-then-incremental",
                small(),
                ROCKS_FILES,
                j -> {
                    rounds(j, 2);
                    j.round();
                    j.ckpt(CheckpointType.FULL);
                    rounds(j, 1);
                });
    }

    private void restored() {
        for (String mode : new String[] {"CLAIM", "NO_CLAIM", "LEGACY"}) {
            if (mode.equals("LEGACY") && !V.VERSION.startsWith("1.")) {
                continue;
            }
            String name = mode.toLowerCase().replace("_", "");
            cases.put("rescale-" + name, () -> restore(mode, 3, INCREMENTAL));
            cases.put("restore-" + name + "-samepar", () -> restore(mode, 2, INCREMENTAL));
        }
        cases.put("filemerging-rescale-claim", () -> restore("CLAIM", 3, cat(ACROSS, INCREMENTAL)));
        cases.put(
                "changelog-rescale-claim",
                () -> restore("CLAIM", 3, cat(INCREMENTAL, changelog("3 s"))));
        cases.put(
                "changelog-rescale-noclaim",
                () -> restore("NO_CLAIM", 3, cat(INCREMENTAL, changelog("3 s"))));
    }

    private void changelogs() {
        String[] full = cat(new String[] {"execution.checkpointing.incremental", "false"}, FILES);
        changelogCase("changelog-hashmap", small(), full, "1 h");
        changelogCase("changelog-rocksdb", small(), ROCKS_FILES, "1 h");
        changelogCase("changelog-hashmap-materialized", small(), full, "3 s");
        changelogCase("changelog-rocksdb-materialized", small(), ROCKS_FILES, "3 s");
        changelogCase("changelog-rocksdb-rich", rich(), ROCKS_FILES, "4 s");
        checkpoints(
                "changelog-memory-storage",
                small(),
                4,
                cat(
                        ROCKS,
                        INCREMENTAL,
                        new String[] {
                            "state.changelog.enabled",
                            "true",
                            "state.changelog.storage",
                            "memory",
                            MATERIALIZE,
                            "1 h"
                        }));
    }

    private void merging() {
        checkpoints("filemerging-rocksdb-within", small(), 4, cat(ROCKS_FILES, MERGING));
        checkpoints("filemerging-rocksdb-across", small(), 5, cat(ROCKS_FILES, ACROSS));
        checkpoints("filemerging-hashmap-across", small(), 5, cat(ACROSS, FILES));
        checkpoints("filemerging-opstate-within", broadcast(), 4, cat(MERGING, FILES));
        checkpoints("filemerging-opstate-across", broadcast(), 4, cat(ACROSS, FILES));
        checkpoints("filemerging-default-threshold", rich(), 3, cat(ROCKS, MERGING, INCREMENTAL));
    }

    private void inFlight() {
        unaligned("unaligned-hashmap", 2);
        unaligned("unaligned-rocksdb-par3", 3, cat(ROCKS, INCREMENTAL));
        unaligned(
                "unaligned-onefile-per-subtask",
                2,
                "execution.checkpointing.unaligned.max-subtasks-per-channel-state-file",
                "1");
        unaligned("unaligned-threshold0", 2, FILES);
        unaligned("filemerging-unaligned", 2, cat(MERGING, FILES));
    }

    private void savepoints() {
        savepoint("savepoint-canonical-hashmap", rich(), 2);
        savepoint("savepoint-canonical-rocksdb", rich(), 2, ROCKS);
        savepoint(
                "savepoint-canonical-compressed",
                rich(),
                2,
                cat(ROCKS, new String[] {COMPRESSION, "true"}));
        savepoint(
                "maxpar4096-savepoint-rocksdb",
                small().parallelism(3).maxParallelism(4096),
                1,
                ROCKS);
        job(
                "savepoint-native-hashmap",
                rich(),
                SAVEPOINT_ONLY,
                j -> {
                    j.round();
                    j.round();
                    j.savepoint(SavepointFormatType.NATIVE, Gen.caseDir);
                });
        job(
                "savepoint-native-rocksdb",
                rich().perRound(150),
                cat(ROCKS_FILES, SAVEPOINT_ONLY),
                j -> {
                    rounds(j, 1);
                    j.round();
                    j.savepoint(SavepointFormatType.NATIVE, Gen.caseDir);
                });
        job(
                "savepoint-stop",
                small(),
                cat(ROCKS, SAVEPOINT_ONLY),
                j -> {
                    j.round();
                    j.stop(SavepointFormatType.CANONICAL, Gen.caseDir, false);
                });
        job(
                "savepoint-and-checkpoints",
                small(),
                ROCKS_FILES,
                j -> {
                    rounds(j, 1);
                    j.round();
                    j.savepoint(SavepointFormatType.CANONICAL, Gen.caseDir.resolve("savepoints"));
                    rounds(j, 1);
                    j.savepoint(SavepointFormatType.NATIVE, Gen.caseDir.resolve("savepoints"));
                    rounds(j, 1);
                });
    }

    // ---- the kinds of case

    private void job(String name, Pipeline p, String[] conf, Script script) {
        cases.put(
                name,
                () -> {
                    try (Job j = new Job("a", Gen.conf(conf), p, 0)) {
                        script.run(j);
                    }
                });
    }

    private void checkpoints(String name, Pipeline p, int n, String... conf) {
        job(name, p, conf, j -> rounds(j, n));
    }

    private void savepoint(String name, Pipeline p, int n, String... conf) {
        job(
                name,
                p,
                cat(conf, SAVEPOINT_ONLY),
                j -> {
                    for (int i = 0; i < n; i++) {
                        j.round();
                    }
                    j.savepoint(SavepointFormatType.CANONICAL, Gen.caseDir);
                });
    }

    private void changelogCase(String name, Pipeline p, String[] conf, String materialize) {
        cases.put(
                name,
                () -> {
                    try (Job j = new Job("a", Gen.conf(cat(conf, changelog(materialize))), p, 0)) {
                        rounds(j, 2);
                        if (!materialize.equals("1 h")) {
                            Thread.sleep(5000);
                        }
                        rounds(j, 3);
                    }
                });
    }

    /** The source is mid-round here: counts are not exact, and channels hold data. */
    private void unaligned(String name, int par, String... conf) {
        cases.put(
                name,
                () -> {
                    Pipeline p = small().parallelism(par).perRound(100000);
                    p.bulk = false;
                    p.srcPar = par;
                    Model.Ctl.reset();
                    Configuration c =
                            Gen.conf(
                                    cat(
                                            new String[] {
                                                "execution.checkpointing.unaligned.enabled", "true",
                                                "execution.checkpointing.aligned-checkpoint-timeout",
                                                        "0 s",
                                                "taskmanager.memory.segment-size", "4kb",
                                                "taskmanager.network.memory.buffers-per-channel",
                                                        "2",
                                                "taskmanager.network.memory.floating-buffers-per-gate",
                                                        "2"
                                            },
                                            conf));
                    try (Job j = new Job("a", c, p, 0)) {
                        Model.Ctl.slowMs = 4;
                        Model.Ctl.round = 1;
                        Thread.sleep(1500);
                        for (int i = 0; i < 3; i++) {
                            j.ckpt();
                            Thread.sleep(400);
                        }
                    }
                    Gen.caseJson.put(
                            "note",
                            "unaligned: source is mid-round, counts are not exact; in-flight data"
                                    + " in channel state");
                });
    }

    /** A job of parallelism 2, and a second one that takes its last checkpoint over. */
    private static void restore(String mode, int parallelism, String[] conf) throws Exception {
        String[] base = cat(ROCKS, FILES, conf);
        long last = 4;
        JobID old;
        try (Job j = new Job("old", Gen.conf(base), small(), 0)) {
            rounds(j, 4);
            old = j.id;
            if (Arrays.asList(conf).contains("state.changelog.enabled")) {
                Thread.sleep(4000);
                j.round();
                last = j.ckpt();
            }
        }
        Gen.copy("before");
        String path =
                Gen.caseDir.resolve(old.toHexString()).resolve("chk-" + last).toUri().toString();
        String[] recovery = {
            "execution.state-recovery.path", path, "execution.state-recovery.claim-mode", mode
        };
        try (Job j =
                new Job(
                        "new",
                        Gen.conf(cat(base, recovery)),
                        small().parallelism(parallelism),
                        (int) last)) {
            j.j.put("restoredFrom", path);
            j.j.put("claimMode", mode);
            rounds(j, 1);
            Gen.copy("after1");
            rounds(j, 3);
        }
    }

    private static void rounds(Job j, int n) throws Exception {
        for (int i = 0; i < n; i++) {
            j.round();
            j.ckpt();
        }
    }

    // ---- pipelines and configurations

    private static Pipeline rich() {
        return new Pipeline("rich");
    }

    private static Pipeline small() {
        return new Pipeline("small");
    }

    private static Pipeline broadcast() {
        return new Pipeline("bcast").parallelism(3);
    }

    static String[] changelog(String materialize) {
        return new String[] {
            "state.changelog.enabled",
            "true",
            "state.changelog.storage",
            "filesystem",
            "state.changelog.dstl.dfs.base-path",
            Gen.caseDir.resolve("changelog").toUri().toString(),
            MATERIALIZE,
            materialize
        };
    }

    static String[] cat(String[]... a) {
        return Arrays.stream(a).flatMap(Arrays::stream).toArray(String[]::new);
    }
}
