import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;

/**
 * What Flink reads in conf directories. For each argument it prints {@code dir}, then for each key {@code value} with the key,
 * the value, and the value as a list, in base64 with "=" before it; or {@code error}.
 */
public class ConfDump {
    public static void main(String[] args) {
        for (String dir : args) {
            System.out.println("dir");
            try {
                dump(GlobalConfiguration.loadConfiguration(dir));
            } catch (RuntimeException e) {
                System.out.println("error");
            }
        }
    }

    private static void dump(Configuration conf) {
        for (Map.Entry<String, String> e : new TreeMap<>(conf.toMap()).entrySet()) {
            List<String> list = conf.get(ConfigOptions.key(e.getKey()).stringType().asList().noDefaultValue());
            System.out.println("value " + encode(e.getKey()) + " " + encode(e.getValue()) + " " + encode(String.join("\n", list)));
        }
    }

    private static String encode(String s) {
        return "=" + Base64.getEncoder().encodeToString(s.getBytes(StandardCharsets.UTF_8));
    }
}
