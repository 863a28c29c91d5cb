import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.checkpoint.*;
import org.apache.flink.runtime.checkpoint.metadata.*;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.*;
import org.apache.flink.runtime.state.IncrementalKeyedStateHandle.HandleAndLocalPath;
import org.apache.flink.runtime.state.filesystem.*;
import org.apache.flink.runtime.state.memory.*;

import java.io.*;
import java.util.*;

/**
 * Flink's side of the metadata benchmark.
 *
 * <p>Usage: write FILE operators subtasks files, which prints the size of the file; or load FILE
 * rounds, which prints the number of shared files, the bytes of state and the seconds of each
 * round.
 */
public class MetadataPeer {
    public static void main(String[] a) throws Exception {
        if (a[0].equals("write"))
            write(a[1], Integer.parseInt(a[2]), Integer.parseInt(a[3]), Integer.parseInt(a[4]));
        else load(a[1], a.length > 2 ? Integer.parseInt(a[2]) : 1);
    }

    /**
     * operators × subtasks × files incremental RocksDB handles, all paths absolute, under
     * s3://bucket/flink/checkpoints.
     */
    static void write(String file, int operators, int subtasks, int filesPer) throws Exception {
        Random r = new Random(7);
        String root = "s3://bucket/flink/checkpoints/0123456789abcdef0123456789abcdef/shared/";
        List<OperatorState> ops = new ArrayList<>();
        for (int o = 0; o < operators; o++) {
            OperatorState os =
                    new OperatorState(
                            "operator-" + o,
                            "uid-" + o,
                            new OperatorID(r.nextLong(), r.nextLong()),
                            subtasks,
                            32768);
            for (int s = 0; s < subtasks; s++) {
                List<HandleAndLocalPath> shared = new ArrayList<>();
                for (int f = 0; f < filesPer; f++)
                    shared.add(
                            HandleAndLocalPath.of(
                                    new FileStateHandle(
                                            new Path(root + new UUID(r.nextLong(), r.nextLong())),
                                            64L << 20),
                                    String.format("%06d.sst", f)));
                List<HandleAndLocalPath> priv = new ArrayList<>();
                for (String n : new String[] {"CURRENT", "MANIFEST-000005", "OPTIONS-000012"})
                    priv.add(
                            HandleAndLocalPath.of(
                                    new ByteStreamStateHandle(
                                            UUID.randomUUID().toString(), new byte[64]),
                                    n));
                IncrementalRemoteKeyedStateHandle h =
                        new IncrementalRemoteKeyedStateHandle(
                                new UUID(r.nextLong(), r.nextLong()),
                                KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(
                                        32768, subtasks, s),
                                42L,
                                shared,
                                priv,
                                new FileStateHandle(
                                        new Path(root + new UUID(r.nextLong(), r.nextLong())),
                                        1 << 20));
                os.putState(s, OperatorSubtaskState.builder().setManagedKeyedState(h).build());
            }
            ops.add(os);
        }
        CheckpointMetadata m =
                new CheckpointMetadata(
                        42L,
                        ops,
                        Collections.emptyList(),
                        CheckpointProperties.forCheckpoint(
                                CheckpointRetentionPolicy.RETAIN_ON_CANCELLATION));
        try (DataOutputStream out =
                new DataOutputStream(new BufferedOutputStream(new FileOutputStream(file)))) {
            Checkpoints.storeCheckpointMetadata(m, out);
        }
        System.out.println(new File(file).length());
    }

    static void load(String file, int rounds) throws Exception {
        for (int i = 0; i < rounds; i++) {
            long t = System.nanoTime();
            long handles = 0, bytes = 0;
            try (DataInputStream in =
                    new DataInputStream(
                            new BufferedInputStream(new FileInputStream(file), 1 << 20))) {
                CheckpointMetadata m =
                        Checkpoints.loadCheckpointMetadata(
                                in, MetadataPeer.class.getClassLoader(), file);
                for (OperatorState os : m.getOperatorStates())
                    for (OperatorSubtaskState s : os.getStates())
                        for (KeyedStateHandle k : s.getManagedKeyedState())
                            if (k instanceof IncrementalRemoteKeyedStateHandle) {
                                handles +=
                                        ((IncrementalRemoteKeyedStateHandle) k)
                                                .getSharedState()
                                                .size();
                                bytes += k.getStateSize();
                            }
            }
            System.out.printf("%d %d %.3f%n", handles, bytes, (System.nanoTime() - t) / 1e9);
        }
    }
}
