package fx;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.checkpoint.*;
import org.apache.flink.runtime.checkpoint.channel.*;
import org.apache.flink.runtime.checkpoint.metadata.*;
import org.apache.flink.runtime.state.*;
import org.apache.flink.runtime.state.changelog.*;
import org.apache.flink.runtime.state.changelog.inmemory.*;
import org.apache.flink.runtime.state.filemerging.*;
import org.apache.flink.runtime.state.filesystem.*;
import org.apache.flink.runtime.state.memory.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.*;

import java.io.*;
import java.lang.reflect.*;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;

/**
 * Writes what Flink's own loader reads from a _metadata file as JSON.
 *
 * <p>Usage: MetaOracle (dir out)..., or MetaOracle @list with lines of dir and out, parted by a
 * tab.
 */
public class MetaOracle {
    static final ObjectMapper M = new ObjectMapper();

    public static void main(String[] a) throws Exception {
        List<String[]> jobs = new ArrayList<>();
        if (a.length == 1 && a[0].startsWith("@")) {
            for (String l : Files.readAllLines(Paths.get(a[0].substring(1))))
                if (!l.isBlank()) jobs.add(l.split("\t"));
        } else for (int i = 0; i + 1 < a.length; i += 2) jobs.add(new String[] {a[i], a[i + 1]});
        int ok = 0, bad = 0;
        for (String[] j : jobs) {
            ObjectNode o;
            try {
                o = dump(Paths.get(j[0]));
                ok++;
            } catch (Throwable t) {
                bad++;
                o = M.createObjectNode();
                o.put("error", t.toString());
                StringWriter sw = new StringWriter();
                t.printStackTrace(new PrintWriter(sw));
                o.put("stack", sw.toString());
                System.out.println("REFUSED " + j[0] + " : " + t);
            }
            Path out = Paths.get(j[1]);
            if (out.getParent() != null) Files.createDirectories(out.getParent());
            M.writeValue(out.toFile(), o);
        }
        System.out.println("oracle ok=" + ok + " refused=" + bad);
    }

