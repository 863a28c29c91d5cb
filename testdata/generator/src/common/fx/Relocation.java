package fx;

import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;

/**
 * Writes snapshots that are to be copied, and restores the copies: the state of the "small"
 * pipeline is known after each round.
 *
 * <p>Usage: Relocation @list, with lines parted by tabs:
 *
 * <pre>
 * write    kind  dir                            three rounds and a snapshot
 * restore  kind  snapshot  claim mode  dir  n   a snapshot of n rounds; two more rounds, each with
 *                                               a checkpoint, whose state is compared
 * </pre>
 *
 * For each line that went well it prints SNAPSHOT, dir and the path of the last snapshot, parted by
 * tabs. The exit code is 1 where a line failed. It goes on with the others.
 */
public class Relocation {
    static final int ROUNDS = 3;
    static final int PER_ROUND = 300;
    static final int MAX_PARALLELISM = 128;

    public static void main(String[] a) throws Exception {
        Files.createDirectories(Paths.get(V.LOCAL + "/tmp"));
        boolean failed = false;
        for (String line : Files.readAllLines(Paths.get(a[0].substring(1)))) {
            String[] f = line.split("\t");
            try {
                if (f[0].equals("write")) write(f[1], Paths.get(f[2]));
                else restore(f[1], f[2], f[3], Paths.get(f[4]), Integer.parseInt(f[5]));
            } catch (Throwable e) {
                failed = true;
                System.out.println("FAIL " + line);
                e.printStackTrace(System.out);
            }
        }
        System.exit(failed ? 1 : 0);
    }

    /** The configuration of a kind, as flags of Flink. */
    static String[] conf(String kind) {
        switch (kind) {
            case "incremental":
            case "native":
                return Cases.ROCKS_FILES;
            case "inline":
                return Cases.cat(Cases.ROCKS, Cases.INCREMENTAL);
            case "canonical":
                return Cases.ROCKS;
            case "merging":
                return Cases.cat(Cases.ROCKS_FILES, Cases.ACROSS);
            case "changelog":
                return Cases.cat(Cases.ROCKS_FILES, Cases.changelog("1 h"));
            case "materialized":
                return Cases.cat(Cases.ROCKS_FILES, Cases.changelog("2 s"));
            case "heap":
                return Cases.FILES;
            default:
                throw new IllegalArgumentException(kind);
        }
    }

    static void begin(String name, Path dir) throws Exception {
        Gen.caseName = name;
        Gen.caseDir = dir;
        Gen.caseJson = Gen.M.createObjectNode();
        Files.createDirectories(dir);
    }

    static void write(String kind, Path dir) throws Exception {
        begin(kind, dir);
        try (Job j = new Job("old", Gen.conf(conf(kind)), new Pipeline("small"), 0)) {
            long last = 0;
            for (int i = 0; i < ROUNDS; i++) {
                if (kind.equals("materialized") && i == ROUNDS - 1) Thread.sleep(4000);
                j.round();
                last = j.ckpt();
            }
            switch (kind) {
                case "native":
                    print(dir, j.savepoint(SavepointFormatType.NATIVE, dir));
                    break;
                case "canonical":
                    print(dir, j.savepoint(SavepointFormatType.CANONICAL, dir));
                    break;
                default:
                    print(dir, checkpoint(dir, j, last));
            }
        }
    }

    static void restore(String kind, String from, String mode, Path dir, int rounds)
            throws Exception {
        begin(kind + "/" + mode + "/" + dir, dir);
        String[] recovery = {
            "execution.state-recovery.path", from, "execution.state-recovery.claim-mode", mode
        };
        Path savepoints = dir.resolve("savepoints");
        String state;
        String last;
        try (Job j =
                new Job(
                        "new",
                        Gen.conf(Cases.cat(conf(kind), recovery)),
                        new Pipeline("small"),
                        rounds)) {
            for (int i = 0; i < 2; i++) {
                j.round();
                j.ckpt();
            }
            state = j.savepoint(SavepointFormatType.CANONICAL, savepoints);
            last = checkpoint(dir, j, j.ckpt());
        }
        compare(Paths.get(java.net.URI.create(state)), dir.resolve("state.jsonl"), rounds + 2);
        print(dir, last);
    }

    static String checkpoint(Path dir, Job j, long id) {
        return dir.resolve(j.id.toHexString()).resolve("chk-" + id).toString();
    }

    static void compare(Path savepoint, Path out, int rounds) throws Exception {
        StateDump.dump(savepoint.toString(), out, "hashmap", "small", MAX_PARALLELISM);
        List<String> have = inOrder(Files.readAllLines(out, StandardCharsets.UTF_8));
        List<String> want =
                inOrder(ExpectedSmall.gen((long) rounds * PER_ROUND, PER_ROUND, MAX_PARALLELISM));
        if (have.equals(want)) return;
        Set<String> lost = new TreeSet<>(want);
        lost.removeAll(have);
        Set<String> extra = new TreeSet<>(have);
        extra.removeAll(want);
        throw new IllegalStateException("lost " + lost + "\nextra " + extra);
    }

    /** Two sub-tasks feed a list, so that its order is chance. */
    static List<String> inOrder(List<String> lines) throws Exception {
        List<String> made = new ArrayList<>();
        for (String line : lines) {
            ObjectNode entry = (ObjectNode) Gen.M.readTree(line);
            if (entry.get("kind").asText().equals("list")) {
                long[] ids = Gen.M.treeToValue(entry.get("value"), long[].class);
                Arrays.sort(ids);
                entry.set("value", Gen.M.valueToTree(ids));
            }
            made.add(entry.toString());
        }
        Collections.sort(made);
        return made;
    }

    static void print(Path dir, String snapshot) {
        System.out.println("SNAPSHOT\t" + dir + "\t" + snapshot);
    }
}
