package fx;

import org.apache.flink.api.common.functions.*;
import org.apache.flink.api.common.state.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.runtime.state.*;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.*;
import org.apache.flink.streaming.api.functions.co.*;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Records, control block, source and all stateful functions. */
public class Model {
    public static final long BASE = 1_700_000_000_000L;
    public static final long FAR = 4_102_444_800_000L; // 2100-01-01

    public static class Ctl {
        public static volatile int round;
        public static volatile boolean finishSome;
        public static volatile long slowMs;
        public static final ConcurrentHashMap<String, AtomicLong> counts =
                new ConcurrentHashMap<>();

        public static void reset() {
            round = 0;
            finishSome = false;
            slowMs = 0;
            counts.clear();
        }

        public static void inc(String n) {
            counts.computeIfAbsent(n, k -> new AtomicLong()).incrementAndGet();
        }

        public static long get(String n) {
            AtomicLong a = counts.get(n);
            return a == null ? 0 : a.get();
        }
    }

    public enum Color {
        RED,
        GREEN,
        BLUE
    }

    public static class Event {
        public long id;
        public String user;
        public long acct;
        public String kind;
        public double amount;
        public int round;
        public long ts;

        public Event() {}
    }

    public static class Profile {
        public String name;
        public int visits;
        public Long lastAcct;
        public double total;
        public Color color;
        public List<String> tags = new ArrayList<>();
        public Map<String, Long> seen = new TreeMap<>();

        public Profile() {}
    }

    public static class PKey {
        public String kind;
        public int bucket;

        public PKey() {}

        public PKey(String k, int b) {
            kind = k;
            bucket = b;
        }

        @Override
        public int hashCode() {
            return 31 * (kind == null ? 0 : kind.hashCode()) + bucket;
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof PKey
                    && ((PKey) o).bucket == bucket
                    && Objects.equals(((PKey) o).kind, kind);
        }
    }

    static final String[] KINDS = {"click", "view", "buy", "refund", "ping"};
    static final String[] ODD = {"", "żółw", "用户", "a b\"c\\d", "😀x", "\u0000nul"};

    public static Event event(long pos, int perRound) {
        int round = (int) (pos / perRound), i = (int) (pos % perRound);
        Random r = new Random(pos * 0x9E3779B97F4A7C15L + 12345);
        Event e = new Event();
        e.id = pos;
        int u = r.nextInt(60);
        e.user = u < ODD.length ? ODD[u] : "user-" + u;
        e.acct = (r.nextInt(40) - 5) * 1_000_003L;
        e.kind = KINDS[r.nextInt(KINDS.length)];
        e.amount = Math.round(r.nextDouble() * 100000) / 100.0 - 50;
        e.round = round;
        e.ts = BASE + round * 60_000L + (i * 60_000L) / perRound;
        return e;
    }

    public static class CtlSource extends V.SrcBase<Event> implements CheckpointedFunction {
        final int perRound;
        final boolean finishes;
        final boolean partial;
        final boolean bulk;
        transient ListState<Long> st;
        transient long pos;
        volatile boolean running = true;

        public CtlSource(int perRound, boolean finishes, boolean partial, boolean bulk) {
            this.perRound = perRound;
            this.finishes = finishes;
            this.partial = partial;
            this.bulk = bulk;
        }

        @Override
        public void run(SourceContext<Event> ctx) throws Exception {
            int idx = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(),
                    par = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
            while (running) {
                long target = (long) Ctl.round * perRound;
                if (pos < target) {
                    synchronized (ctx.getCheckpointLock()) {
                        do {
                            if (pos % par == idx) {
                                Event e = event(pos, perRound);
                                ctx.collectWithTimestamp(e, e.ts);
                            }
                            pos++;
                        } while (bulk && pos < target);
                        if (pos >= target)
                            ctx.emitWatermark(
                                    new org.apache.flink.streaming.api.watermark.Watermark(
                                            BASE + (Ctl.round - 1) * 60_000L + 30_000L));
                    }
                } else {
                    if (Ctl.finishSome && (finishes || (partial && idx == 0))) return;
                    Thread.sleep(5);
                }
            }
        }

        @Override
        public void cancel() {
            running = false;
        }

        @Override
        public void snapshotState(FunctionSnapshotContext c) throws Exception {
            st.update(Collections.singletonList(pos));
        }

