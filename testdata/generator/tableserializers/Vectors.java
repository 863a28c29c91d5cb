import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * Values of one serializer, a line each: name, snapshot (only on the first line of a name), value, getLength, hashCode ("-" where ckpt
 * does not know it), and the value as JSON; instead of it "!" and a class where ckpt cannot know more. Bytes are in hex.
 */
class Vectors {
    private final String name;
    private final TypeSerializer<Object> serializer;
    private final StringBuilder out = new StringBuilder();
    private String first;

    @SuppressWarnings("unchecked")
    Vectors(String name, TypeSerializer<?> serializer) throws Exception {
        this.name = name;
        this.serializer = (TypeSerializer<Object>) serializer;
        DataOutputSerializer snapshot = new DataOutputSerializer(64);
        snapshot.writeInt(2);
        TypeSerializerSnapshot.writeVersionedSnapshot(snapshot, serializer.snapshotConfiguration());
        first = hex(snapshot.getCopyOfBuffer());
    }

    void put(Object v, String hash, String json) throws Exception {
        out.append(name).append('\t').append(first).append('\t').append(bytes(serializer, v)).append('\t').append(serializer.getLength())
                .append('\t').append(hash).append('\t').append(json).append('\n');
        first = "";
    }

    void print() {
        System.out.writeBytes(out.toString().getBytes(StandardCharsets.UTF_8));
    }

    static void one(String name, TypeSerializer<?> serializer, Object v, String json) throws Exception {
        Vectors all = new Vectors(name, serializer);
        all.put(v, "-", json);
        all.print();
    }

    @SuppressWarnings("unchecked")
    static String bytes(TypeSerializer<?> serializer, Object v) throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(64);
        ((TypeSerializer<Object>) serializer).serialize(v, out);
        return hex(out.getCopyOfBuffer());
    }

    static String hex(byte[] b) {
        StringBuilder s = new StringBuilder();
        for (byte x : b) {
            s.append(String.format("%02x", x));
        }
        return s.toString();
    }

    public static void main(String[] args) throws Exception {
        TableSerializers.print();
        AvroSerializers.print();
        KryoSerializers.print();
    }
}
