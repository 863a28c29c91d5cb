import org.apache.flink.api.common.JobID;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.executiongraph.AccessExecutionJobVertex;
import org.apache.flink.runtime.executiongraph.AccessExecutionVertex;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.jobgraph.SavepointRestoreSettings;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;

/**
 * A keyed running count on a MiniCluster: how fast it runs with checkpoints, and how fast it is
 * restored.
 *
 * <p>Usage: run BACKEND RECORDS KEYS PARALLELISM DIR, which prints records, seconds and completed
 * checkpoints; fill BACKEND KEYS BYTES PARALLELISM DIR, which prints the path of a checkpoint with a
 * text of so many bytes for each key; restore BACKEND PATH PARALLELISM ROUNDS, which prints for each
 * round the seconds until the last sub-task had its state. Seconds are without the start of the JVM;
 * those of run are with the start of its cluster, those of restore are the task's own.
 */
public class EngineJob {
    private static final LongAdder FILLED = new LongAdder(); // keys that have their text
    private static final AtomicLong COMPLETED = new AtomicLong();

    public static void main(String[] a) throws Exception {
        String mode = a.length == 0 ? "" : a[0];
        if (mode.equals("run") && a.length == 6)
            run(a[1], Long.parseLong(a[2]), Long.parseLong(a[3]), Integer.parseInt(a[4]), a[5]);
        else if (mode.equals("fill") && a.length == 6)
            fill(a[1], Long.parseLong(a[2]), Integer.parseInt(a[3]), Integer.parseInt(a[4]), a[5]);
        else if (mode.equals("restore") && a.length == 5)
            restore(a[1], a[2], Integer.parseInt(a[3]), Integer.parseInt(a[4]));
        else throw new IllegalArgumentException("want run, fill or restore: " + Arrays.toString(a));
        System.exit(0); // without waiting for the threads of the cluster
    }

    private static Configuration configuration(String backend, Path dir) throws Exception {
        Path tmp = Files.createDirectories(dir.resolve("tmp")).toAbsolutePath();
        Configuration c = new Configuration();
        c.setString("state.backend.type", backend);
        c.setString("execution.checkpointing.incremental", String.valueOf(backend.equals("rocksdb")));
        c.setString("execution.checkpointing.dir", dir.toAbsolutePath().toUri().toString());
        c.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        c.setString("execution.checkpointing.num-retained", "3");
        c.setString("pipeline.object-reuse", "true");
        c.setString("restart-strategy.type", "none");
        c.setString("io.tmp.dirs", tmp.toString());
        c.setString("taskmanager.memory.managed.size", "1g");
        return c;
    }