        @Override
        public void initializeState(FunctionInitializationContext c) throws Exception {
            ListStateDescriptor<Long> d = new ListStateDescriptor<>("source-pos", Types.LONG);
            st =
                    partial
                            ? c.getOperatorStateStore().getListState(d)
                            : c.getOperatorStateStore().getUnionListState(d);
            long m = Long.MAX_VALUE;
            for (Long l : st.get()) m = Math.min(m, l);
            pos = m == Long.MAX_VALUE ? 0 : m;
        }
    }

    // ---- operator state of the 3 kinds
    public static class OpStateFn extends ProcessFunction<Event, Event>
            implements CheckpointedFunction {
        public static final ListStateDescriptor<String> LIST =
                new ListStateDescriptor<>("op-list", Types.STRING);
        public static final ListStateDescriptor<Tuple2<Integer, Long>> UNION =
                new ListStateDescriptor<>("op-union", Types.TUPLE(Types.INT, Types.LONG));
        public static final MapStateDescriptor<String, Long> BC =
                new MapStateDescriptor<>("op-bcast", Types.STRING, Types.LONG);
        transient ListState<String> list;
        transient ListState<Tuple2<Integer, Long>> union;
        transient BroadcastState<String, Long> bc;
        transient long n;

        @Override
        public void processElement(Event e, Context c, Collector<Event> out) throws Exception {
            n++;
            if (e.id % 50 == 0) list.add("e" + e.id + "-" + e.kind);
            Ctl.inc("opstate");
            out.collect(e);
        }

        @Override
        public void snapshotState(FunctionSnapshotContext c) throws Exception {
            union.update(
                    Arrays.asList(
                            Tuple2.of(
                                    getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(), n)));
        }

        @Override
        public void initializeState(FunctionInitializationContext c) throws Exception {
            list = c.getOperatorStateStore().getListState(LIST);
            union = c.getOperatorStateStore().getUnionListState(UNION);
            bc = c.getOperatorStateStore().getBroadcastState(BC);
            for (Tuple2<Integer, Long> t : union.get())
                if (t.f0 == getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()) n = t.f1;
            for (int i = 0; i < 5; i++) bc.put("rule-" + i, i * 111L - 222);
        }
    }

    // ---- keyed String
    public static class Avg implements AggregateFunction<Double, Tuple2<Long, Double>, Double> {
        public Tuple2<Long, Double> createAccumulator() {
            return Tuple2.of(0L, 0.0);
        }

        public Tuple2<Long, Double> add(Double v, Tuple2<Long, Double> a) {
            return Tuple2.of(a.f0 + 1, a.f1 + v);
        }

        public Double getResult(Tuple2<Long, Double> a) {
            return a.f0 == 0 ? 0 : a.f1 / a.f0;
        }

        public Tuple2<Long, Double> merge(Tuple2<Long, Double> a, Tuple2<Long, Double> b) {
            return Tuple2.of(a.f0 + b.f0, a.f1 + b.f1);
        }
    }

    public static class Sum implements ReduceFunction<Long> {
        public Long reduce(Long a, Long b) {
            return a + b;
        }
    }

    public static class KindsD {
        public static ValueStateDescriptor<Long> count() {
            return new ValueStateDescriptor<>("count", Types.LONG);
        }

        public static ValueStateDescriptor<String> last() {
            return new ValueStateDescriptor<>("last", Types.STRING);
        }

        public static ValueStateDescriptor<Profile> profile() {
            return new ValueStateDescriptor<>("profile", TypeInformation.of(Profile.class));
        }

        public static ListStateDescriptor<Double> amounts() {
            return new ListStateDescriptor<>("amounts", Types.DOUBLE);
        }

        public static MapStateDescriptor<String, Integer> byKind() {
            return new MapStateDescriptor<>("byKind", Types.STRING, Types.INT);
        }

        public static ReducingStateDescriptor<Long> sum() {
            return new ReducingStateDescriptor<>("sum", new Sum(), Types.LONG);
        }

        public static AggregatingStateDescriptor<Double, Tuple2<Long, Double>, Double> avg() {
            return new AggregatingStateDescriptor<>(
                    "avg", new Avg(), Types.TUPLE(Types.LONG, Types.DOUBLE));
        }

        static StateTtlConfig ttlc() {
            return StateTtlConfig.newBuilder(Duration.ofDays(3650))
                    .setUpdateType(StateTtlConfig.UpdateType.OnCreateAndWrite)
                    .build();
        }

        public static ValueStateDescriptor<String> ttl() {
            ValueStateDescriptor<String> d = new ValueStateDescriptor<>("ttl", Types.STRING);
            d.enableTimeToLive(ttlc());
            return d;
        }

