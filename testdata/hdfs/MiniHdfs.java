import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.hdfs.server.namenode.ha.HATestUtil;
import org.apache.hadoop.minikdc.MiniKdc;
import org.apache.hadoop.security.Credentials;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * An HDFS in this process, for tests: {@code MiniHdfs plain|ha|secure|tls DIR}. It prints what a client has to know, one
 * {@code key=value} a line, and {@code ready}; then it answers each line of its input with {@code ok} or {@code error}, and
 * ends with its input. Paths and contents are in base64.
 */
public class MiniHdfs {
    private static final String NAMESERVICE = "minidfs";
    private static final String PASSWORD = "changeit";

    private final Configuration conf = new HdfsConfiguration();
    private final File dir;
    private final MiniDFSCluster cluster;
    private final FileSystem fs;
    private final ExecutorService writers = Executors.newFixedThreadPool(16);
    private final List<Future<?>> puts = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        MiniHdfs hdfs = null;
        try {
            hdfs = new MiniHdfs(args[0], new File(args[1]).getAbsoluteFile());
        } catch (Throwable e) { // threads of half a cluster would keep the process
            e.printStackTrace();
            System.exit(1);
        }
        hdfs.describe();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            try {
                hdfs.obey(line.split(" "));
                System.out.println("ok");
            } catch (Exception e) {
                System.out.println("error " + e.toString().replace('\n', ' '));
            }
        }
        System.exit(0); // threads of the cluster would stay
    }

    private MiniHdfs(String mode, File dir) throws Exception {
        this.dir = dir;
        dir.mkdirs();
        boolean secure = mode.equals("secure") || mode.equals("tls");
        if (secure) {
            secure();
        }
        if (mode.equals("tls")) {
            tls();
        }
        // No user is a superuser by accident, so that permissions are looked at.
        conf.setBoolean("dfs.permissions.enabled", true);
        conf.set("dfs.blocksize", "1048576");
        conf.set("dfs.client.block.write.locateFollowingBlock.initial.delay.ms", "10");
        MiniDFSCluster.Builder builder = new MiniDFSCluster.Builder(conf, new File(dir, "data")).numDataNodes(1);
        if (mode.equals("ha")) {
            builder.nnTopology(MiniDFSNNTopology.simpleHATopology());
        }
        cluster = builder.build();
        cluster.waitActive();
        if (mode.equals("ha")) {
            cluster.transitionToActive(0);
            HATestUtil.setFailoverConfigurations(cluster, conf, NAMESERVICE);
            fs = HATestUtil.configureFailoverFs(cluster, conf);
        } else {
            fs = cluster.getFileSystem();
        }
    }

    /** Kerberos, with a KDC of its own. */
    private void secure() throws Exception {
        Properties props = MiniKdc.createConf();
        MiniKdc kdc = new MiniKdc(props, new File(dir, "kdc"));
        kdc.start();
        File keytab = new File(dir, "hdfs.keytab");
        kdc.createPrincipal(keytab, "hdfs/localhost", "HTTP/localhost");
        File user = new File(dir, "alice.keytab");
        kdc.createPrincipal(user, "alice");
        say("krb5conf", kdc.getKrb5conf());
        say("keytab", user);
        say("principal", "alice@" + kdc.getRealm());
        String hdfs = "hdfs/localhost@" + kdc.getRealm();
        say("service", hdfs);
        conf.set("hadoop.security.authentication", "kerberos");
        for (String role : new String[] {"namenode", "datanode"}) {
            conf.set("dfs." + role + ".kerberos.principal", hdfs);
            conf.set("dfs." + role + ".keytab.file", keytab.getPath());
        }
        conf.set("hadoop.http.authentication.type", "kerberos"); // it would believe any name otherwise
        for (String prefix : new String[] {"hadoop.http.authentication", "dfs.web.authentication"}) {
            conf.set(prefix + ".kerberos.principal", "HTTP/localhost@" + kdc.getRealm());
            conf.set(prefix + ".kerberos.keytab", keytab.getPath());
        }
        conf.setBoolean("dfs.block.access.token.enable", true);
        conf.setBoolean("ignore.secure.ports.for.testing", true);
        UserGroupInformation.setConfiguration(conf);
        UserGroupInformation.loginUserFromKeytab(hdfs, keytab.getPath());
    }

    private void tls() throws Exception {
        conf.set("dfs.http.policy", "HTTPS_ONLY");
        conf.set("dfs.namenode.https-address", "localhost:0");
        conf.set("dfs.datanode.https.address", "localhost:0");
        String store = new File(dir, "keys.p12").getPath();
        keytool("-genkeypair", "-keystore", store, "-keyalg", "RSA", "-dname", "CN=localhost", "-ext", "SAN=dns:localhost,ip:127.0.0.1");
        String pem = new File(dir, "authority.pem").getPath();
        keytool("-exportcert", "-rfc", "-keystore", store, "-file", pem);
        say("authority", pem);
        Configuration ssl = new Configuration(false);
        for (String kind : new String[] {"keystore", "truststore"}) {
            ssl.set("ssl.server." + kind + ".location", store);
            ssl.set("ssl.server." + kind + ".password", PASSWORD);
            ssl.set("ssl.server." + kind + ".type", "pkcs12");
        }
        ssl.set("ssl.server.keystore.keypassword", PASSWORD);
        // Hadoop looks for it on the class path, and nowhere else.
        File classes = new File(MiniHdfs.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (var out = new FileOutputStream(new File(classes, "ssl-server.xml"))) {
            ssl.writeXml(out);
        }
    }

    private static void keytool(String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/keytool", "-storepass", PASSWORD));
        command.addAll(List.of(args));
        if (new ProcessBuilder(command).inheritIO().redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() != 0) {
            throw new IllegalStateException(command.toString());
        }
    }

    private void describe() {
        for (int i = 0; i < cluster.getNumNameNodes(); i++) {
            say("rpc", "localhost:" + cluster.getNameNode(i).getNameNodeAddress().getPort());
            if (cluster.getNameNode(i).getHttpAddress() != null) {
                say("http", "localhost:" + cluster.getNameNode(i).getHttpAddress().getPort());
            }
            if (cluster.getNameNode(i).getHttpsAddress() != null) {
                say("https", "localhost:" + cluster.getNameNode(i).getHttpsAddress().getPort());
            }
        }
        System.out.println("ready");
    }

    private static void say(String key, Object value) {
        System.out.println(key + "=" + value);
    }

    private Void put(String[] words) throws Exception {
        try (var out = fs.create(path(words[1]))) {
            out.write(words.length > 2 ? Base64.getDecoder().decode(words[2]) : new byte[0]);
        }
        return null;
    }

    /** Writes go on meanwhile, as each has to wait for a datanode; all other words wait for them. */
    private void obey(String[] words) throws Exception {
        if (!words[0].equals("put")) {
            for (Future<?> put : puts) {
                put.get();
            }
            puts.clear();
        }
        switch (words[0]) {
            case "put" -> puts.add(writers.submit(() -> put(words)));
            case "many" -> {
                for (int i = 0; i < Integer.parseInt(words[2]); i++) {
                    fs.create(new Path(path(words[1]), String.format("f%06d", i))).close();
                }
            }
            case "chmod" -> fs.setPermission(path(words[1]), new FsPermission((short) Integer.parseInt(words[2], 8)));
            case "failover" -> {
                cluster.transitionToStandby(0);
                cluster.transitionToActive(1);
            }
            case "kill" -> cluster.shutdownNameNode(Integer.parseInt(words[1]));
            case "token" -> token(words[1], words[2]);
            case "wait" -> { }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    /** A file of credentials as YARN gives to containers, in the format WRITABLE or PROTOBUF. */
    private void token(String format, String file) throws Exception {
        Credentials credentials = new Credentials();
        fs.addDelegationTokens("alice", credentials);
        try (var out = new DataOutputStream(new FileOutputStream(file))) {
            credentials.writeTokenStorageToStream(out, Credentials.SerializedFormat.valueOf(format));
        }
    }

    private static Path path(String encoded) {
        return new Path(null, null, new String(Base64.getDecoder().decode(encoded), StandardCharsets.UTF_8));
    }
}
