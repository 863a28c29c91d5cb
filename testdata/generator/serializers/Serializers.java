import java.io.Serializable;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.*;
import org.apache.flink.api.common.typeutils.base.array.*;
import org.apache.flink.api.java.tuple.*;
import org.apache.flink.api.java.typeutils.runtime.*;
import org.apache.flink.cep.nfa.ComputationState;
import org.apache.flink.cep.nfa.DeweyNumber;
import org.apache.flink.cep.nfa.NFAState;
import org.apache.flink.cep.nfa.NFAStateSerializer;
import org.apache.flink.cep.nfa.sharedbuffer.EventId;
import org.apache.flink.cep.nfa.sharedbuffer.Lockable;
import org.apache.flink.cep.nfa.sharedbuffer.NodeId;
import org.apache.flink.cep.nfa.sharedbuffer.SharedBufferEdge;
import org.apache.flink.cep.nfa.sharedbuffer.SharedBufferNode;
import org.apache.flink.cep.nfa.sharedbuffer.SharedBufferNodeSerializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.state.ArrayListSerializer;
import org.apache.flink.runtime.state.JavaSerializer;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.runtime.state.ttl.TtlStateFactory;
import org.apache.flink.runtime.state.ttl.TtlValue;
import org.apache.flink.streaming.api.operators.TimerHeapInternalTimer;
import org.apache.flink.streaming.api.operators.TimerSerializer;
import org.apache.flink.streaming.api.operators.co.IntervalJoinOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.api.windowing.windows.GlobalWindow;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.streaming.runtime.streamrecord.StreamElement;
import org.apache.flink.streaming.runtime.streamrecord.StreamElementSerializer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.types.*;

/**
 * Prints values as Flink's serializers write them, a line each: name, snapshot (only on the first line of a name), value, getLength,
 * hashCode ("-" where ckpt does not know it), and the value as JSON. Bytes are in hex.
 */
public class Serializers {

    public enum Color {
        RED,
        GREEN,
        BLUE
    }

    public static class Animal {
        public String name;
        public int legs;

        public Animal() {}

        Animal(String name, int legs) {
            this.name = name;
            this.legs = legs;
        }
    }

    public static class Dog extends Animal {
        public Long chip;

        public Dog() {}

        Dog(String name, Long chip) {
            super(name, 4);
            this.chip = chip;
        }
    }

    public static class Cat extends Animal {
        public boolean indoor;
        public String prey;

        public Cat() {}

        Cat(String name, String prey) {
            super(name, 4);
            indoor = true;
            this.prey = prey;
        }
    }

    public static class All {
        public boolean flag;
        public double real;
        public Long boxed;
        public Color color;
        public long[] numbers;
        public Tuple2<String, Integer> pair;
        public Animal animal;
        public BigDecimal amount;
        public Instant at;
    }

    public static class Plain implements Serializable {
        private static final long serialVersionUID = 7;
        int number = 5;
        String text = "t\u0000é😀";
        long[] longs = {1, -2};
        byte[] bytes = {1, (byte) 0xff};
        Color color = Color.BLUE;
        List<Object> list = new ArrayList<>(Arrays.asList("x", 3, null));
    }

    /** A subclass whose objects are to be shown without their class. */
    static Class<?> plain;

    static final StringBuilder OUT = new StringBuilder();

    @SafeVarargs
    static <T> void put(String name, boolean hashed, TypeSerializer<T> serializer, T... values) throws Exception {
        List<String> lines = new ArrayList<>();
        for (T v : values) {
            DataOutputSerializer out = new DataOutputSerializer(64);
            serializer.serialize(v, out);
            lines.add(hex(out.getCopyOfBuffer()) + "\t" + serializer.getLength() + "\t" + (hashed && v != null ? v.hashCode() : "-") + "\t" + json(v, false));
        }
        DataOutputSerializer snapshot = new DataOutputSerializer(64);
        snapshot.writeInt(2);
        TypeSerializerSnapshot.writeVersionedSnapshot(snapshot, serializer.snapshotConfiguration());
        String first = hex(snapshot.getCopyOfBuffer());
        for (String line : lines) {
            OUT.append(name).append('\t').append(first).append('\t').append(line).append('\n');
            first = "";
        }
    }

