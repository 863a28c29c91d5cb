package fx;

import static fx.Model.*;

import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;

import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

/**
 * Computes the state of the "small" pipeline after so many events, without reading a snapshot: with
 * one source such a job is deterministic.
 *
 * <p>Usage: ExpectedSmall @list, with lines of out, events, events per round and max parallelism,
 * parted by tabs.
 */
public class ExpectedSmall {
    public static void main(String[] a) throws Exception {
        for (String l : Files.readAllLines(Paths.get(a[0].substring(1)))) {
            String[] f = l.split("\t");
            Files.write(
                    Paths.get(f[0]),
                    gen(Long.parseLong(f[1]), Integer.parseInt(f[2]), Integer.parseInt(f[3])),
                    StandardCharsets.UTF_8);
        }
    }

    static List<String> gen(long n, int perRound, int mp) throws Exception {
        Map<String, Long> count = new HashMap<>();
        Map<String, String> last = new HashMap<>();
        Map<String, Map<String, Long>> bk = new HashMap<>();
        Map<String, List<Long>> tm = new HashMap<>();
        Map<Long, Double> tot = new HashMap<>();
        Map<Long, List<Long>> ids = new HashMap<>();
        for (long i = 0; i < n; i++) {
            Event e = event(i, perRound);
            count.merge(e.user, 1L, Long::sum);
            last.put(e.user, e.kind + "#" + e.id);
            bk.computeIfAbsent(e.user, k -> new TreeMap<>()).merge(e.kind, 1L, Long::sum);
            if (e.id % 4 == 0) tm.computeIfAbsent(e.user, k -> new ArrayList<>()).add(FAR + e.id);
            tot.merge(e.acct, (double) e.acct, Double::sum);
            ids.computeIfAbsent(e.acct, k -> new ArrayList<>()).add(e.id);
        }
        List<String> o = new ArrayList<>();
        for (String k : count.keySet()) {
            o.add(l("counter", "count", "value", k, mp, count.get(k)));
            o.add(l("counter", "last", "value", k, mp, last.get(k)));
            for (Map.Entry<String, Long> e : bk.get(k).entrySet()) {
                ObjectNode x = StateDump.line("counter", "byKind", "map", k, mp, null);
                x.set("mapKey", StateDump.val(e.getKey()));
                x.set("value", StateDump.val(e.getValue()));
                o.add(x.toString());
            }
            for (long t : tm.getOrDefault(k, Collections.emptyList())) {
                ObjectNode x = StateDump.line("counter", "_event_timer", "timer", k, mp, null);
                x.put("ts", t);
                o.add(x.toString());
            }
        }
        for (Long k : tot.keySet()) {
            o.add(l("totals", "total", "value", k, mp, tot.get(k)));
            o.add(l("totals", "ids", "list", k, mp, ids.get(k)));
        }
        o.add(StateDump.opl("src", "source-pos", "union", null, n));
        Collections.sort(o);
        return o;
    }

    static String l(String op, String st, String kind, Object k, int mp, Object v) {
        ObjectNode n = StateDump.line(op, st, kind, k, mp, null);
        n.set("value", StateDump.val(v));
        return n.toString();
    }
}