        public static MapStateDescriptor<String, Long> ttlMap() {
            MapStateDescriptor<String, Long> d =
                    new MapStateDescriptor<>("ttlMap", Types.STRING, Types.LONG);
            d.enableTimeToLive(ttlc());
            return d;
        }
    }

    public static class KindsFn extends KeyedProcessFunction<String, Event, String> {
        transient ValueState<Long> count;
        transient ValueState<String> last, ttl;
        transient ValueState<Profile> profile;
        transient ListState<Double> amounts;
        transient MapState<String, Integer> byKind;
        transient ReducingState<Long> sum;
        transient AggregatingState<Double, Double> avg;
        transient MapState<String, Long> ttlMap;

        @Override
        public void open(OpenContext o) {
            RuntimeContext c = getRuntimeContext();
            count = c.getState(KindsD.count());
            last = c.getState(KindsD.last());
            profile = c.getState(KindsD.profile());
            amounts = c.getListState(KindsD.amounts());
            byKind = c.getMapState(KindsD.byKind());
            sum = c.getReducingState(KindsD.sum());
            avg = c.getAggregatingState(KindsD.avg());
            ttl = c.getState(KindsD.ttl());
            ttlMap = c.getMapState(KindsD.ttlMap());
        }

        @Override
        public void processElement(Event e, Context c, Collector<String> out) throws Exception {
            Long n = count.value();
            count.update(n == null ? 1 : n + 1);
            last.update(e.kind + "#" + e.id);
            Profile p = profile.value();
            if (p == null) {
                p = new Profile();
                p.name = e.id % 9 == 0 ? null : "n:" + e.user;
            }
            p.visits++;
            p.lastAcct = e.acct < 0 ? null : e.acct;
            p.total += e.amount;
            p.color = Color.values()[(int) (e.id % 3)];
            if (p.tags.size() < 4) p.tags.add(e.kind);
            p.seen.merge(e.kind, 1L, Long::sum);
            profile.update(p);
            amounts.add(e.amount);
            Integer k = byKind.get(e.kind);
            byKind.put(e.kind, k == null ? 1 : k + 1);
            sum.add(e.acct);
            avg.add(e.amount);
            ttl.update("t" + e.id);
            ttlMap.put(e.kind, e.id);
            c.timerService().registerEventTimeTimer(e.ts + 45_000 + (e.id % 7) * 10_000);
            if (e.id % 5 == 0) c.timerService().registerProcessingTimeTimer(FAR + e.id);
            Ctl.inc("kinds");
            out.collect(e.user);
        }

        @Override
        public void onTimer(long ts, OnTimerContext c, Collector<String> out) throws Exception {
            if (ts % 3 == 0)
                byKind.put(
                        "timer-fired",
                        byKind.contains("timer-fired") ? byKind.get("timer-fired") + 1 : 1);
        }
    }

    // ---- keyed Long, primitives
    public static class PrimsD {
        public static ValueStateDescriptor<Integer> i() {
            return new ValueStateDescriptor<>("i", Types.INT);
        }

        public static ValueStateDescriptor<Boolean> b() {
            return new ValueStateDescriptor<>("b", Types.BOOLEAN);
        }

        public static ValueStateDescriptor<Float> f() {
            return new ValueStateDescriptor<>("f", Types.FLOAT);
        }

        public static ValueStateDescriptor<Short> s() {
            return new ValueStateDescriptor<>("s", Types.SHORT);
        }

        public static ValueStateDescriptor<Byte> by() {
            return new ValueStateDescriptor<>("by", Types.BYTE);
        }

        public static ValueStateDescriptor<byte[]> bytes() {
            return new ValueStateDescriptor<>(
                    "bytes", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);
        }

        public static ValueStateDescriptor<BigDecimal> dec() {
            return new ValueStateDescriptor<>("dec", Types.BIG_DEC);
        }

        public static MapStateDescriptor<Long, Profile> m() {
            return new MapStateDescriptor<>("m", Types.LONG, TypeInformation.of(Profile.class));
        }
    }

    public static class PrimsFn extends KeyedProcessFunction<Long, Event, String> {
        transient ValueState<Integer> i;
        transient ValueState<Boolean> b;
        transient ValueState<Float> f;
        transient ValueState<Short> s;
        transient ValueState<Byte> by;
        transient ValueState<byte[]> bytes;
        transient ValueState<BigDecimal> dec;
        transient MapState<Long, Profile> m;

