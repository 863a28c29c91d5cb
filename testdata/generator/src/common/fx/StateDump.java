package fx;

import static fx.Model.*;

import org.apache.flink.api.common.state.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.state.*;
import org.apache.flink.runtime.state.hashmap.HashMapStateBackend;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;
import org.apache.flink.state.api.*;
import org.apache.flink.state.api.functions.*;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.*;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;

/**
 * Writes all state of a snapshot as JSON lines, read by Flink's State Processor API.
 *
 * <p>Usage: StateDump @list, with lines of snapshot, out.jsonl, backend, pipeline and max
 * parallelism, parted by tabs.
 */
public class StateDump {
    static final ObjectMapper M = new ObjectMapper();

    public static void main(String[] a) throws Exception {
        int ok = 0, bad = 0;
        for (String l : Files.readAllLines(Paths.get(a[0].substring(1)))) {
            String[] f = l.split("\t");
            long t = System.currentTimeMillis();
            try {
                int n = dump(f[0], Paths.get(f[1]), f[2], f[3], Integer.parseInt(f[4]));
                ok++;
                System.out.println(
                        "OK "
                                + n
                                + " lines "
                                + f[1]
                                + " "
                                + (System.currentTimeMillis() - t)
                                + "ms");
            } catch (Throwable e) {
                bad++;
                Throwable cause = e;
                while (cause.getCause() != null) cause = cause.getCause();
                System.out.println("FAIL " + f[0] + " " + cause);
                Files.writeString(
                        Paths.get(f[1] + ".failed"), ExceptionUtils.stringifyException(e));
            }
        }
        System.out.println("dump ok=" + ok + " failed=" + bad);
        System.exit(0);
    }

