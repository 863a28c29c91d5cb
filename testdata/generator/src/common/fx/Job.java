package fx;

import static fx.Model.*;

import org.apache.flink.api.common.*;
import org.apache.flink.api.common.typeinfo.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.configuration.*;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;
import org.apache.flink.streaming.api.datastream.*;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

import java.io.*;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

/**
 * One job on its own MiniCluster. The id is made of the case and the label, so that it stays the
 * same.
 */
public class Job implements AutoCloseable {
    MiniCluster mc;
    JobID id;
    Pipeline p;
    List<String> counters;
    Configuration conf;
    ObjectNode j;
    ArrayNode cps;
    int rounds;
    int startRound;

    Job(String label, Configuration conf, Pipeline p, int startRound) throws Exception {
        this.p = p;
        this.conf = conf;
        this.startRound = startRound;
        this.rounds = startRound;
        if (startRound == 0) Ctl.reset();
        else {
            Ctl.counts.clear();
            Ctl.finishSome = false;
            Ctl.round = startRound;
        }
        byte[] h = MessageDigest.getInstance("MD5").digest((Gen.caseName + "/" + label).getBytes());
        id = new JobID(h);
        MiniClusterConfiguration mcc =
                new MiniClusterConfiguration.Builder()
                        .setConfiguration(conf)
                        .setNumTaskManagers(1)
                        .setNumSlotsPerTaskManager(4)
                        .setRpcServiceSharing(RpcServiceSharing.SHARED)
                        .withRandomPorts()
                        .build();
        mc = new MiniCluster(mcc);
        mc.start();
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        j = ((ArrayNode) Gen.caseJson.withArray("/jobs")).addObject();
        j.put("label", label);
        j.put("jobId", id.toHexString());
        j.put("pipeline", p.kind);
        j.put("parallelism", p.par);
        j.put("fixedParallelism", p.fixedPar);
        j.put("maxParallelism", p.maxPar);
        j.put("eventsPerRound", p.perRound);
        j.put("startRound", startRound);
        ObjectNode cn = j.putObject("config");
        for (Map.Entry<String, String> e : new TreeMap<>(conf.toMap()).entrySet())
            cn.put(e.getKey(), e.getValue());
        counters = p.build(env, j.putArray("operators"));
        cps = j.putArray("snapshots");
        JobGraph g = env.getStreamGraph().getJobGraph();
        g.setJobID(id);
        mc.submitJob(g).get(60, TimeUnit.SECONDS);
        long end = System.currentTimeMillis() + 60000;
        while (mc.getJobStatus(id).get() != JobStatus.RUNNING || !allRunning()) {
            if (System.currentTimeMillis() > end) throw new RuntimeException("not running");
            check();
            Thread.sleep(20);
        }
    }

    boolean allRunning() throws Exception {
        for (org.apache.flink.runtime.executiongraph.AccessExecutionVertex v :
                mc.getExecutionGraph(id).get().getAllExecutionVertices())
            if (v.getExecutionState() != org.apache.flink.runtime.execution.ExecutionState.RUNNING)
                return false;
        return true;
    }

    void check() throws Exception {
        JobStatus s = mc.getJobStatus(id).get();
        if (s.isTerminalState() || s == JobStatus.FAILING) {
            throw new RuntimeException(
                    "job " + s + " " + mc.getExecutionGraph(id).get().getFailureInfo());
        }
    }

    void round() throws Exception {
        rounds++;
        Ctl.round = rounds;
        long exp = (long) (rounds - startRound) * p.perRound;
        long end = System.currentTimeMillis() + 60000;
        while (true) {
            boolean ok = true;
            for (String c : counters) if (Ctl.get(c) < exp) ok = false;
            if (ok) break;
            check();
            if (System.currentTimeMillis() > end)
                throw new RuntimeException("timeout counts " + Ctl.counts);
            Thread.sleep(10);
        }
        Thread.sleep(250);
    }

    long ckpt() throws Exception {
        return ckpt(org.apache.flink.core.execution.CheckpointType.CONFIGURED);
    }

    long ckpt(org.apache.flink.core.execution.CheckpointType t) throws Exception {
        long n;
        try {
            n = mc.triggerCheckpoint(id, t).get(120, TimeUnit.SECONDS);
        } catch (Exception e) {
            Thread.sleep(1000);
            try {
                System.out.println(
                        "JOB FAILURE: "
                                + mc.getExecutionGraph(id)
                                        .get()
                                        .getFailureInfo()
                                        .getExceptionAsString());
            } catch (Exception x) {
            }
            throw e;
        }
        Thread.sleep(150);
        ObjectNode o = cps.addObject();
        o.put("type", "checkpoint");
        o.put("triggered", t.toString());
        o.put("id", n);
        o.put("path", id.toHexString() + "/chk-" + n);
        o.put("rounds", rounds);
        o.put("events", (long) rounds * p.perRound);
        return n;
    }

    String savepoint(SavepointFormatType f, Path dir) throws Exception {
        String s =
                mc.triggerSavepoint(id, dir.toUri().toString(), false, f)
                        .get(120, TimeUnit.SECONDS);
        ObjectNode o = cps.addObject();
        o.put("type", "savepoint");
        o.put("format", f.toString());
        o.put("returnedPath", s);
        o.put("rounds", rounds);
        o.put("events", (long) rounds * p.perRound);
        return s;
    }

    String stop(SavepointFormatType f, Path dir, boolean drain) throws Exception {
        String s =
                mc.stopWithSavepoint(id, dir.toUri().toString(), drain, f)
                        .get(120, TimeUnit.SECONDS);
        ObjectNode o = cps.addObject();
        o.put("type", drain ? "stop-with-savepoint-drain" : "stop-with-savepoint");
        o.put("format", f.toString());
        o.put("returnedPath", s);
        o.put("rounds", rounds);
        try {
            mc.requestJobResult(id).get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
        }
        return s;
    }

    @Override
    public void close() throws Exception {
        try {
            if (!mc.getJobStatus(id).get().isTerminalState())
                mc.cancelJob(id).get(30, TimeUnit.SECONDS);
            mc.requestJobResult(id).get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
        }
        mc.close();
    }
}