    static <T> TypeSerializer<T> of(Class<T> c) {
        return TypeInformation.of(c).createSerializer(new SerializerConfigImpl());
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    public static void main(String[] args) throws Exception {
        scalars();
        times();
        arrays();
        containers();
        objects();
        runtime();
        patterns();
        try {
            TypeSerializer set = (TypeSerializer) Class.forName("org.apache.flink.api.common.typeutils.base.SetSerializer")
                    .getConstructor(TypeSerializer.class).newInstance(IntSerializer.INSTANCE);
            put("Set", true, set, new LinkedHashSet<>(Arrays.asList(5, null, 7)), new LinkedHashSet<>());
        } catch (ClassNotFoundException e) {
            // before Flink 2 sets are Kryo's
        }
        System.out.write(OUT.toString().getBytes("UTF-8"));
        System.out.flush();
    }

    static void scalars() throws Exception {
        put("Boolean", true, BooleanSerializer.INSTANCE, true, false);
        put("Byte", true, ByteSerializer.INSTANCE, (byte) 0, Byte.MIN_VALUE, Byte.MAX_VALUE);
        put("Short", true, ShortSerializer.INSTANCE, (short) 1, Short.MIN_VALUE, Short.MAX_VALUE);
        put("Integer", true, IntSerializer.INSTANCE, 0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE);
        put("Long", true, LongSerializer.INSTANCE, 0L, -1L, 1L << 40, Long.MIN_VALUE, Long.MAX_VALUE);
        put("Float", true, FloatSerializer.INSTANCE, 0f, -0f, 0.1f, 1e10f, Float.MAX_VALUE, Float.NaN, Float.NEGATIVE_INFINITY);
        put("Double", true, DoubleSerializer.INSTANCE, 0d, -0d, 0.1, 1e8, 1e21, 1e300, Double.MIN_VALUE, Double.MAX_VALUE, Double.NaN, Double.POSITIVE_INFINITY);
        put("Character", true, CharSerializer.INSTANCE, 'a', '"', '\0', 'é', '\ud83d', '\uffff');
        put("String", true, StringSerializer.INSTANCE, "", "hello", "a\0é日😀", "\ud83d", "\ude00x", "a\ud83db\ude00", "\"\\/\b\f\n\r\t\u001f\u007f\u2028",
                "x".repeat(126), "x".repeat(127), "日".repeat(200), "12345678ü2345678", null);
        put("BigInteger", true, BigIntSerializer.INSTANCE, BigInteger.ZERO, BigInteger.ONE, BigInteger.TEN, BigInteger.valueOf(-1), BigInteger.valueOf(127),
                BigInteger.valueOf(128), BigInteger.valueOf(-128), BigInteger.valueOf(-129), BigInteger.valueOf(-256), BigInteger.valueOf(Long.MIN_VALUE), BigInteger.ONE.shiftLeft(63),
                new BigInteger("-123456789012345678901234567890"), null);
        List<BigDecimal> decimals = new ArrayList<>();
        for (String s : new String[] {"0", "1", "10", "0.0", "-1.25", "1.00", "1E+3", "-1.5E-10", "0.000001", "0.0000001", "123456789012345678901234567890.12345", "-9223372036854775808", "9E-20", "0E-10", "0E+5", "-100"})
            decimals.add(new BigDecimal(s));
        decimals.add(BigDecimal.ZERO);
        decimals.add(BigDecimal.ONE);
        decimals.add(BigDecimal.TEN);
        decimals.add(null);
        put("BigDecimal", true, BigDecSerializer.INSTANCE, decimals.toArray(new BigDecimal[0]));
        put("Void", false, VoidSerializer.INSTANCE, (Void) null);
        put("VoidNamespace", false, VoidNamespaceSerializer.INSTANCE, VoidNamespace.INSTANCE);
        put("Enum", false, new EnumSerializer<>(Color.class), Color.RED, Color.BLUE);
        put("LongValue", false, LongValueSerializer.INSTANCE, new LongValue(5));
        put("StringValue", false, StringValueSerializer.INSTANCE, new StringValue("é"));
    }

    static void times() throws Exception {
        Instant[] instants = {Instant.EPOCH, Instant.ofEpochSecond(-1, 5), Instant.parse("2023-11-14T22:13:20.035Z"), Instant.parse("2024-02-29T00:00:00.000001Z"),
            Instant.parse("0000-01-01T00:00:00Z"), Instant.parse("-0001-12-31T23:59:59.999999999Z"), Instant.parse("+10000-01-01T00:00:00Z"), Instant.MIN, Instant.MAX, null};
        put("Instant", true, InstantSerializer.INSTANCE, instants);
        put("LocalDate", true, LocalDateSerializer.INSTANCE, LocalDate.of(2024, 2, 29), LocalDate.of(953, 3, 4), LocalDate.of(-5, 1, 1), LocalDate.of(10000, 12, 31), LocalDate.MIN, LocalDate.MAX, null);
        put("LocalTime", true, LocalTimeSerializer.INSTANCE, LocalTime.MIDNIGHT, LocalTime.of(23, 59), LocalTime.of(1, 2, 3), LocalTime.of(1, 2, 0, 5), LocalTime.of(1, 2, 3, 120_000_000), LocalTime.MAX, null);
        put("LocalDateTime", true, LocalDateTimeSerializer.INSTANCE, LocalDateTime.of(2024, 2, 29, 23, 59, 58, 123), LocalDateTime.of(1, 1, 1, 0, 0), LocalDateTime.MIN, LocalDateTime.MAX, null);
        put("Date", true, DateSerializer.INSTANCE, new Date(0), new Date(-1), new Date(1700000000035L), null);
        put("SqlDate", true, SqlDateSerializer.INSTANCE, new java.sql.Date(86400000L), null);
        put("SqlTime", true, SqlTimeSerializer.INSTANCE, new java.sql.Time(3600001L), null);
        Timestamp nanos = new Timestamp(1500);
        nanos.setNanos(500000105);
        Timestamp early = new Timestamp(-1);
        put("Timestamp", true, SqlTimestampSerializer.INSTANCE, new Timestamp(1500), nanos, early, null);
    }

    static void arrays() throws Exception {
        put("Bytes", false, BytePrimitiveArraySerializer.INSTANCE, new byte[] {}, new byte[] {1, (byte) 0xfe});
        put("Booleans", false, BooleanPrimitiveArraySerializer.INSTANCE, new boolean[] {true, false});
        put("Shorts", false, ShortPrimitiveArraySerializer.INSTANCE, new short[] {1, -2});
        put("Integers", false, IntPrimitiveArraySerializer.INSTANCE, new int[] {}, new int[] {1, -35});
        put("Longs", false, LongPrimitiveArraySerializer.INSTANCE, new long[] {1, Long.MIN_VALUE});
        put("Floats", false, FloatPrimitiveArraySerializer.INSTANCE, new float[] {1.5f, -0.1f});
        put("Doubles", false, DoublePrimitiveArraySerializer.INSTANCE, new double[] {1.5, -0.1});
        put("Characters", false, CharPrimitiveArraySerializer.INSTANCE, new char[] {'a', 'é'});
        put("Strings", false, StringArraySerializer.INSTANCE, new String[] {}, new String[] {"a", null, "é"});
        put("Array", false, new GenericArraySerializer<>(Long.class, LongSerializer.INSTANCE), new Long[] {}, new Long[] {1L, null, -3L});
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static void containers() throws Exception {
        put("List", true, new ListSerializer<>(StringSerializer.INSTANCE), Arrays.asList("a", null, "é"), new ArrayList<>());
        put("ListOfLongs", true, new ListSerializer<>(LongSerializer.INSTANCE), Arrays.asList(1L, -2L));
        put("ArrayList", true, new ArrayListSerializer<>(IntSerializer.INSTANCE), new ArrayList<>(Arrays.asList(1, 2)));
        Map<String, Long> map = new LinkedHashMap<>();
        map.put("z", 7L);
        map.put("k", null);
        Map<String, Long> nameless = new LinkedHashMap<>();
        nameless.put("a", 1L);
        nameless.put(null, 2L);
        put("Map", true, new MapSerializer<>(StringSerializer.INSTANCE, LongSerializer.INSTANCE), map, nameless, new LinkedHashMap<>());
        Map<Integer, String> numbers = new LinkedHashMap<>();
        numbers.put(5, "five");
        numbers.put(-1, null);
        put("MapOfIntegers", true, new MapSerializer<>(IntSerializer.INSTANCE, StringSerializer.INSTANCE), numbers);
        put("Tuple0", false, Tuple0Serializer.INSTANCE, Tuple0.INSTANCE);
        put("Tuple1", true, new TupleSerializer<>((Class<Tuple1<Long>>) (Class) Tuple1.class, new TypeSerializer<?>[] {LongSerializer.INSTANCE}), Tuple1.of(3L));
        put("Tuple2", true, new TupleSerializer<>((Class<Tuple2<String, Integer>>) (Class) Tuple2.class, new TypeSerializer<?>[] {StringSerializer.INSTANCE, IntSerializer.INSTANCE}), Tuple2.of("q", -1), Tuple2.of("", 0));
        put("Tuple3", true, new TupleSerializer<>((Class<Tuple3<Boolean, Double, Short>>) (Class) Tuple3.class, new TypeSerializer<?>[] {BooleanSerializer.INSTANCE, DoubleSerializer.INSTANCE, ShortSerializer.INSTANCE}), Tuple3.of(true, -2.5, (short) 9));
        put("TupleOfMore", true, new TupleSerializer<>((Class<Tuple4<LocalDate, Instant, BigDecimal, List<String>>>) (Class) Tuple4.class,
                new TypeSerializer<?>[] {LocalDateSerializer.INSTANCE, InstantSerializer.INSTANCE, BigDecSerializer.INSTANCE, new ListSerializer<>(StringSerializer.INSTANCE)}),
                Tuple4.of(LocalDate.of(2024, 2, 29), Instant.ofEpochSecond(5, 7), new BigDecimal("12.50"), Arrays.asList("x", "y")));
        TypeSerializer<?>[] longs = new TypeSerializer<?>[25];
        Tuple25 wide = new Tuple25();
        for (int i = 0; i < 25; i++) {
            longs[i] = LongSerializer.INSTANCE;
            wide.setField((long) i * i, i);
        }
        put("Tuple25", true, new TupleSerializer<>(Tuple25.class, longs), wide);
        put("Nullable", true, NullableSerializer.wrap(LongSerializer.INSTANCE, false), 3L, null);
        put("PaddedNullable", true, NullableSerializer.wrap(LongSerializer.INSTANCE, true), 3L, null);
        put("Either", true, new EitherSerializer<>(IntSerializer.INSTANCE, StringSerializer.INSTANCE), Either.<Integer, String>Left(3), Either.<Integer, String>Right("r"));
        TypeSerializer<?>[] fields = {IntSerializer.INSTANCE, StringSerializer.INSTANCE, StringSerializer.INSTANCE, new ListSerializer<>(IntSerializer.INSTANCE), LongSerializer.INSTANCE, LongSerializer.INSTANCE, BooleanSerializer.INSTANCE};
        Row[] rows = {Row.of(1, null, "s", Arrays.asList(1, 2), 5L, null, true), Row.ofKind(RowKind.DELETE, null, null, null, null, null, null, null), Row.ofKind(RowKind.UPDATE_AFTER, 1, "a", "b", new ArrayList<>(), 1L, 2L, false)};
        put("Row", false, new RowSerializer(fields, null, true), rows);
        put("Row of before", false, new RowSerializer(fields, null, false), rows[0]);
    }

    static void objects() throws Exception {
        Animal[] animals = {new Animal("x", 3), new Animal(null, 0), new Dog("rex", 5L), new Dog(null, null), new Cat("tom", null), new Cat("tom", "mouse"), null};
        put("Pojo", false, of(Animal.class), animals);
        plain = Cat.class;
        put("Pojo of a subclass", false, of(Cat.class), new Cat("tom", "m"));
        plain = Dog.class;
        put("Pojo of another", false, of(Dog.class), new Dog("rex", 5L));
        plain = null;
        SerializerConfigImpl registered = new SerializerConfigImpl();
        registered.registerPojoType(Dog.class);
        registered.registerPojoType(Cat.class);
        put("Registered", false, TypeInformation.of(Animal.class).createSerializer(registered), new Animal("x", 3), new Dog("rex", 5L), new Cat("tom", null));
        All all = new All();
        all.real = -2.5;
        all.color = Color.GREEN;
        all.numbers = new long[] {1, 2};
        all.pair = Tuple2.of("p", 1);
        all.animal = new Animal("a", 1);
        all.amount = new BigDecimal("1.50");
        all.at = Instant.ofEpochSecond(5);
        put("Pojo of all", false, of(All.class), all, empty());
        put("Java", false, new JavaSerializer<Serializable>(), "second0", "t\u0000é😀", 5L, -5, (short) 2, (byte) 1, 1.5, 2.5f, true, 'c', new Plain(), new int[] {1, 2}, Color.RED, new ArrayList<>(Arrays.asList(1, 1)));
    }

    static All empty() {
        All all = new All();
        all.pair = Tuple2.of("", 0);
        return all;
    }

    static void runtime() throws Exception {
        put("TimeWindow", true, new TimeWindow.Serializer(), new TimeWindow(1000, 2000), new TimeWindow(Long.MIN_VALUE, Long.MAX_VALUE));
        put("GlobalWindow", false, new GlobalWindow.Serializer(), GlobalWindow.get());
        put("TTL", false, new TtlStateFactory.TtlSerializer<>(LongSerializer.INSTANCE, StringSerializer.INSTANCE), new TtlValue<>("v", 1700000000035L));
        put("TTLofLong", false, new TtlStateFactory.TtlSerializer<>(LongSerializer.INSTANCE, LongSerializer.INSTANCE), new TtlValue<>(7L, -1L));
        put("Timer", false, new TimerSerializer<>(StringSerializer.INSTANCE, VoidNamespaceSerializer.INSTANCE), new TimerHeapInternalTimer<>(5L, "k", VoidNamespace.INSTANCE), new TimerHeapInternalTimer<>(-5L, "k", VoidNamespace.INSTANCE));
        put("TimerOfLong", false, new TimerSerializer<>(LongSerializer.INSTANCE, new TimeWindow.Serializer()), new TimerHeapInternalTimer<>(Long.MAX_VALUE, 1L, new TimeWindow(0, 1)));
        put("TupleOfVoidNamespace", false, new TupleSerializer<>((Class<Tuple1<VoidNamespace>>) (Class<?>) Tuple1.class, new TypeSerializer<?>[] {VoidNamespaceSerializer.INSTANCE}), Tuple1.of(VoidNamespace.INSTANCE));
        put("BufferEntry", false, new IntervalJoinOperator.BufferEntrySerializer<>(LongSerializer.INSTANCE), new IntervalJoinOperator.BufferEntry<>(4L, true));
        StreamElement[] elements = {new StreamRecord<>("r"), new StreamRecord<>("r", 7L), new Watermark(9), WatermarkStatus.IDLE};
        put("StreamElement", false, new StreamElementSerializer<>(StringSerializer.INSTANCE), elements);
    }

    static void patterns() throws Exception {
        EventId event = new EventId(1, 1700000000035L);
        NodeId node = new NodeId(event, "start:0");
        DeweyNumber version = new DeweyNumber(1).addStage().increase();
        SharedBufferNode edges = new SharedBufferNode();
        edges.addEdge(new SharedBufferEdge(node, version));
        edges.addEdge(new SharedBufferEdge(null, new DeweyNumber(2)));
        NFAState state = new NFAState(Arrays.asList(ComputationState.createState("middle", node, version, 5L, 6L, event), ComputationState.createState("start", null, new DeweyNumber(1), -1L, -1L, null)));
        put("EventId", false, EventId.EventIdSerializer.INSTANCE, event);
        put("DeweyNumber", false, DeweyNumber.DeweyNumberSerializer.INSTANCE, version);
        put("NodeId", false, new NodeId.NodeIdSerializer(), node, null);
        put("Lockable", false, new Lockable.LockableTypeSerializer<>(LongSerializer.INSTANCE), new Lockable<>(7L, 2));
        put("SharedBufferNode", false, new SharedBufferNodeSerializer(), edges);
        put("NFAState", false, new NFAStateSerializer(), state);
    }

    static String ofPatterns(Object v) {
        String event = "{\"id\":1,\"timestamp\":1700000000035}";
        String node = "{\"eventId\":" + event + ",\"page\":\"start:0\"}";
        if (v instanceof EventId) return event;
        if (v instanceof NodeId) return node;
        if (v instanceof DeweyNumber) return "[1,1]";
        if (v instanceof Lockable) return "{\"references\":2,\"element\":7}";
        if (v instanceof SharedBufferNode)
            return "[{\"references\":0,\"element\":{\"target\":" + node + ",\"version\":[1,1]}},{\"references\":0,\"element\":{\"target\":null,\"version\":[2]}}]";
        if (v instanceof NFAState)
            return "{\"partial\":[{\"state\":\"middle\",\"node\":" + node + ",\"version\":[1,1],\"start\":5,\"previous\":6,\"startEvent\":" + event
                    + "},{\"state\":\"start\",\"node\":null,\"version\":[1],\"start\":-1,\"previous\":-1,\"startEvent\":null}],\"complete\":[]}";
        return null;
    }

    static String hex(byte[] b) {
        StringBuilder s = new StringBuilder();
        for (byte x : b) s.append(String.format("%02x", x));
        return s.toString();
    }

    static String list(Iterable<?> values) throws Exception {
        List<String> all = new ArrayList<>();
        for (Object v : values) all.add(json(v, false));
        return "[" + String.join(",", all) + "]";
    }

    static String map(Map<?, ?> m) throws Exception {
        boolean texts = true;
        for (Object k : m.keySet()) texts &= k instanceof String;
        List<String> all = new ArrayList<>();
        for (Map.Entry<?, ?> e : m.entrySet())
            all.add(texts ? json(e.getKey(), false) + ":" + json(e.getValue(), false) : "[" + json(e.getKey(), false) + "," + json(e.getValue(), false) + "]");
        String joined = String.join(",", all);
        return texts ? "{" + joined + "}" : "[" + joined + "]";
    }

    static String quote(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) b.append(String.format("\\u%04x", (int) c));
        return b.append('"').toString();
    }

    static String array(Object v) throws Exception {
        List<Object> all = new ArrayList<>();
        for (int i = 0; i < java.lang.reflect.Array.getLength(v); i++) all.add(java.lang.reflect.Array.get(v, i));
        return list(all);
    }

    static String number(double d, String text) {
        return Double.isNaN(d) || Double.isInfinite(d) ? "\"" + text + "\"" : text;
    }

    static String json(Object v, boolean sub) throws Exception {
        if (v == null || v == VoidNamespace.INSTANCE) return "null";
        if (v instanceof byte[]) return "\"hex:" + hex((byte[]) v) + "\"";
        if (v.getClass().isArray()) return array(v);
        if (v instanceof Float) return number((Float) v, v.toString());
        if (v instanceof Double) return number((Double) v, v.toString());
        if (v instanceof BigInteger || v instanceof BigDecimal || v instanceof Character || v instanceof String || v instanceof Enum || v instanceof Instant || v instanceof LocalDate || v instanceof LocalTime || v instanceof LocalDateTime)
            return quote(v.toString());
        if (v instanceof Number || v instanceof Boolean) return v.toString();
        if (v instanceof Timestamp) return quote(((Timestamp) v).toInstant().toString());
        if (v instanceof Date) return quote(Instant.ofEpochMilli(((Date) v).getTime()).toString());
        if (v instanceof LongValue) return "" + ((LongValue) v).getValue();
        if (v instanceof StringValue) return quote(((StringValue) v).getValue());
        if (v instanceof Collection) return list((Collection<?>) v);
        if (v instanceof Map) return map((Map<?, ?>) v);
        if (v instanceof Tuple) {
            List<Object> all = new ArrayList<>();
            for (int i = 0; i < ((Tuple) v).getArity(); i++) all.add(((Tuple) v).getField(i));
            return list(all);
        }
        if (v instanceof Either) {
            Either<?, ?> e = (Either<?, ?>) v;
            return e.isLeft() ? "{\"left\":" + json(e.left(), false) + "}" : "{\"right\":" + json(e.right(), false) + "}";
        }
        if (v instanceof Row) {
            List<Object> all = new ArrayList<>();
            for (int i = 0; i < ((Row) v).getArity(); i++) all.add(((Row) v).getField(i));
            return "{\"rowKind\":\"" + ((Row) v).getKind().shortString() + "\",\"fields\":" + list(all) + "}";
        }
        return ofRuntime(v);
    }

    static String ofRuntime(Object v) throws Exception {
        if (v instanceof TimeWindow) return "\"[" + ((TimeWindow) v).getStart() + "," + ((TimeWindow) v).getEnd() + ")\"";
        if (v instanceof GlobalWindow) return "\"GlobalWindow\"";
        if (v instanceof TtlValue) return "{\"lastAccess\":" + ((TtlValue<?>) v).getLastAccessTimestamp() + ",\"value\":" + json(((TtlValue<?>) v).getUserValue(), false) + "}";
        if (v instanceof TimerHeapInternalTimer) {
            TimerHeapInternalTimer<?, ?> t = (TimerHeapInternalTimer<?, ?>) v;
            return "{\"ts\":" + t.getTimestamp() + ",\"key\":" + json(t.getKey(), false) + ",\"namespace\":" + json(t.getNamespace(), false) + "}";
        }
        if (v instanceof IntervalJoinOperator.BufferEntry) return "{\"joined\":true,\"element\":4}";
        if (v instanceof WatermarkStatus) return "{\"status\":" + ((WatermarkStatus) v).getStatus() + "}";
        if (v instanceof Watermark) return "{\"watermark\":" + ((Watermark) v).getTimestamp() + "}";
        if (v instanceof StreamRecord) {
            StreamRecord<?> r = (StreamRecord<?>) v;
            String value = "\"value\":" + json(r.getValue(), false);
            return r.hasTimestamp() ? "{\"stampedRecord\":{\"timestamp\":" + r.getTimestamp() + "," + value + "}}" : "{\"record\":{" + value + "}}";
        }
        return ofPatterns(v) != null ? ofPatterns(v) : object(v);
    }

    /** Fields by name; with the class where it is a subclass of Animal or not a POJO. */
    static String object(Object v) throws Exception {
        Map<String, String> all = new TreeMap<>();
        for (Class<?> c = v.getClass(); c != Object.class; c = c.getSuperclass())
            for (Field f : c.getDeclaredFields())
                if (!Modifier.isStatic(f.getModifiers())) all.put(f.getName(), json(f.get(v), false));
        List<String> parts = new ArrayList<>();
        if (v.getClass() != plain && (v instanceof Plain || v instanceof Dog || v instanceof Cat)) parts.add("\"@class\":" + quote(v.getClass().getName()));
        for (Map.Entry<String, String> e : all.entrySet()) parts.add(quote(e.getKey()) + ":" + e.getValue());
        return "{" + String.join(",", parts) + "}";
    }
}