    static int dump(String dir, Path out, String backend, String pipe, int maxPar)
            throws Exception {
        Configuration c = new Configuration();
        c.setString("io.tmp.dirs", V.LOCAL + "/tmp");
        c.setString("restart-strategy.type", "none");
        c.setString("taskmanager.memory.network.min", "64mb");
        c.setString("taskmanager.memory.network.max", "64mb");
        c.setString("taskmanager.memory.managed.size", "256mb");
        c.setString("taskmanager.numberOfTaskSlots", "4");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(c);
        env.setParallelism(1);
        StateBackend sb = backend.equals("rocksdb") ? V.rocks() : new HashMapStateBackend();
        SavepointReader r = SavepointReader.read(env, Paths.get(dir).toUri().toString(), sb);
        List<DataStream<String>> s = new ArrayList<>();
        if (pipe.equals("rich")) {
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("kinds"),
                            new KindsR(maxPar),
                            Types.STRING,
                            Types.STRING));
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("prims"),
                            new PrimsR(maxPar),
                            Types.LONG,
                            Types.STRING));
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUidHash(tupId(dir)),
                            new TupR(maxPar),
                            TUPK,
                            Types.STRING));
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("pojo"),
                            new PojoR(maxPar),
                            PKEY,
                            Types.STRING));
            s.add(
                    r.window(TumblingEventTimeWindows.of(Duration.ofSeconds(20)))
                            .aggregate(
                                    "wagg",
                                    new WAgg(),
                                    new WAggR(maxPar),
                                    Types.STRING,
                                    Types.TUPLE(Types.LONG, Types.DOUBLE),
                                    Types.STRING));
            s.add(
                    r.window(TumblingEventTimeWindows.of(Duration.ofSeconds(30)))
                            .process(
                                    "wlist",
                                    new WListR(maxPar),
                                    Types.LONG,
                                    TypeInformation.of(Event.class),
                                    Types.STRING));
        } else if (pipe.equals("small") || pipe.equals("finish")) {
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("counter"),
                            new CounterR(maxPar),
                            Types.STRING,
                            Types.STRING));
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("totals"),
                            new TotalsR(maxPar),
                            Types.LONG,
                            Types.STRING));
        } else if (pipe.equals("bcast")) {
            s.add(
                    r.readKeyedState(
                            OperatorIdentifier.forUid("bcfn"),
                            new SeenR(maxPar),
                            Types.STRING,
                            Types.STRING));
            s.add(
                    r.readBroadcastState(
                                    OperatorIdentifier.forUid("bcfn"),
                                    "rules",
                                    Types.STRING,
                                    Types.LONG)
                            .map(t -> opl("bcfn", "rules", "broadcast", t.f0, t.f1))
                            .returns(Types.STRING));
            s.add(
                    r.readBroadcastState(
                                    OperatorIdentifier.forUid("bcfn"),
                                    "rules2",
                                    Types.INT,
                                    Types.STRING)
                            .map(t -> opl("bcfn", "rules2", "broadcast", t.f0, t.f1))
                            .returns(Types.STRING));
            s.add(
                    r.readUnionState(
                                    OperatorIdentifier.forUid("rules-src"),
                                    "source-pos",
                                    Types.LONG)
                            .map(t -> opl("rules-src", "source-pos", "union", null, t))
                            .returns(Types.STRING));
        } else throw new RuntimeException("no reader for " + pipe);
        if (pipe.equals("rich") || pipe.equals("bcast")) {
            s.add(
                    r.readListState(OperatorIdentifier.forUid("opstate"), "op-list", Types.STRING)
                            .map(t -> opl("opstate", "op-list", "list", null, t))
                            .returns(Types.STRING));
            s.add(
                    r.readUnionState(
                                    OperatorIdentifier.forUid("opstate"),
                                    "op-union",
                                    (TypeInformation<Tuple2<Integer, Long>>)
                                            (TypeInformation<?>) Types.TUPLE(Types.INT, Types.LONG))
                            .map(t -> opl("opstate", "op-union", "union", null, t))
                            .returns(Types.STRING));
            s.add(
                    r.readBroadcastState(
                                    OperatorIdentifier.forUid("opstate"),
                                    "op-bcast",
                                    Types.STRING,
                                    Types.LONG)
                            .map(t -> opl("opstate", "op-bcast", "broadcast", t.f0, t.f1))
                            .returns(Types.STRING));
        }
        s.add(
                (pipe.equals("finish")
                                ? r.readListState(
                                        OperatorIdentifier.forUid("src"), "source-pos", Types.LONG)
                                : r.readUnionState(
                                        OperatorIdentifier.forUid("src"), "source-pos", Types.LONG))
                        .map(t -> opl("src", "source-pos", "union", null, t))
                        .returns(Types.STRING));
        DataStream<String> all = s.get(0);
        for (int i = 1; i < s.size(); i++) all = all.union(s.get(i));
        List<String> lines = new ArrayList<>();
        try (CloseableIterator<String> it = all.executeAndCollect()) {
            it.forEachRemaining(lines::add);
        }
        Collections.sort(lines);
        Files.createDirectories(out.getParent());
        Files.write(out, lines, StandardCharsets.UTF_8);
        Files.deleteIfExists(Paths.get(out + ".failed"));
        return lines.size();
    }

    /** setUidHash() only adds an alternative id for restore: snapshots carry the generated id. */
    static String tupId(String dir) throws Exception {
        Set<String> known = new HashSet<>();
        for (String u : new String[] {"src", "opstate", "kinds", "prims", "pojo", "wagg", "wlist"})
            known.add(OperatorIdentifier.forUid(u).getOperatorId().toHexString());
        for (JsonNode o : MetaOracle.dump(Paths.get(dir)).get("operators"))
            if (!known.contains(o.get("id").asText()))
                for (JsonNode st : o.get("subtasks"))
                    if (st.get("managedKeyed").size() > 0) return o.get("id").asText();
        throw new RuntimeException("tuple operator not found");
    }

    static String opl(String op, String st, String kind, Object k, Object v) {
        ObjectNode n = M.createObjectNode();
        n.put("op", op);
        n.put("state", st);
        n.put("kind", kind);
        if (k != null) n.set("mapKey", val(k));
        n.set("value", val(v));
        return n.toString();
    }

    static JsonNode val(Object v) {
        if (v == null) return NullNode.instance;
        if (v instanceof Profile) {
            Profile p = (Profile) v;
            ObjectNode n = M.createObjectNode();
            n.put("name", p.name);
            n.put("visits", p.visits);
            if (p.lastAcct == null) n.putNull("lastAcct");
            else n.put("lastAcct", p.lastAcct);
            n.put("total", p.total);
            n.put("color", p.color == null ? null : p.color.name());
            n.set("tags", val(p.tags));
            n.set("seen", val(p.seen));
            return n;
        }
        if (v instanceof Event) {
            Event e = (Event) v;
            ObjectNode n = M.createObjectNode();
            n.put("id", e.id);
            n.put("user", e.user);
            n.put("acct", e.acct);
            n.put("kind", e.kind);
            n.put("amount", e.amount);
            n.put("round", e.round);
            n.put("ts", e.ts);
            return n;
        }
        if (v instanceof PKey) {
            ObjectNode n = M.createObjectNode();
            n.put("bucket", ((PKey) v).bucket);
            n.put("kind", ((PKey) v).kind);
            return n;
        }
        if (v instanceof Tuple2) {
            ArrayNode n = M.createArrayNode();
            n.add(val(((Tuple2<?, ?>) v).f0));
            n.add(val(((Tuple2<?, ?>) v).f1));
            return n;
        }
        if (v instanceof byte[]) {
            return TextNode.valueOf("hex:" + MetaOracle.hex((byte[]) v, ((byte[]) v).length));
        }
        if (v instanceof Enum) return TextNode.valueOf(((Enum<?>) v).name());
        if (v instanceof BigDecimal) return TextNode.valueOf(v.toString());
        if (v instanceof Map) {
            ObjectNode n = M.createObjectNode();
            for (Map.Entry<?, ?> e : new TreeMap<>((Map<?, ?>) v).entrySet())
                n.set(String.valueOf(e.getKey()), val(e.getValue()));
            return n;
        }
        if (v instanceof Iterable) {
            ArrayNode n = M.createArrayNode();
            for (Object x : (Iterable<?>) v) n.add(val(x));
            return n;
        }
        return M.valueToTree(v);
    }

    static ObjectNode line(String op, String st, String kind, Object key, int maxPar, Object ns) {
        ObjectNode n = M.createObjectNode();
        n.put("op", op);
        n.put("state", st);
        n.put("kind", kind);
        n.put("kg", KeyGroupRangeAssignment.assignToKeyGroup(key, maxPar));
        n.set("key", val(key));
        if (ns != null) n.put("namespace", ns.toString());
        return n;
    }

    abstract static class R<K> extends V.KReader<K> {
        final int mp;
        final String op;
        transient Collector<String> o;
        transient K k;

        R(String op, int mp) {
            this.op = op;
            this.mp = mp;
        }

        void v(String st, String kind, Object x) {
            if (x == null) return;
            ObjectNode n = line(op, st, kind, k, mp, null);
            n.set("value", val(x));
            o.collect(n.toString());
        }

        void m(String st, MapState<?, ?> m) throws Exception {
            for (Map.Entry<?, ?> e : m.entries()) {
                ObjectNode n = line(op, st, "map", k, mp, null);
                n.set("mapKey", val(e.getKey()));
                n.set("value", val(e.getValue()));
                o.collect(n.toString());
            }
        }

        void l(String st, ListState<?> l) throws Exception {
            Iterable<?> i = l.get();
            if (i == null || !i.iterator().hasNext()) return;
            v(st, "list", i);
        }

        void timers(Context c) throws Exception {
            for (long t : new TreeSet<>(c.registeredEventTimeTimers())) {
                ObjectNode n = line(op, "_event_timer", "timer", k, mp, null);
                n.put("ts", t);
                o.collect(n.toString());
            }
            for (long t : new TreeSet<>(c.registeredProcessingTimeTimers())) {
                ObjectNode n = line(op, "_processing_timer", "timer", k, mp, null);
                n.put("ts", t);
                o.collect(n.toString());
            }
        }

        abstract void read(Context c) throws Exception;

        @Override
        public void readKey(K key, Context c, Collector<String> out) throws Exception {
            k = key;
            o = out;
            read(c);
        }
    }

    static class KindsR extends R<String> {
        transient ValueState<Long> count;
        transient ValueState<String> last, ttl;
        transient ValueState<Profile> profile;
        transient ListState<Double> amounts;
        transient MapState<String, Integer> byKind;
        transient ReducingState<Long> sum;
        transient AggregatingState<Double, Double> avg;
        transient MapState<String, Long> ttlMap;

        KindsR(int mp) {
            super("kinds", mp);
        }

        public void init() {
            org.apache.flink.api.common.functions.RuntimeContext c = getRuntimeContext();
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

        void read(Context c) throws Exception {
            v("count", "value", count.value());
            v("last", "value", last.value());
            v("profile", "value", profile.value());
            l("amounts", amounts);
            m("byKind", byKind);
            v("sum", "reducing", sum.get());
            v("avg", "aggregating", avg.get());
            v("ttl", "value-ttl", ttl.value());
            m("ttlMap", ttlMap);
            timers(c);
        }
    }

    static class PrimsR extends R<Long> {
        transient ValueState<Integer> i;
        transient ValueState<Boolean> b;
        transient ValueState<Float> f;
        transient ValueState<Short> s;
        transient ValueState<Byte> by;
        transient ValueState<byte[]> bytes;
        transient ValueState<BigDecimal> dec;
        transient MapState<Long, Profile> m;

        PrimsR(int mp) {
            super("prims", mp);
        }

        public void init() {
            org.apache.flink.api.common.functions.RuntimeContext c = getRuntimeContext();
            i = c.getState(PrimsD.i());
            b = c.getState(PrimsD.b());
            f = c.getState(PrimsD.f());
            s = c.getState(PrimsD.s());
            by = c.getState(PrimsD.by());
            bytes = c.getState(PrimsD.bytes());
            dec = c.getState(PrimsD.dec());
            m = c.getMapState(PrimsD.m());
        }

        void read(Context c) throws Exception {
            v("i", "value", i.value());
            v("b", "value", b.value());
            v("f", "value", f.value());
            v("s", "value", s.value());
            v("by", "value", by.value());
            v("bytes", "value", bytes.value());
            v("dec", "value", dec.value());
            m("m", m);
        }
    }

    static class TupR extends R<Tuple2<String, Integer>> {
        transient ValueState<List<String>> lst;
        transient ListState<Tuple2<Long, String>> tl;

        TupR(int mp) {
            super("tuple", mp);
        }

        public void init() {
            lst = getRuntimeContext().getState(TupD.lst());
            tl = getRuntimeContext().getListState(TupD.tl());
        }

        void read(Context c) throws Exception {
            v("lst", "value", lst.value());
            l("tl", tl);
        }
    }

    static class PojoR extends R<PKey> {
        transient ValueState<Map<String, Long>> mp_;
        transient ValueState<Color> color;
        transient MapState<Tuple2<Integer, String>, Double> tm;

        PojoR(int mp) {
            super("pojo", mp);
        }

        public void init() {
            mp_ = getRuntimeContext().getState(PojoD.mp());
            color = getRuntimeContext().getState(PojoD.color());
            tm = getRuntimeContext().getMapState(PojoD.tm());
        }

        void read(Context c) throws Exception {
            v("mp", "value", mp_.value());
            v("color", "value", color.value());
            m("tm", tm);
        }
    }

    static class CounterR extends R<String> {
        transient ValueState<Long> count;
        transient ValueState<String> last;
        transient MapState<String, Long> byKind;

        CounterR(int mp) {
            super("counter", mp);
        }

        public void init() {
            count = getRuntimeContext().getState(CounterD.count());
            last = getRuntimeContext().getState(CounterD.last());
            byKind = getRuntimeContext().getMapState(CounterD.byKind());
        }

        void read(Context c) throws Exception {
            v("count", "value", count.value());
            v("last", "value", last.value());
            m("byKind", byKind);
            timers(c);
        }
    }

    static class TotalsR extends R<Long> {
        transient ValueState<Double> total;
        transient ListState<Long> ids;

        TotalsR(int mp) {
            super("totals", mp);
        }

        public void init() {
            total = getRuntimeContext().getState(TotalsD.total());
            ids = getRuntimeContext().getListState(TotalsD.ids());
        }

        void read(Context c) throws Exception {
            v("total", "value", total.value());
            l("ids", ids);
        }
    }

    static class SeenR extends R<String> {
        transient ValueState<Long> seen;

        SeenR(int mp) {
            super("bcfn", mp);
        }

        public void init() {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.LONG));
        }

        void read(Context c) throws Exception {
            v("seen", "value", seen.value());
        }
    }

    static class WAggR
            extends WindowReaderFunction<Tuple2<Long, Double>, String, String, TimeWindow> {
        final int mp;

        WAggR(int mp) {
            this.mp = mp;
        }

        @Override
        public void readWindow(
                String k,
                Context<TimeWindow> c,
                Iterable<Tuple2<Long, Double>> it,
                Collector<String> out)
                throws Exception {
            String ns = "[" + c.window().getStart() + "," + c.window().getEnd() + ")";
            for (Tuple2<Long, Double> t : it) {
                ObjectNode n = line("wagg", "window-contents", "aggregating", k, mp, ns);
                n.set("value", val(t));
                out.collect(n.toString());
            }
            for (long t : new TreeSet<>(c.registeredEventTimeTimers())) {
                ObjectNode n = line("wagg", "_event_timer", "timer", k, mp, ns);
                n.put("ts", t);
                out.collect(n.toString());
            }
        }
    }

    static class WListR extends WindowReaderFunction<Event, String, Long, TimeWindow> {
        final int mp;

        WListR(int mp) {
            this.mp = mp;
        }

        @Override
        public void readWindow(
                Long k, Context<TimeWindow> c, Iterable<Event> it, Collector<String> out)
                throws Exception {
            String ns = "[" + c.window().getStart() + "," + c.window().getEnd() + ")";
            ObjectNode n = line("wlist", "window-contents", "list", k, mp, ns);
            n.set("value", val(it));
            out.collect(n.toString());
            for (long t : new TreeSet<>(c.registeredEventTimeTimers())) {
                ObjectNode x = line("wlist", "_event_timer", "timer", k, mp, ns);
                x.put("ts", t);
                out.collect(x.toString());
            }
        }
    }
}