    private static StreamExecutionEnvironment environment(Configuration c, int parallelism) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(c);
        env.setParallelism(parallelism);
        env.setMaxParallelism(128);
        return env;
    }

    static void run(String backend, long records, long keys, int parallelism, String dir) throws Exception {
        Configuration c = configuration(backend, Path.of(dir));
        c.setString("execution.checkpointing.interval", "1s");
        StreamExecutionEnvironment env = environment(c, parallelism);
        env.fromSource(new DataGeneratorSource<>((GeneratorFunction<Long, Long>) n -> n, records, Types.LONG),
                        WatermarkStrategy.noWatermarks(), "numbers").uid("numbers")
                .map(new KeyOf(keys)).returns(Types.STRING).uid("words")
                .keyBy(k -> k, Types.STRING)
                .process(new Count()).returns(Types.TUPLE(Types.STRING, Types.LONG)).uid("count")
                .sinkTo(new DiscardingSink<>()).uid("sink");
        long t = System.nanoTime();
        env.execute("count");
        double seconds = (System.nanoTime() - t) / 1e9;
        System.out.printf("%d %.3f %d%n", records, seconds, COMPLETED.get());
    }

    /** A job that has a text for each key, from a source that then waits. */
    private static JobGraph texts(Configuration c, long keys, int bytes, int parallelism, double rate) {
        StreamExecutionEnvironment env = environment(c, parallelism);
        RateLimiterStrategy limit = rate > 0 ? RateLimiterStrategy.perSecond(rate) : RateLimiterStrategy.noOp();
        env.fromSource(new DataGeneratorSource<>(new Wait(keys), Long.MAX_VALUE, limit, Types.LONG),
                        WatermarkStrategy.noWatermarks(), "numbers").uid("numbers")
                .map(n -> String.format("key-%08d", n % keys)).returns(Types.STRING).uid("words")
                .keyBy(k -> k, Types.STRING)
                .process(new Text(bytes)).returns(Types.LONG).uid("count")
                .sinkTo(new DiscardingSink<>()).uid("sink");
        return env.getStreamGraph().getJobGraph();
    }

    private static MiniCluster cluster(Configuration c, int parallelism) throws Exception {
        MiniCluster cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
                .setConfiguration(c).setNumTaskManagers(1).setNumSlotsPerTaskManager(parallelism).build());
        cluster.start();
        return cluster;
    }

    static void fill(String backend, long keys, int bytes, int parallelism, String dir) throws Exception {
        Configuration c = configuration(backend, Path.of(dir));
        try (MiniCluster cluster = cluster(c, parallelism)) {
            JobID job = cluster.submitJob(texts(c, keys, bytes, parallelism, 0)).get().getJobID();
            while (FILLED.sum() < keys) Thread.sleep(50);
            long id = cluster.triggerCheckpoint(job, CheckpointType.FULL).get();
            System.out.println(Path.of(dir, job.toString(), "chk-" + id).toAbsolutePath());
            cluster.cancelJob(job).get();
        }
    }

    static void restore(String backend, String path, int parallelism, int rounds) throws Exception {
        for (int i = 0; i < rounds; i++) {
            Path dir = Files.createTempDirectory("restore");
            Configuration c = configuration(backend, dir);
            try (MiniCluster cluster = cluster(c, parallelism)) {
                // A key that has its text keeps it.
                JobGraph graph = texts(c, 1, 8, parallelism, 1);
                graph.setSavepointRestoreSettings(SavepointRestoreSettings.forPath(path, true, RecoveryClaimMode.NO_CLAIM));
                JobID job = cluster.submitJob(graph).get().getJobID();
                System.out.printf("%.3f%n", initialized(cluster, job) / 1e3);
                cluster.cancelJob(job).get();
            }
            try (Stream<Path> files = Files.walk(dir)) {
                for (Path f : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(f);
            }
        }
    }

    /** Milliseconds until all sub-tasks of the keyed operator were initialized. */
    private static long initialized(MiniCluster cluster, JobID job) throws Exception {
        while (true) {
            Thread.sleep(20);
            if (cluster.getJobStatus(job).get().isTerminalState()) throw new IllegalStateException("the job has ended");
            for (AccessExecutionJobVertex v : cluster.getExecutionGraph(job).get().getVerticesTopologically()) {
                long most = -1;
                boolean all = true;
                for (AccessExecutionVertex t : v.getTaskVertices()) {
                    all &= t.getExecutionState() == ExecutionState.RUNNING;
                    most = Math.max(most, t.getStateTimestamp(ExecutionState.RUNNING)
                            - t.getStateTimestamp(ExecutionState.INITIALIZING));
                }
                if (all && v.getName().contains("Process")) return most;
            }
        }
    }

    /** All numbers, and then none for ever. */
    static final class Wait implements GeneratorFunction<Long, Long> {
        private final long limit;

        Wait(long limit) {
            this.limit = limit;
        }

        @Override
        public Long map(Long n) throws Exception {
            if (FILLED.sum() >= limit) Thread.sleep(20);
            return n;
        }
    }

    /** The key of a number: key-%08d of a multiplicative hash. The texts are made but once. */
    static final class KeyOf implements MapFunction<Long, String> {
        private final long keys;
        private transient String[] made;

        KeyOf(long keys) {
            this.keys = keys;
        }

        @Override
        public String map(Long n) {
            if (made == null) made = new String[(int) keys];
            int k = (int) (((n * 0x9E3779B97F4A7C15L) >>> 1) % keys);
            if (made[k] == null) made[k] = String.format("key-%08d", k);
            return made[k];
        }
    }

    static final class Count extends KeyedProcessFunction<String, String, Tuple2<String, Long>> implements CheckpointListener {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext c) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(String key, Context ctx, Collector<Tuple2<String, Long>> out) throws Exception {
            Long c = count.value();
            long n = c == null ? 1 : c + 1;
            count.update(n);
            out.collect(Tuple2.of(key, n));
        }

        @Override
        public void notifyCheckpointComplete(long id) {
            if (getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0) COMPLETED.incrementAndGet();
        }
    }

    /** Text that no codec makes much smaller. */
    static final class Text extends KeyedProcessFunction<String, String, Long> {
        private final int bytes;
        private transient ValueState<String> text;

        Text(int bytes) {
            this.bytes = bytes;
        }

        @Override
        public void open(OpenContext c) {
            text = getRuntimeContext().getState(new ValueStateDescriptor<>("text", Types.STRING));
        }

        @Override
        public void processElement(String key, Context ctx, Collector<Long> out) throws Exception {
            if (text.value() != null) return;
            java.util.SplittableRandom r = new java.util.SplittableRandom(key.hashCode());
            char[] t = new char[bytes];
            for (int i = 0; i < bytes; i++) t[i] = (char) (' ' + r.nextInt(95));
            text.update(new String(t));
            FILLED.increment();
        }
    }
}