        @Override
        public void open(OpenContext o) {
            RuntimeContext c = getRuntimeContext();
            i = c.getState(PrimsD.i());
            b = c.getState(PrimsD.b());
            f = c.getState(PrimsD.f());
            s = c.getState(PrimsD.s());
            by = c.getState(PrimsD.by());
            bytes = c.getState(PrimsD.bytes());
            dec = c.getState(PrimsD.dec());
            m = c.getMapState(PrimsD.m());
        }

        @Override
        public void processElement(Event e, Context c, Collector<String> out) throws Exception {
            i.update((i.value() == null ? 0 : i.value()) + 1);
            b.update((e.acct / 1_000_003L) % 2 == 0);
            f.update((float) (e.acct / 7.0));
            s.update((short) e.acct);
            by.update((byte) (e.acct % 100));
            bytes.update(Long.toHexString(e.acct).getBytes("UTF-8"));
            dec.update(BigDecimal.valueOf(e.acct, 3));
            long mk = e.acct % 3;
            Profile p = new Profile();
            p.name = "acct" + e.acct;
            p.visits = (int) mk;
            p.color = Color.GREEN;
            m.put(mk, p);
            Ctl.inc("prims");
            out.collect("");
        }
    }

    // ---- keyed Tuple2 (uidHash)
    public static class TupD {
        public static ValueStateDescriptor<List<String>> lst() {
            return new ValueStateDescriptor<>("lst", Types.LIST(Types.STRING));
        }

        public static ListStateDescriptor<Tuple2<Long, String>> tl() {
            return new ListStateDescriptor<>("tl", Types.TUPLE(Types.LONG, Types.STRING));
        }
    }

    public static class TupFn extends KeyedProcessFunction<Tuple2<String, Integer>, Event, String> {
        transient ValueState<List<String>> lst;
        transient ListState<Tuple2<Long, String>> tl;

        @Override
        public void open(OpenContext o) {
            lst = getRuntimeContext().getState(TupD.lst());
            tl = getRuntimeContext().getListState(TupD.tl());
        }

        @Override
        public void processElement(Event e, Context c, Collector<String> out) throws Exception {
            List<String> l = lst.value();
            if (l == null) l = new ArrayList<>();
            if (e.id % 10 == 0) {
                l.add(e.user.length() + ":" + e.round);
            }
            lst.update(l);
            if (e.id % 6 == 0) tl.add(Tuple2.of(e.acct, e.kind));
            Ctl.inc("tuple");
            out.collect("");
        }
    }

    // ---- keyed POJO
    public static class PojoD {
        public static ValueStateDescriptor<Map<String, Long>> mp() {
            return new ValueStateDescriptor<>("mp", Types.MAP(Types.STRING, Types.LONG));
        }

        public static ValueStateDescriptor<Color> color() {
            return new ValueStateDescriptor<>("color", Types.ENUM(Color.class));
        }

        public static MapStateDescriptor<Tuple2<Integer, String>, Double> tm() {
            return new MapStateDescriptor<>(
                    "tm", Types.TUPLE(Types.INT, Types.STRING), Types.DOUBLE);
        }
    }

    public static class PojoFn extends KeyedProcessFunction<PKey, Event, String> {
        transient ValueState<Map<String, Long>> mp;
        transient ValueState<Color> color;
        transient MapState<Tuple2<Integer, String>, Double> tm;

        @Override
        public void open(OpenContext o) {
            mp = getRuntimeContext().getState(PojoD.mp());
            color = getRuntimeContext().getState(PojoD.color());
            tm = getRuntimeContext().getMapState(PojoD.tm());
        }

        @Override
        public void processElement(Event e, Context c, Collector<String> out) throws Exception {
            Map<String, Long> m = mp.value();
            if (m == null) m = new HashMap<>();
            m.merge(e.kind, 1L, Long::sum);
            mp.update(m);
            color.update(Color.values()[(int) (e.acct & 1) + 1]);
            tm.put(Tuple2.of(e.round, e.kind), (double) e.acct);
            Ctl.inc("pojo");
            out.collect("");
        }
    }

    public static final TypeInformation<PKey> PKEY = TypeInformation.of(PKey.class);
    public static final TypeInformation<Tuple2<String, Integer>> TUPK =
            Types.TUPLE(Types.STRING, Types.INT);

    // ---- windows
    public static class WAgg
            implements AggregateFunction<Event, Tuple2<Long, Double>, Tuple2<Long, Double>> {
        public Tuple2<Long, Double> createAccumulator() {
            return Tuple2.of(0L, 0.0);
        }

        public Tuple2<Long, Double> add(Event v, Tuple2<Long, Double> a) {
            Ctl.inc("wagg");
            return Tuple2.of(a.f0 + 1, a.f1 + v.amount);
        }

        public Tuple2<Long, Double> getResult(Tuple2<Long, Double> a) {
            return a;
        }

        public Tuple2<Long, Double> merge(Tuple2<Long, Double> a, Tuple2<Long, Double> b) {
            return Tuple2.of(a.f0 + b.f0, a.f1 + b.f1);
        }
    }

