package fx;

import static fx.Model.*;

import org.apache.flink.api.common.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.configuration.*;
import org.apache.flink.runtime.minicluster.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;
import org.apache.flink.streaming.api.datastream.*;

import java.io.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

/**
 * Runs jobs on a MiniCluster and leaves their checkpoint directories behind.
 *
 * <p>Usage: Gen root case..., where a case is a name, a regular expression or "all". Writes
 * root/version/case, case.before and case.after1 where a job was restored, and case.case.json.
 */
public class Gen {
    static final ObjectMapper M = new ObjectMapper();
    static String caseName;
    static Path caseDir;
    static ObjectNode caseJson;

    static Configuration conf(String[] kv) {
        Configuration c = new Configuration();
        Map<String, String> m = new LinkedHashMap<>();
        m.put("state.backend.type", "hashmap");
        m.put("execution.checkpointing.dir", caseDir.toUri().toString());
        m.put("execution.checkpointing.interval", "1 h");
        m.put("execution.checkpointing.num-retained", "3");
        m.put(
                "execution.checkpointing.externalized-checkpoint-retention",
                "RETAIN_ON_CANCELLATION");
        m.put("restart-strategy.type", "none");
        m.put("io.tmp.dirs", V.LOCAL + "/tmp");
        m.put("taskmanager.memory.network.min", "64mb");
        m.put("taskmanager.memory.network.max", "64mb");
        m.put("taskmanager.memory.managed.size", "128mb");
        m.put("rest.port", "0");
        for (int i = 0; i < kv.length; i += 2) m.put(kv[i], kv[i + 1]);
        for (Map.Entry<String, String> e : m.entrySet()) c.setString(e.getKey(), e.getValue());
        return c;
    }

    static void copy(String to) throws Exception {
        Path dst = caseDir.resolveSibling(caseName + "." + to);
        del(dst);
        try (Stream<Path> s = Files.walk(caseDir)) {
            for (Path x : s.collect(Collectors.toList())) {
                Path y = dst.resolve(caseDir.relativize(x).toString());
                if (Files.isDirectory(x)) Files.createDirectories(y);
                else Files.copy(x, y);
            }
        }
        caseJson.withArray("/copies").add(caseName + "." + to);
    }

    static void del(Path d) throws IOException {
        if (!Files.exists(d)) return;
        try (Stream<Path> s = Files.walk(d)) {
            for (Path x : s.sorted(Comparator.reverseOrder()).collect(Collectors.toList()))
                Files.delete(x);
        }
    }

    public static void main(String[] a) throws Exception {
        Path root = Paths.get(a[0], V.VERSION);
        Files.createDirectories(root);
        Files.createDirectories(Paths.get(V.LOCAL + "/tmp"));
        Map<String, Cases.Body> cases = new Cases().define();
        List<String> todo = new ArrayList<>();
        for (int i = 1; i < a.length; i++)
            for (String c : cases.keySet())
                if ((a[i].equals("all") || c.matches(a[i])) && !todo.contains(c)) todo.add(c);
        for (String c : todo) {
            long t = System.currentTimeMillis();
            caseName = c;
            caseDir = root.resolve(c);
            del(caseDir);
            Files.createDirectories(caseDir);
            caseJson = M.createObjectNode();
            caseJson.put("case", c);
            caseJson.put("flinkVersion", V.VERSION);
            caseJson.put("dir", caseDir.toString());
            try {
                cases.get(c).run();
                System.out.println("OK   " + c + " " + (System.currentTimeMillis() - t) + "ms");
            } catch (Throwable e) {
                System.out.println("FAIL " + c + " " + e);
                e.printStackTrace(System.out);
                caseJson.put("error", e.toString());
            }
            ObjectNode fl = caseJson.putObject("files");
            try (Stream<Path> s = Files.walk(caseDir)) {
                for (Path x : s.sorted().collect(Collectors.toList())) {
                    String rel = caseDir.relativize(x).toString();
                    if (Files.isDirectory(x)) {
                        fl.put(rel + "/", -1);
                    } else fl.put(rel, Files.size(x));
                }
            }
            M.writerWithDefaultPrettyPrinter()
                    .writeValue(root.resolve(c + ".case.json").toFile(), caseJson);
            System.out.flush();
        }
        System.exit(0);
    }
}