    public static ObjectNode dump(Path dir) throws Exception {
        Path mf = dir.resolve("_metadata");
        byte[] raw = Files.readAllBytes(mf);
        ObjectNode o = M.createObjectNode();
        o.put("flinkLoader", org.apache.flink.runtime.util.EnvironmentInformation.getVersion());
        o.put("dir", dir.toString());
        o.put("metadataSize", raw.length);
        o.put("metadataSha256", sha(raw));
        o.put(
                "magic",
                String.format(
                        "%08x", new DataInputStream(new ByteArrayInputStream(raw)).readInt()));
        o.put(
                "metadataVersion",
                new DataInputStream(new ByteArrayInputStream(raw, 4, raw.length - 4)).readInt());
        ByteArrayInputStream bin = new ByteArrayInputStream(raw);
        CheckpointMetadata md;
        try (DataInputStream in = new DataInputStream(bin)) {
            md =
                    Checkpoints.loadCheckpointMetadata(
                            in, MetaOracle.class.getClassLoader(), dir.toUri().toString());
        }
        o.put("trailingBytes", bin.available());
        o.put("checkpointId", md.getCheckpointId());
        CheckpointProperties p = md.getCheckpointProperties();
        if (p == null) o.putNull("properties");
        else {
            ObjectNode pn = o.putObject("properties");
            for (Field f : CheckpointProperties.class.getDeclaredFields()) {
                if (Modifier.isStatic(f.getModifiers())) continue;
                f.setAccessible(true);
                Object v = f.get(p);
                if (v instanceof Boolean) pn.put(f.getName(), (Boolean) v);
                else if (v instanceof SnapshotType) {
                    ObjectNode st = pn.putObject(f.getName());
                    SnapshotType s = (SnapshotType) v;
                    st.put("class", s.getClass().getSimpleName());
                    st.put("name", s.getName());
                    st.put("isSavepoint", s.isSavepoint());
                    st.put("sharingFilesStrategy", s.getSharingFilesStrategy().toString());
                    if (s instanceof SavepointType) {
                        st.put("format", ((SavepointType) s).getFormatType().toString());
                        st.put(
                                "postCheckpointAction",
                                String.valueOf(((SavepointType) s).getPostCheckpointAction()));
                    }
                } else pn.put(f.getName(), String.valueOf(v));
            }
        }
        ArrayNode ms = o.putArray("masterStates");
        for (MasterState m : md.getMasterStates()) {
            ObjectNode n = ms.addObject();
            n.put("name", m.name());
            n.put("version", m.version());
            n.put("size", m.bytes().length);
            n.put("sha256", sha(m.bytes()));
        }
        TreeMap<String, Long> refs = new TreeMap<>();
        ArrayNode ops = o.putArray("operators");
        for (OperatorState os : md.getOperatorStates()) {
            ObjectNode n = ops.addObject();
            n.put("id", os.getOperatorID().toHexString());
            Object uid = opt(os, "getOperatorUid"), name = opt(os, "getOperatorName");
            if (uid != null) n.put("uid", uid.toString());
            else n.putNull("uid");
            if (name != null) n.put("name", name.toString());
            else n.putNull("name");
            n.put("class", os.getClass().getSimpleName());
            n.put("parallelism", os.getParallelism());
            n.put("maxParallelism", os.getMaxParallelism());
            n.put("fullyFinished", os.isFullyFinished());
            if (os.getCoordinatorState() == null) n.putNull("coordinatorState");
            else n.set("coordinatorState", stream(os.getCoordinatorState(), refs));
            ArrayNode sts = n.putArray("subtasks");
            if (os.isFullyFinished()) continue;
            for (Map.Entry<Integer, OperatorSubtaskState> e :
                    new TreeMap<>(os.getSubtaskStates()).entrySet()) {
                OperatorSubtaskState s = e.getValue();
                ObjectNode sn = sts.addObject();
                sn.put("index", e.getKey());
                sn.put("finished", s.isFinished());
                fill(sn, "managedOperator", s.getManagedOperatorState(), refs);
                fill(sn, "rawOperator", s.getRawOperatorState(), refs);
                fill(sn, "managedKeyed", s.getManagedKeyedState(), refs);
                fill(sn, "rawKeyed", s.getRawKeyedState(), refs);
                fill(sn, "inputChannel", s.getInputChannelState(), refs);
                fill(sn, "resultSubpartition", s.getResultSubpartitionState(), refs);
                if (!s.getInputRescalingDescriptor()
                        .equals(InflightDataRescalingDescriptor.NO_RESCALE))
                    sn.put("inputRescaling", s.getInputRescalingDescriptor().toString());
                if (!s.getOutputRescalingDescriptor()
                        .equals(InflightDataRescalingDescriptor.NO_RESCALE))
                    sn.put("outputRescaling", s.getOutputRescalingDescriptor().toString());
                sn.put("stateSize", s.getStateSize());
                sn.put("checkpointedSize", s.getCheckpointedSize());
            }
            n.put("stateSize", os.getStateSize());
            n.put("checkpointedSize", os.getCheckpointedSize());
        }
        ObjectNode r = o.putObject("referencedPaths");
        for (Map.Entry<String, Long> e : refs.entrySet()) r.put(e.getKey(), e.getValue());
        return o;
    }

