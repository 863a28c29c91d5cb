import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Counts the numbers 0, 1, 2 … by key, keeps the last ones of each key, and how many there were in all. Number n makes
 * all of that known, so that each number checks what is kept of its key; what a restore lost or doubled fails the job.
 * Arguments are name=value: name, rate, keys, payload (bytes with each number that is kept); all others go to Flink's
 * configuration of the job.
 */
public class SoakJob {
    /** How many numbers are kept of each key. */
    static final int KEPT = 4;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> own = new HashMap<>(Map.of("name", "soak", "rate", "1000", "keys", "300", "payload", "200"));
        Configuration conf = new Configuration();
        conf.setString("restart-strategy.type", "none");
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (own.replace(pair[0], pair[1]) == null) {
                conf.setString(pair[0], pair[1]);
            }
        }
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        build(env, own);
        env.execute(own.get("name"));
    }

    static void build(StreamExecutionEnvironment env, Map<String, String> own) {
        int keys = Integer.parseInt(own.get("keys"));
        GeneratorFunction<Long, Long> identity = n -> n;
        DataGeneratorSource<Long> numbers = new DataGeneratorSource<>(
                identity, Long.MAX_VALUE, RateLimiterStrategy.perSecond(Double.parseDouble(own.get("rate"))), Types.LONG);
        env.fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers").uid("numbers")
                // One reader alone hands numbers out in their order.
                .setParallelism(1)
                .keyBy(n -> (int) (n % keys), Types.INT)
                .process(new Count(keys, Integer.parseInt(own.get("payload")))).uid("count").name("count")
                .sinkTo(new DiscardingSink<>()).uid("nothing");
    }

    /** Keeps a count and the last numbers of each key, and of each subtask how many it has handled. */
    static class Count extends KeyedProcessFunction<Integer, Long, Long> implements CheckpointedFunction {
        private final int keys;
        private final String payload;
        private transient ValueState<Long> count;
        private transient MapState<Integer, String> last;
        private transient ListState<Long> total;
        private transient long handled;

        Count(int keys, int payload) {
            this.keys = keys;
            this.payload = "x".repeat(payload);
        }

        @Override
        public void initializeState(FunctionInitializationContext context) throws Exception {
            total = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("total", Types.LONG));
            for (long part : total.get()) {
                handled += part;
            }
            Verify.restored(handled);
        }

        @Override
        public void snapshotState(FunctionSnapshotContext context) throws Exception {
            total.clear();
            total.add(handled);
        }

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
            last = getRuntimeContext().getMapState(new MapStateDescriptor<>("last", Types.INT, Types.STRING));
        }

        @Override
        public void processElement(Long n, Context context, Collector<Long> out) throws Exception {
            long before = count.value() == null ? 0 : count.value();
            if (before != n / keys) {
                throw new IllegalStateException("number " + n + ": " + before + " of its key were counted before");
            }
            for (long back = 1; back <= Math.min(KEPT, before); back++) {
                String found = last.get((int) ((before - back) % KEPT));
                if (!kept(n - back * keys).equals(found)) {
                    throw new IllegalStateException("number " + n + ": in place of number " + (n - back * keys) + " there is " + found);
                }
            }
            Verify.seen(n, before);
            count.update(before + 1);
            last.put((int) (before % KEPT), kept(n));
            handled++;
            out.collect(before);
        }

        private String kept(long n) {
            return n + payload;
        }
    }
}
