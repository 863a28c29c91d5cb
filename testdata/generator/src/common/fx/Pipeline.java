package fx;

import static fx.Model.*;

import org.apache.flink.api.common.*;
import org.apache.flink.api.common.functions.Partitioner;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.configuration.*;
import org.apache.flink.runtime.minicluster.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;
import org.apache.flink.streaming.api.datastream.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

import java.io.*;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

/** What a job computes, and how much of it. */
public class Pipeline {
    final String kind;
    int par = 2;

    /** Of the last operator, which keeps it when the others are rescaled. */
    int fixedPar = 2;

    int maxPar = 128;
    int srcPar = 1;
    int perRound = 300;

    /**
     * The source emits a whole round under the checkpoint lock, so that a checkpoint never cuts it.
     */
    boolean bulk = true;

    boolean partialFinish;

    Pipeline(String kind) {
        this.kind = kind;
    }

    Pipeline parallelism(int n) {
        par = n;
        return this;
    }

    Pipeline maxParallelism(int n) {
        maxPar = n;
        return this;
    }

    Pipeline perRound(int n) {
        perRound = n;
        return this;
    }

    /**
     * Adds the operators to env and their description to ops; returns the names of the counters in
     * Model.Ctl.
     */
    List<String> build(StreamExecutionEnvironment env, ArrayNode ops) {
        env.setParallelism(par);
        env.setMaxParallelism(maxPar);
        List<String> counters = new ArrayList<>();
        SingleOutputStreamOperator<Event> src =
                env.addSource(
                                new CtlSource(perRound, false, partialFinish, bulk),
                                "ctl-source",
                                TypeInformation.of(Event.class))
                        .setParallelism(srcPar)
                        .uid("src");
        op(ops, "src", null, null, "source-pos: union list<Long>", srcPar);
        if (kind.equals("rich")) {
            src.partitionCustom(
                            (Partitioner<Long>) (k, n) -> (int) (k % n),
                            (KeySelector<Event, Long>) e -> e.id)
                    .process(new OpStateFn())
                    .setParallelism(2)
                    .uid("opstate")
                    .name("op-state")
                    .sinkTo(new DiscardingSink<>())
                    .setParallelism(2)
                    .name("opsink");
            op(
                    ops,
                    "opstate",
                    null,
                    null,
                    "op-list: list<String>; op-union: union list<Tuple2<Int,Long>>; op-bcast:"
                            + " broadcast<String,Long>",
                    2);
            src.keyBy(e -> e.user, Types.STRING)
                    .process(new KindsFn())
                    .uid("kinds")
                    .name("kinds")
                    .sinkTo(new DiscardingSink<>())
                    .name("kinds-sink");
            op(
                    ops,
                    "kinds",
                    null,
                    "String",
                    "count:Value<Long>; last:Value<String>; profile:Value<Profile pojo>;"
                        + " amounts:List<Double>; byKind:Map<String,Integer>; sum:Reducing<Long>;"
                        + " avg:Aggregating<acc Tuple2<Long,Double>>; ttl:Value<String> ttl;"
                        + " ttlMap:Map<String,Long> ttl; event-time + processing-time timers",
                    par);
            src.keyBy(e -> e.acct, Types.LONG)
                    .process(new PrimsFn())
                    .uid("prims")
                    .name("prims")
                    .sinkTo(new DiscardingSink<>())
                    .name("prims-sink");
            op(
                    ops,
                    "prims",
                    null,
                    "Long",
                    "i:Int; b:Boolean; f:Float; s:Short; by:Byte; bytes:byte[]; dec:BigDecimal;"
                            + " m:Map<Long,Profile>",
                    par);
            SingleOutputStreamOperator<String> tup =
                    src.keyBy(e -> Tuple2.of(e.kind, (int) (e.id % 11)), TUPK)
                            .process(new TupFn())
                            .name("tuple");
            tup.setUidHash("00112233445566778899aabbccddeeff");
            tup.sinkTo(new DiscardingSink<>()).name("tuple-sink");
            op(
                    ops,
                    null,
                    "00112233445566778899aabbccddeeff",
                    "Tuple2<String,Integer>",
                    "lst:Value<List<String>>; tl:List<Tuple2<Long,String>>",
                    par);
            src.keyBy(e -> new PKey(e.id % 13 == 0 ? null : e.kind, (int) (e.id % 7)), PKEY)
                    .process(new PojoFn())
                    .uid("pojo")
                    .name("pojo")
                    .sinkTo(new DiscardingSink<>())
                    .name("pojo-sink");
            op(
                    ops,
                    "pojo",
                    null,
                    "PKey pojo{bucket:int,kind:String}",
                    "mp:Value<Map<String,Long>>; color:Value<enum Color>;"
                            + " tm:Map<Tuple2<Int,String>,Double>",
                    par);
            src.keyBy(e -> e.kind, Types.STRING)
                    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(20)))
                    .aggregate(
                            new WAgg(),
                            Types.TUPLE(Types.LONG, Types.DOUBLE),
                            Types.TUPLE(Types.LONG, Types.DOUBLE))
                    .uid("wagg")
                    .name("wagg")
                    .sinkTo(new DiscardingSink<>())
                    .name("wagg-sink");
            op(
                    ops,
                    "wagg",
                    null,
                    "String",
                    "window-contents: Aggregating<acc Tuple2<Long,Double>> ns TimeWindow 20s;"
                            + " event-time window timers",
                    par);
            src.keyBy(e -> e.acct, Types.LONG)
                    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(30)))
                    .process(new WList(), Types.STRING)
                    .uid("wlist")
                    .name("wlist")
                    .sinkTo(new DiscardingSink<>())
                    .name("wlist-sink");
            op(
                    ops,
                    "wlist",
                    null,
                    "Long",
                    "window-contents: List<Event pojo> ns TimeWindow 30s; event-time window timers",
                    par);
            counters.addAll(Arrays.asList("opstate", "kinds", "prims", "tuple", "pojo", "wagg"));
        } else if (kind.equals("small") || kind.equals("finish")) {
            src.keyBy(e -> e.user, Types.STRING)
                    .process(new CounterFn())
                    .uid("counter")
                    .name("counter")
                    .returns(TypeInformation.of(Event.class))
                    .keyBy(e -> e.acct, Types.LONG)
                    .process(new TotalsFn())
                    .setParallelism(fixedPar)
                    .uid("totals")
                    .name("totals")
                    .sinkTo(new DiscardingSink<>())
                    .setParallelism(fixedPar)
                    .name("sink");
            op(
                    ops,
                    "counter",
                    null,
                    "String",
                    "count:Value<Long>; last:Value<String>; byKind:Map<String,Long>; event-time"
                            + " timers at 4102444800000+id for id%4==0",
                    par);
            op(ops, "totals", null, "Long", "total:Value<Double>; ids:List<Long>", fixedPar);
            counters.addAll(Arrays.asList("counter", "totals"));
            if (kind.equals("finish")) {
                env.addSource(
                                new CtlSource(60, true, false, true),
                                "bounded-source",
                                TypeInformation.of(Event.class))
                        .setParallelism(2)
                        .uid("bsrc")
                        .keyBy(e -> e.user, Types.STRING)
                        .process(new OneFn())
                        .setParallelism(2)
                        .uid("bkeyed")
                        .name("bkeyed")
                        .sinkTo(new DiscardingSink<>())
                        .setParallelism(2)
                        .name("bsink");
                op(ops, "bsrc", null, null, "finishes", 2);
                op(ops, "bkeyed", null, "String", "one:Value<Long>; finishes", 2);
            }
        } else if (kind.equals("bcast")) {
            DataStream<Event> rules =
                    env.addSource(
                                    new CtlSource(20, false, false, true),
                                    "rules-source",
                                    TypeInformation.of(Event.class))
                            .setParallelism(1)
                            .uid("rules-src");
            op(ops, "rules-src", null, null, "source-pos: union list<Long>", 1);
            src.keyBy(e -> e.user, Types.STRING)
                    .connect(rules.broadcast(RULES, RULES2))
                    .process(new BcFn())
                    .uid("bcfn")
                    .name("bcfn")
                    .sinkTo(new DiscardingSink<>())
                    .name("sink");
            op(
                    ops,
                    "bcfn",
                    null,
                    "String",
                    "rules: broadcast<String,Long>; rules2: broadcast<Int,String>;"
                            + " seen:Value<Long>",
                    par);
            src.partitionCustom(
                            (Partitioner<Long>) (k, n) -> (int) (k % n),
                            (KeySelector<Event, Long>) e -> e.id)
                    .process(new OpStateFn())
                    .uid("opstate")
                    .name("op-state")
                    .sinkTo(new DiscardingSink<>())
                    .name("opsink");
            op(
                    ops,
                    "opstate",
                    null,
                    null,
                    "op-list: list<String>; op-union: union list<Tuple2<Int,Long>>; op-bcast:"
                            + " broadcast<String,Long>",
                    par);
            counters.addAll(Arrays.asList("opstate", "bc"));
        } else if (kind.equals("flip27")) {
            org.apache.flink.api.connector.source.Source<Long, ?, ?> s =
                    new org.apache.flink.connector.datagen.source.DataGeneratorSource<>(
                            (org.apache.flink.connector.datagen.source.GeneratorFunction<
                                            Long, Long>)
                                    i -> i,
                            1_000_000L,
                            org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy
                                    .perCheckpoint(100),
                            Types.LONG);
            env.fromSource(
                            s,
                            org.apache.flink.api.common.eventtime.WatermarkStrategy.noWatermarks(),
                            "datagen")
                    .uid("datagen")
                    .keyBy(x -> x % 10, Types.LONG)
                    .process(new LongFn())
                    .uid("longs")
                    .sinkTo(new DiscardingSink<>());
            op(
                    ops,
                    "datagen",
                    null,
                    null,
                    "FLIP-27 source: SourceReaderState list + coordinator state",
                    par);
            op(ops, "longs", null, "Long", "n:Value<Long>", par);
        }
        return counters;
    }

    public static class OneFn
            extends org.apache.flink.streaming.api.functions.KeyedProcessFunction<
                    String, Event, String> {
        transient org.apache.flink.api.common.state.ValueState<Long> one;

        @Override
        public void open(org.apache.flink.api.common.functions.OpenContext o) {
            one =
                    getRuntimeContext()
                            .getState(
                                    new org.apache.flink.api.common.state.ValueStateDescriptor<>(
                                            "one", Types.LONG));
        }

        @Override
        public void processElement(Event e, Context c, org.apache.flink.util.Collector<String> out)
                throws Exception {
            one.update(e.id);
            Ctl.inc("bkeyed");
        }
    }

    public static class LongFn
            extends org.apache.flink.streaming.api.functions.KeyedProcessFunction<
                    Long, Long, String> {
        transient org.apache.flink.api.common.state.ValueState<Long> n;

        @Override
        public void open(org.apache.flink.api.common.functions.OpenContext o) {
            n =
                    getRuntimeContext()
                            .getState(
                                    new org.apache.flink.api.common.state.ValueStateDescriptor<>(
                                            "n", Types.LONG));
        }

        @Override
        public void processElement(Long e, Context c, org.apache.flink.util.Collector<String> out)
                throws Exception {
            n.update(e);
            Ctl.inc("longs");
        }
    }

    static void op(ArrayNode a, String uid, String hash, String key, String states, int par) {
        if (a == null) return;
        ObjectNode o = a.addObject();
        if (uid != null) o.put("uid", uid);
        if (hash != null) o.put("uidHash", hash);
        o.put("parallelism", par);
        o.put("keyType", key);
        o.put("states", states);
    }
}