    static Object opt(Object o, String m) {
        try {
            return ((Optional<?>) o.getClass().getMethod(m).invoke(o)).orElse(null);
        } catch (NoSuchMethodException e) {
            return null;
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
    }

    static Object call(Object o, String m) {
        try {
            Method x = o.getClass().getMethod(m);
            x.setAccessible(true);
            return x.invoke(o);
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
    }

    static boolean isA(Object o, String simple) {
        for (Class<?> c = o.getClass(); c != null; c = c.getSuperclass())
            if (c.getSimpleName().equals(simple)) return true;
        return false;
    }

    static void fill(ObjectNode sn, String cat, Iterable<?> it, Map<String, Long> refs)
            throws Exception {
        ArrayNode arr = sn.putArray(cat);
        for (Object h : it) arr.add(state((StateObject) h, refs));
    }

    static void kgr(ObjectNode n, KeyGroupRange r) {
        n.put("keyGroupStart", r.getStartKeyGroup());
        n.put("keyGroupEnd", r.getEndKeyGroup());
    }

    static ObjectNode state(StateObject h, Map<String, Long> refs) throws Exception {
        ObjectNode n = M.createObjectNode();
        n.put("class", h.getClass().getSimpleName());
        n.put("stateSize", h.getStateSize());
        if (h instanceof KeyGroupsStateHandle) {
            KeyGroupsStateHandle k = (KeyGroupsStateHandle) h;
            kgr(n, k.getKeyGroupRange());
            ArrayNode off = n.putArray("keyGroupOffsets");
            for (Tuple2<Integer, Long> t : k.getGroupRangeOffsets()) off.add(t.f1);
            n.put("stateHandleId", k.getStateHandleId().getKeyString());
            n.set("delegate", stream(k.getDelegateStateHandle(), refs));
        } else if (h instanceof IncrementalRemoteKeyedStateHandle) {
            IncrementalRemoteKeyedStateHandle k = (IncrementalRemoteKeyedStateHandle) h;
            kgr(n, k.getKeyGroupRange());
            n.put("stateHandleId", k.getStateHandleId().getKeyString());
            n.put("checkpointId", k.getCheckpointId());
            n.put("backendId", k.getBackendIdentifier().toString());
            n.put("checkpointedSize", k.getCheckpointedSize());
            n.set("metaState", stream(k.getMetaDataStateHandle(), refs));
            hlp(n.putArray("shared"), k.getSharedState(), refs);
            hlp(n.putArray("private"), k.getPrivateState(), refs);
        } else if (h instanceof ChangelogStateBackendHandle) {
            ChangelogStateBackendHandle k = (ChangelogStateBackendHandle) h;
            kgr(n, k.getKeyGroupRange());
            n.put("stateHandleId", k.getStateHandleId().getKeyString());
            n.put("checkpointId", k.getCheckpointId());
            n.put("materializationId", k.getMaterializationID());
            n.put("checkpointedSize", k.getCheckpointedSize());
            ArrayNode m = n.putArray("materialized");
            for (KeyedStateHandle x : k.getMaterializedStateHandles()) m.add(state(x, refs));
            ArrayNode nm = n.putArray("nonMaterialized");
            for (ChangelogStateHandle x : k.getNonMaterializedStateHandles())
                nm.add(state(x, refs));
        } else if (h instanceof ChangelogStateHandleStreamImpl) {
            ChangelogStateHandleStreamImpl k = (ChangelogStateHandleStreamImpl) h;
            kgr(n, k.getKeyGroupRange());
            n.put("stateHandleId", k.getStateHandleId().getKeyString());
            n.put("storageIdentifier", k.getStorageIdentifier());
            n.put("checkpointedSize", k.getCheckpointedSize());
            ArrayNode m = n.putArray("handlesAndOffsets");
            for (Tuple2<StreamStateHandle, Long> t : k.getHandlesAndOffsets()) {
                ObjectNode e = m.addObject();
                e.put("offset", t.f1);
                e.set("handle", stream(t.f0, refs));
            }
        } else if (h instanceof InMemoryChangelogStateHandle) {
            InMemoryChangelogStateHandle k = (InMemoryChangelogStateHandle) h;
            kgr(n, k.getKeyGroupRange());
            n.put("from", k.getFrom());
            n.put("to", k.getTo());
            java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
            java.io.DataOutputStream dos = new java.io.DataOutputStream(all);
            long tot = 0;
            ArrayNode m = n.putArray("firstChanges");
            for (StateChange c : k.getChanges()) {
                tot += c.getChange().length;
                dos.writeInt(c.getKeyGroup());
                dos.writeInt(c.getChange().length);
                dos.write(c.getChange());
                if (m.size() < 3) {
                    ObjectNode e = m.addObject();
                    e.put("keyGroup", c.getKeyGroup());
                    e.put("size", c.getChange().length);
                    e.put("sha256", sha(c.getChange()));
                }
            }
            n.put("changeCount", k.getChanges().size());
            n.put("changeBytes", tot);
            n.put("changesSha256", sha(all.toByteArray()));
        } else if (h instanceof OperatorStateHandle) {
            OperatorStateHandle k = (OperatorStateHandle) h;
            ArrayNode names = n.putArray("states");
            for (Map.Entry<String, OperatorStateHandle.StateMetaInfo> e :
                    new TreeMap<>(k.getStateNameToPartitionOffsets()).entrySet()) {
                ObjectNode s = names.addObject();
                s.put("name", e.getKey());
                s.put("mode", e.getValue().getDistributionMode().toString());
                ArrayNode off = s.putArray("offsets");
                for (long l : e.getValue().getOffsets()) off.add(l);
            }
            if (h instanceof FileMergingOperatorStreamStateHandle) {
                FileMergingOperatorStreamStateHandle f = (FileMergingOperatorStreamStateHandle) h;
                n.put(
                        "sharedDir",
                        f.getSharedDirHandle() == null
                                ? null
                                : f.getSharedDirHandle().getDirectory().toString());
                n.put(
                        "taskOwnedDir",
                        f.getTaskOwnedDirHandle() == null
                                ? null
                                : f.getTaskOwnedDirHandle().getDirectory().toString());
            }
            n.set("delegate", stream(k.getDelegateStateHandle(), refs));
        } else if (isA(h, "AbstractMergedChannelStateHandle")) {
            n.put("subtaskIndex", (Integer) call(h, "getSubtaskIndex"));
            ArrayNode infos = n.putArray("infos");
            for (Object i : (List<?>) call(h, "getInfos")) infos.add(info(i));
            byte[] ser = (byte[]) call(h, "getSerializedChannelOffsets");
            n.put("serializedChannelOffsets", Base64.getEncoder().encodeToString(ser));
            ArrayNode un = n.putArray("unmerged");
            Method um = null;
            for (Class<?> c = h.getClass(); c != null && um == null; c = c.getSuperclass())
                for (Method x : c.getDeclaredMethods())
                    if (x.getName().equals("getUnmergedHandles") && x.getParameterCount() == 0)
                        um = x;
            if (um != null) {
                um.setAccessible(true);
                for (Object x : (Collection<?>) um.invoke(h)) un.add(state((StateObject) x, refs));
            }
            n.set("delegate", stream((StreamStateHandle) call(h, "getDelegate"), refs));
        } else if (h instanceof AbstractChannelStateHandle) {
            AbstractChannelStateHandle<?> k = (AbstractChannelStateHandle<?>) h;
            n.put("subtaskIndex", k.getSubtaskIndex());
            n.set("info", info(k.getInfo()));
            ArrayNode off = n.putArray("offsets");
            for (long l : k.getOffsets()) off.add(l);
            n.set("delegate", stream(k.getDelegate(), refs));
        } else n.put("UNKNOWN", h.toString());
        return n;
    }

    static ObjectNode info(Object i) {
        ObjectNode n = M.createObjectNode();
        if (i instanceof InputChannelInfo) {
            n.put("gate", ((InputChannelInfo) i).getGateIdx());
            n.put("channel", ((InputChannelInfo) i).getInputChannelIdx());
        } else if (i instanceof ResultSubpartitionInfo) {
            n.put("partition", ((ResultSubpartitionInfo) i).getPartitionIdx());
            n.put("subpartition", ((ResultSubpartitionInfo) i).getSubPartitionIdx());
        }
        return n;
    }

    static void hlp(
            ArrayNode a,
            List<IncrementalKeyedStateHandle.HandleAndLocalPath> l,
            Map<String, Long> refs)
            throws Exception {
        for (IncrementalKeyedStateHandle.HandleAndLocalPath x : l) {
            ObjectNode e = a.addObject();
            e.put("localPath", x.getLocalPath());
            e.set("handle", stream(x.getHandle(), refs));
        }
    }

    static ObjectNode stream(StreamStateHandle h, Map<String, Long> refs) throws Exception {
        ObjectNode n = M.createObjectNode();
        if (h == null) {
            n.put("class", "null");
            return n;
        }
        n.put("class", h.getClass().getSimpleName());
        if (h instanceof KeyGroupsStateHandle) return state((KeyGroupsStateHandle) h, refs);
        n.put("size", h.getStateSize());
        n.put("physicalId", h.getStreamStateHandleID().getKeyString());
        if (h instanceof RelativeFileStateHandle) {
            RelativeFileStateHandle f = (RelativeFileStateHandle) h;
            n.put("relative", true);
            n.put("relativePath", f.getRelativePath());
            n.put("path", f.getFilePath().toString());
            refs.merge(f.getFilePath().toString(), h.getStateSize(), Math::max);
        } else if (h instanceof FileStateHandle) {
            FileStateHandle f = (FileStateHandle) h;
            n.put("relative", false);
            n.put("path", f.getFilePath().toString());
            refs.merge(f.getFilePath().toString(), h.getStateSize(), Math::max);
        } else if (h instanceof SegmentFileStateHandle) {
            SegmentFileStateHandle f = (SegmentFileStateHandle) h;
            n.put("relative", false);
            n.put("path", f.getFilePath() == null ? null : f.getFilePath().toString());
            n.put("startPos", f.getStartPos());
            n.put("scope", f.getScope().toString());
            n.put("logicalFileId", f.getLogicalFileId().getKeyString());
            if (f.getFilePath() != null && !h.getClass().getSimpleName().startsWith("Empty"))
                refs.merge(
                        f.getFilePath().toString(), f.getStartPos() + h.getStateSize(), Math::max);
        } else if (h instanceof DirectoryStreamStateHandle) {
            n.put("path", ((DirectoryStreamStateHandle) h).getDirectory().toString());
        } else if (h instanceof ByteStreamStateHandle) {
            ByteStreamStateHandle b = (ByteStreamStateHandle) h;
            n.put("handleName", b.getHandleName());
            n.put("sha256", sha(b.getData()));
            byte[] d = b.getData();
            n.put("first64", hex(d, Math.min(64, d.length)));
        } else n.put("UNKNOWN", h.toString());
        return n;
    }

    static String hex(byte[] b, int n) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < n; i++) s.append(String.format("%02x", b[i]));
        return s.toString();
    }

    static String sha(byte[] b) throws Exception {
        return hex(MessageDigest.getInstance("SHA-256").digest(b), 32);
    }
}
