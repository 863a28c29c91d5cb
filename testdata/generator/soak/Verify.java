import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * Restores SoakJob from one checkpoint after the other, each on a MiniCluster of its own, and lets it run until every
 * key has been seen again. The sum of all counts, the numbers handled by the operator state, and the position of the
 * source must be one number. It prints "verified N PATH" for each. Arguments are as those of SoakJob, and paths.
 */
public class Verify {
    private static final Set<Long> keysSeen = new HashSet<>();
    private static boolean active;
    private static int keys;
    private static long counted;
    private static long handled;
    private static long position;

    public static void main(String[] arguments) throws Exception {
        Map<String, String> own = new HashMap<>(Map.of("rate", "1000", "keys", "300", "payload", "200"));
        Configuration conf = new Configuration();
        List<String> paths = new ArrayList<>();
        for (String argument : arguments) {
            String[] pair = argument.split("=", 2);
            if (pair.length == 1) {
                paths.add(argument);
            } else if (own.replace(pair[0], pair[1]) == null) {
                conf.setString(pair[0], pair[1]);
            }
        }
        for (String path : paths) {
            System.out.println("verified " + verify(path, own, conf) + " " + path);
        }
        System.exit(0);
    }

    private static long verify(String path, Map<String, String> own, Configuration settings) throws Exception {
        begin(Integer.parseInt(own.get("keys")));
        Configuration conf = new Configuration(settings);
        conf.setString("restart-strategy.type", "none");
        conf.setString("execution.state-recovery.path", path);
        conf.setString("execution.state-recovery.claim-mode", "NO_CLAIM");
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(conf);
        SoakJob.build(env, own);
        JobClient job = env.executeAsync("verify");
        while (!complete()) {
            JobStatus status = job.getJobStatus().get();
            if (status.isGloballyTerminalState()) {
                job.getJobExecutionResult().get();
                throw new IllegalStateException(path + ": the job ended as " + status);
            }
            Thread.sleep(50);
        }
        long agreed = agreed(path);
        job.cancel().get();
        // Its last numbers are not to be taken for those of the next job.
        job.getJobExecutionResult().handle((result, cancelled) -> null).get();
        return agreed;
    }

    private static synchronized void begin(int expected) {
        keysSeen.clear();
        active = true;
        keys = expected;
        counted = handled = 0;
        position = Long.MAX_VALUE;
    }

    /** A subtask says what its operator state held. */
    static synchronized void restored(long n) {
        handled += n;
    }

    /** A subtask says of a number how often its key was counted before. */
    static synchronized void seen(long n, long before) {
        if (active && keysSeen.size() < keys && keysSeen.add(n % keys)) {
            counted += before;
            position = Math.min(position, n);
        }
    }

    private static synchronized boolean complete() {
        return keysSeen.size() == keys;
    }

    private static synchronized long agreed(String path) {
        active = false;
        if (counted != handled || counted != position || counted == 0) {
            throw new IllegalStateException(path + ": the source is at " + position + ", the counts make " + counted
                    + ", and " + handled + " were handled");
        }
        return counted;
    }
}
