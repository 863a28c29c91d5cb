import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * Counts numbers by key, and fails when a count is not what the numbers seen so far make it: number n is the (n /
 * keys + 1)-th of its key. What it counted is therefore right as long as it runs, and a restore that lost or doubled
 * anything ends it. Arguments are name=value: name, count, rate, keys, payload (bytes kept for each key); all others
 * go to Flink's configuration of the job.
 */
public class CountJob {
    public static void main(String[] arguments) throws Exception {
        Map<String, String> own = new HashMap<>(Map.of(
                "name", "count", "count", String.valueOf(Long.MAX_VALUE), "rate", "1000", "keys", "100", "payload", "100"));
        Configuration conf = new Configuration();
        conf.setString("parallelism.default", "2");
        conf.setString("restart-strategy.type", "none");
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (own.replace(pair[0], pair[1]) == null) {
                conf.setString(pair[0], pair[1]);
            }
        }
        int keys = Integer.parseInt(own.get("keys"));
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        GeneratorFunction<Long, Long> identity = n -> n;
        DataGeneratorSource<Long> numbers = new DataGeneratorSource<>(
                identity,
                Long.parseLong(own.get("count")),
                RateLimiterStrategy.perSecond(Double.parseDouble(own.get("rate"))),
                Types.LONG);
        env.fromSource(numbers, WatermarkStrategy.noWatermarks(), "numbers").uid("numbers")
                // One reader alone hands numbers out in their order.
                .setParallelism(1)
                .keyBy(n -> (int) (n % keys), Types.INT)
                .process(new Count(keys, Integer.parseInt(own.get("payload")))).uid("count").name("count")
                .sinkTo(new org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink<>()).uid("nothing");
        env.execute(own.get("name"));
    }

    /** Keeps "count:payload" for each key. */
    static class Count extends KeyedProcessFunction<Integer, Long, Long> {
        private final int keys;
        private final int payload;
        private transient ValueState<String> seen;

        Count(int keys, int payload) {
            this.keys = keys;
            this.payload = payload;
        }

        @Override
        public void open(OpenContext context) {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.STRING));
        }

        @Override
        public void processElement(Long n, Context context, Collector<Long> out) throws Exception {
            String before = seen.value();
            long count = before == null ? 1 : Long.parseLong(before.substring(0, before.indexOf(':'))) + 1;
            if (count != n / keys + 1) {
                throw new IllegalStateException("number " + n + " is the " + count + "th of its key");
            }
            seen.update(count + ":" + "x".repeat(payload));
            out.collect(count);
        }
    }
}