    public static class WList extends ProcessWindowFunction<Event, String, Long, TimeWindow> {
        @Override
        public void process(Long k, Context c, Iterable<Event> it, Collector<String> out) {
            int n = 0;
            for (Event e : it) n++;
            out.collect(k + ":" + n);
        }
    }

    // ---- small pipeline
    public static class CounterD {
        public static ValueStateDescriptor<Long> count() {
            return new ValueStateDescriptor<>("count", Types.LONG);
        }

        public static ValueStateDescriptor<String> last() {
            return new ValueStateDescriptor<>("last", Types.STRING);
        }

        public static MapStateDescriptor<String, Long> byKind() {
            return new MapStateDescriptor<>("byKind", Types.STRING, Types.LONG);
        }
    }

    public static class CounterFn extends KeyedProcessFunction<String, Event, Event> {
        transient ValueState<Long> count;
        transient ValueState<String> last;
        transient MapState<String, Long> byKind;

        @Override
        public void open(OpenContext o) {
            RuntimeContext c = getRuntimeContext();
            count = c.getState(CounterD.count());
            last = c.getState(CounterD.last());
            byKind = c.getMapState(CounterD.byKind());
        }

        @Override
        public void processElement(Event e, Context c, Collector<Event> out) throws Exception {
            if (Ctl.slowMs > 0) Thread.sleep(Ctl.slowMs);
            count.update((count.value() == null ? 0 : count.value()) + 1);
            last.update(e.kind + "#" + e.id);
            Long k = byKind.get(e.kind);
            byKind.put(e.kind, k == null ? 1 : k + 1);
            if (e.id % 4 == 0) c.timerService().registerEventTimeTimer(FAR + e.id);
            Ctl.inc("counter");
            out.collect(e);
        }

        @Override
        public void onTimer(long ts, OnTimerContext c, Collector<Event> out) {}
    }

    public static class TotalsD {
        public static ValueStateDescriptor<Double> total() {
            return new ValueStateDescriptor<>("total", Types.DOUBLE);
        }

        public static ListStateDescriptor<Long> ids() {
            return new ListStateDescriptor<>("ids", Types.LONG);
        }
    }

    public static class TotalsFn extends KeyedProcessFunction<Long, Event, String> {
        transient ValueState<Double> total;
        transient ListState<Long> ids;

        @Override
        public void open(OpenContext o) {
            total = getRuntimeContext().getState(TotalsD.total());
            ids = getRuntimeContext().getListState(TotalsD.ids());
        }

        @Override
        public void processElement(Event e, Context c, Collector<String> out) throws Exception {
            if (Ctl.slowMs > 0) Thread.sleep(Ctl.slowMs);
            total.update((total.value() == null ? 0 : total.value()) + e.acct);
            ids.add(e.id);
            Ctl.inc("totals");
            out.collect("");
        }
    }

    // ---- broadcast connect (real broadcast stream)
    public static final MapStateDescriptor<String, Long> RULES =
            new MapStateDescriptor<>("rules", Types.STRING, Types.LONG);
    public static final MapStateDescriptor<Integer, String> RULES2 =
            new MapStateDescriptor<>("rules2", Types.INT, Types.STRING);

    public static class BcFn extends KeyedBroadcastProcessFunction<String, Event, Event, String> {
        transient ValueState<Long> seen;

        @Override
        public void open(OpenContext o) {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.LONG));
        }

        @Override
        public void processElement(Event e, ReadOnlyContext c, Collector<String> out)
                throws Exception {
            seen.update((seen.value() == null ? 0 : seen.value()) + 1);
            Ctl.inc("bc");
        }

        @Override
        public void processBroadcastElement(Event e, Context c, Collector<String> out)
                throws Exception {
            c.getBroadcastState(RULES).put("r-" + e.kind + (e.id % 7), e.id % 7);
            c.getBroadcastState(RULES2).put((int) (e.id % 5), "v" + (e.id % 5));
            Ctl.inc("bcrule");
        }
    }

    public static class Discard<T>
            implements org.apache.flink.api.common.functions.FilterFunction<T> {
        public boolean filter(T t) {
            return false;
        }
    }
}
