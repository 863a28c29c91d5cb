import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.state.api.OperatorIdentifier;
import org.apache.flink.state.api.SavepointReader;
import org.apache.flink.state.api.functions.KeyedStateReaderFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.source.legacy.RichParallelSourceFunction;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;

/**
 * A job with one value state of many keys, and a scan of it by the State Processor API.
 *
 * <p>Usage: write BACKEND INCREMENTAL KEYS BYTES DIR FORMAT..., which prints format and path of
 * each savepoint; or scan PATH BACKEND ROUNDS, which prints keys, sum and seconds of each round,
 * without the start of the JVM. The scan knows the state of BYTES 0 only.
 */
public class StateJob {
    static final String UID = "count";
    static final int PARALLELISM = 2;
    static final int MAX_PARALLELISM = 128;

    /** Records that reached their state. Job and caller share the JVM. */
    static final LongAdder WRITTEN = new LongAdder();

    public static void main(String[] a) throws Exception {
        if (a.length > 6 && a[0].equals("write"))
            write(a[1], a[2], Long.parseLong(a[3]), Integer.parseInt(a[4]), Path.of(a[5]),
                    Arrays.copyOfRange(a, 6, a.length));
        else if (a.length == 4 && a[0].equals("scan")) scan(a[1], a[2], Integer.parseInt(a[3]));
        else throw new IllegalArgumentException("want write or scan: " + Arrays.toString(a));
    }

    static void write(
            String backend, String incremental, long keys, int bytes, Path dir, String[] formats)
            throws Exception {
        Path tmp = Files.createDirectories(dir.resolve("tmp")).toAbsolutePath();
        Configuration c = new Configuration();
        c.setString("state.backend.type", backend);
        c.setString("execution.checkpointing.incremental", incremental);
        c.setString("pipeline.object-reuse", "true");
        c.setString("restart-strategy.type", "none");
        c.setString("io.tmp.dirs", tmp.toString());
        // Without a directory Flink keeps savepoints in memory first, and no more than 5 MB.
        c.setString("execution.checkpointing.dir", tmp.resolve("checkpoints").toUri().toString());
        c.setString("taskmanager.memory.managed.size", "1g");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(c);
        env.setParallelism(PARALLELISM);
        env.setMaxParallelism(MAX_PARALLELISM);
        env.addSource(new Keys(keys)).returns(Types.STRING).uid("keys")
                .keyBy(k -> k, Types.STRING)
                .process(bytes == 0 ? new Count() : new Text(bytes)).returns(Types.LONG).uid(UID)
                .sinkTo(new DiscardingSink<>()).uid("sink");
        JobClient job = env.executeAsync("state");
        while (WRITTEN.sum() < keys) {
            if (job.getJobExecutionResult().isDone()) job.getJobExecutionResult().get();
            Thread.sleep(50);
        }
        for (String format : formats) {
            String target = dir.resolve(format).toUri().toString();
            SavepointFormatType type =
                    SavepointFormatType.valueOf(format.toUpperCase(Locale.ROOT));
            System.out.println(format + " " + job.triggerSavepoint(target, type).get());
        }
        job.cancel().get();
        System.exit(0); // without waiting for the threads of the cluster
    }

    /** user-0000000 and so on, once each; then it waits, for a job that ends takes no savepoint. */
    static final class Keys extends RichParallelSourceFunction<String> {
        private final long keys;
        private volatile boolean cancelled;

        Keys(long keys) {
            this.keys = keys;
        }

        @Override
        public void run(SourceContext<String> out) throws Exception {
            int tasks = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
            long k = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
            for (; k < keys && !cancelled; k += tasks) {
                synchronized (out.getCheckpointLock()) {
                    out.collect(key(k, keys));
                }
            }
            while (!cancelled) Thread.sleep(20);
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }

    /** The k-th key of so many, in an order that is not that of the numbers. */
    static String key(long k, long keys) {
        long prime = 7919; // divides none of the powers of ten that benchmarks use
        return "user-" + String.valueOf(10_000_000 + k * prime % keys).substring(1);
    }

    static final class Count extends KeyedProcessFunction<String, String, Long> {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext c) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void processElement(String key, Context ctx, Collector<Long> out) throws Exception {
            count.update(1000L + (key.hashCode() & 0xffff));
            WRITTEN.increment();
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
            SplittableRandom random = new SplittableRandom(key.hashCode());
            StringBuilder b = new StringBuilder(bytes + 10).append(key).append(' ');
            while (b.length() < bytes) {
                long bits = random.nextLong();
                for (int i = 0; i < 10 && b.length() < bytes; i++, bits >>>= 6)
                    b.append((char) ('0' + (bits & 63)));
            }
            text.update(b.toString());
            WRITTEN.increment();
        }
    }

    static void scan(String path, String backend, int rounds) throws Exception {
        for (int i = 0; i < rounds; i++) {
            Configuration c = new Configuration();
            c.setString("state.backend.type", backend);
            StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(c);
            env.setRuntimeMode(RuntimeExecutionMode.BATCH);
            env.setParallelism(PARALLELISM);
            TypeInformation<Tuple2<Long, Long>> pair = Types.TUPLE(Types.LONG, Types.LONG);
            long keys = 0, sum = 0, start = System.nanoTime();
            try (CloseableIterator<Tuple2<Long, Long>> it =
                    SavepointReader.read(env, path)
                            .readKeyedState(OperatorIdentifier.forUid(UID), new Reader(), Types.STRING, Types.LONG)
                            .map(v -> Tuple2.of(1L, v)).returns(pair)
                            .keyBy(v -> 0, Types.INT)
                            .reduce((x, y) -> Tuple2.of(x.f0 + y.f0, x.f1 + y.f1))
                            .executeAndCollect()) {
                while (it.hasNext()) {
                    Tuple2<Long, Long> v = it.next();
                    keys = v.f0;
                    sum = v.f1;
                }
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf(Locale.ROOT, "keys %d sum %d seconds %.3f%n", keys, sum, seconds);
        }
        System.exit(0);
    }

    static final class Reader extends KeyedStateReaderFunction<String, Long> {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext c) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
        }

        @Override
        public void readKey(String key, Context ctx, Collector<Long> out) throws Exception {
            out.collect(count.value());
        }
    }
}
