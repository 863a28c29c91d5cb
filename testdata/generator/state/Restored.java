import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.state.api.OperatorIdentifier;
import org.apache.flink.state.api.SavepointReader;
import org.apache.flink.state.api.functions.KeyedStateReaderFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;
import org.apache.flink.util.ExceptionUtils;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Flink with the state of testdata/jobs/kinds.yaml, as ckpt run wrote it.
 *
 * <p>Usage: triples of an action, a backend, and a snapshot's directory, of which each writes DIR.ACTION.BACKEND.
 * read lists the state by the State Processor API, and run what a job sees that was restored from the snapshot: lines of
 * fields with tabs between. The first line is "failed" where Flink refuses, and its error follows.
 */
public class Restored {
    static final TypeInformation<Row> ROW =
            Types.ROW(Types.LONG, Types.LONG, Types.STRING, Types.LONG);
    static final TypeInformation<Row> CUSTOMER =
            Types.ROW(Types.LONG, Types.LONG, Types.STRING, Types.LONG);

    public static void main(String[] a) throws Exception {
        for (int i = 0; i + 2 < a.length; i += 3) {
            List<String> lines;
            try {
                lines = a[i].equals("read") ? read(a[i + 1], a[i + 2]) : run(a[i + 1], a[i + 2]);
            } catch (Exception e) {
                lines = new ArrayList<>(Arrays.asList("failed", ExceptionUtils.stringifyException(e)));
            }
            Files.write(Path.of(a[i + 2] + "." + a[i] + "." + a[i + 1]), lines);
        }
        System.exit(0); // without waiting for the threads of the clusters
    }

    static StreamExecutionEnvironment environment(String backend, Configuration c) {
        c.setString("state.backend.type", backend);
        c.setString("restart-strategy.type", "none");
        c.setString("taskmanager.memory.managed.size", "256mb");
        c.setString("taskmanager.memory.network.min", "64mb");
        c.setString("taskmanager.memory.network.max", "64mb");
        c.setString("taskmanager.numberOfTaskSlots", "4");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(c);
        env.setParallelism(1);
        return env;
    }

    static List<String> read(String backend, String dir) throws Exception {
        StreamExecutionEnvironment env = environment(backend, new Configuration());
        env.setRuntimeMode(RuntimeExecutionMode.BATCH);
        SavepointReader r = SavepointReader.read(env, Path.of(dir).toUri().toString());
        DataStream<String> all =
                r.readKeyedState(OperatorIdentifier.forUid("count"), new Counts(), Types.STRING, Types.STRING)
                        .union(
                                r.readKeyedState(OperatorIdentifier.forUid("once"), new Seen(), Types.LONG, Types.STRING),
                                r.readKeyedState(OperatorIdentifier.forUid("pairs"), new Left(), Types.LONG, Types.STRING),
                                r.readBroadcastState(OperatorIdentifier.forUid("known"), "table", Types.LONG, CUSTOMER)
                                        .map(t -> "table\t" + t.f0 + "\t" + row(t.f1))
                                        .returns(Types.STRING),
                                r.readUnionState(OperatorIdentifier.forUid("numbers"), "splits", Types.TUPLE(Types.STRING, Types.LONG, Types.LONG, Types.BOOLEAN))
                                        .map(t -> splits((Tuple4<?, ?, ?, ?>) t))
                                        .returns(Types.STRING));
        List<String> lines = new ArrayList<>();
        try (CloseableIterator<String> it = all.executeAndCollect()) {
            it.forEachRemaining(lines::add);
        }
        return lines;
    }

    static String splits(Tuple4<?, ?, ?, ?> t) {
        return "splits\t" + t.f0 + "\t" + t.f1 + "\t" + t.f2 + "\t" + t.f3;
    }

    static String row(Row r) {
        return IntStream.range(0, r.getArity()).mapToObj(i -> String.valueOf(r.getField(i))).collect(Collectors.joining(","));
    }

    static ValueStateDescriptor<Long> counts() {
        return new ValueStateDescriptor<>("aggregates", Types.LONG);
    }

    /** A job whose count of a key is the restored one and one more. */
    static List<String> run(String backend, String dir) throws Exception {
        Configuration c = new Configuration();
        c.setString("execution.state-recovery.path", Path.of(dir).toUri().toString());
        c.setString("execution.state-recovery.ignore-unclaimed-state", "true");
        StreamExecutionEnvironment env = environment(backend, c);
        env.setParallelism(2);
        env.setMaxParallelism(128);
        String[] keys = IntStream.range(0, 500).mapToObj(i -> String.format("key-%08d", i)).toArray(String[]::new);
        List<String> lines = new ArrayList<>();
        try (CloseableIterator<String> it =
                env.fromData(keys).uid("keys").keyBy(k -> k, Types.STRING).process(new Count()).returns(Types.STRING).uid("count").executeAndCollect()) {
            it.forEachRemaining(lines::add);
        }
        return lines;
    }

    static final class Count extends KeyedProcessFunction<String, String, String> {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext c) {
            count = getRuntimeContext().getState(counts());
        }

        @Override
        public void processElement(String key, Context ctx, Collector<String> out) throws Exception {
            Long had = count.value();
            count.update(had == null ? 1 : had + 1);
            out.collect(key + "\t" + count.value());
        }
    }

    static final class Counts extends KeyedStateReaderFunction<String, String> {
        private transient ValueState<Long> count;

        @Override
        public void open(OpenContext c) {
            count = getRuntimeContext().getState(counts());
        }

        @Override
        public void readKey(String key, Context ctx, Collector<String> out) throws Exception {
            out.collect("aggregates\t" + key + "\t" + count.value());
        }
    }

    static final class Seen extends KeyedStateReaderFunction<Long, String> {
        private transient ValueState<Boolean> seen;

        @Override
        public void open(OpenContext c) {
            ValueStateDescriptor<Boolean> d = new ValueStateDescriptor<>("seen", Types.BOOLEAN);
            d.enableTimeToLive(StateTtlConfig.newBuilder(Duration.ofHours(1)).build());
            seen = getRuntimeContext().getState(d);
        }

        @Override
        public void readKey(Long key, Context ctx, Collector<String> out) throws Exception {
            if (seen.value() != null) out.collect("seen\t" + key + "\t" + seen.value());
        }
    }

    /** The left side of an interval join, and its timers, which are in a namespace of a name. */
    static final class Left extends KeyedStateReaderFunction<Long, String> {
        private transient MapState<Long, List<Row>> left;

        @Override
        public void open(OpenContext c) {
            left = getRuntimeContext().getMapState(new MapStateDescriptor<>("left-buffer", Types.LONG, Types.LIST(ROW)));
        }

        @Override
        public void readKey(Long key, Context ctx, Collector<String> out) throws Exception {
            for (Map.Entry<Long, List<Row>> e : left.entries())
                out.collect("left-buffer\t" + key + "\t" + e.getKey() + "\t" + e.getValue().stream().map(Restored::row).collect(Collectors.joining(";")));
        }
    }
}
