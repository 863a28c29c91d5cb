import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.*;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.api.java.typeutils.runtime.kryo.KryoSerializer;

/** Values that Kryo writes: those of the JDK, and one of a class of a job. */
class KryoSerializers {

    public static class Opaque {
        public String a = "a";
        public int b = 5;
    }

    public static class Other {}

    static String json(Object v) {
        StringBuilder b = new StringBuilder();
        if (v == null || v instanceof Boolean || v instanceof Integer || v instanceof Long || v instanceof Short || v instanceof Byte) {
            return String.valueOf(v);
        } else if (v instanceof Double || v instanceof Float) {
            return SqlJson.number(((Number) v).doubleValue(), v.toString());
        } else if (v instanceof Date) {
            return SqlJson.text(((Date) v).toInstant().toString());
        } else if (v instanceof BitSet) {
            return "{\"@class\":\"java.util.BitSet\",\"bits\":" + Arrays.toString(((BitSet) v).stream().toArray()) + "}";
        } else if (v instanceof Optional) {
            return "{\"optional\":" + json(((Optional<?>) v).orElse(null)) + "}";
        } else if (v instanceof Collection) {
            for (Object e : (Collection<?>) v) {
                b.append(b.length() > 0 ? "," : "").append(json(e));
            }
            return "[" + b + "]";
        } else if (v instanceof Map) {
            boolean texts = ((Map<?, ?>) v).keySet().stream().allMatch(k -> k instanceof String);
            for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
                String key = json(e.getKey()), value = json(e.getValue());
                b.append(b.length() > 0 ? "," : "").append(texts ? key + ":" + value : "[" + key + "," + value + "]");
            }
            return texts ? "{" + b + "}" : "[" + b + "]";
        }
        return SqlJson.text(v.toString());
    }

    static SerializerConfigImpl config(Class<?>... registered) {
        SerializerConfigImpl c = new SerializerConfigImpl();
        for (Class<?> r : registered) {
            c.registerKryoType(r);
        }
        return c;
    }

    static void put(String name, Class<?> type, SerializerConfigImpl config, Object... values) throws Exception {
        Vectors v = new Vectors(name, new KryoSerializer<>(type, config));
        for (Object value : values) {
            boolean known = !(value instanceof Opaque);
            v.put(value, "-", known ? json(value) : "!" + value.getClass().getName());
        }
        v.print();
    }

    static void scalars() throws Exception {
        put("Kryo numbers", Object.class, config(), 0, 1, -1, 63, 64, -65, Integer.MIN_VALUE, Integer.MAX_VALUE, 0L, -1L, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 34,
                1.5f, Float.NaN, -0.0f, 16.5, Double.MIN_VALUE, Double.NEGATIVE_INFINITY, true, false, (byte) -128, (byte) 5, 'x', 'é', '\ud83d', (short) -2, (short) 258);
        List<Object> texts = new ArrayList<>();
        for (int n : new int[] {0, 1, 2, 31, 32, 33, 62, 63, 64, 65, 127, 128, 200, 8191}) {
            texts.add("x".repeat(n));
            texts.add("é".repeat(Math.min(n, 300)));
        }
        texts.addAll(Arrays.asList("😀", "a\u0000b", "żółw", "\ud83d", "\ud83dx", "日本", new StringBuilder("kk"), new StringBuffer("é")));
        put("Kryo texts", Object.class, config(), texts.toArray());
        put("Kryo decimals", Object.class, config(), BigInteger.ZERO, BigInteger.ONE, BigInteger.valueOf(-128), BigInteger.valueOf(128), BigInteger.ONE.shiftLeft(100),
                BigInteger.ONE.shiftLeft(100).negate(), BigDecimal.ZERO, BigDecimal.ONE, BigDecimal.TEN, new BigDecimal("12.50"), new BigDecimal("-0.001"),
                new BigDecimal("1E+5"), new BigDecimal("-123456789012345678901234567890.5"), new BigDecimal("0.0"), BigDecimal.valueOf(Long.MIN_VALUE), new BigDecimal("255"),
                new BigDecimal("-256"), new BigDecimal("0E-10"));
        put("Kryo dates", Object.class, config(), new Date(0), new Date(-1), new Date(1700000000123L), new Date(Long.MAX_VALUE));
    }

    static <T extends Collection<Object>> T with(T c, Object... v) {
        c.addAll(Arrays.asList(v));
        return c;
    }

    static <T extends Map<Object, Object>> T map(T m, Object... v) {
        for (int i = 0; i < v.length; i += 2) {
            m.put(v[i], v[i + 1]);
        }
        return m;
    }

    static void collections() throws Exception {
        String twice = new String("the same");
        List<Object> shared = with(new ArrayList<>(), "in", 1);
        Object[] values = {
            new ArrayList<>(), with(new ArrayList<>(), "a", "b"), with(new ArrayList<>(), "p", 1, 2.5), with(new ArrayList<>(), "a", null, "b"),
            with(new ArrayList<>(), null, null), with(new ArrayList<>(), 1, 2, null), with(new ArrayList<>(), 1L, 2L), with(new ArrayList<>(), twice, twice, twice),
            with(new ArrayList<>(), shared, shared, 5, "in"), with(new ArrayList<>(), shared, with(new ArrayList<>(), shared)), with(new LinkedList<>(), "l", 1),
            with(new ArrayList<>(), with(new LinkedList<>(), 1), with(new LinkedList<>(), 2), with(new ArrayList<>())),
            with(new HashSet<>(), 1, 2), with(new LinkedHashSet<>(), "x", "y"), with(new TreeSet<>(), 3, 1), with(new TreeSet<>()), with(new ArrayDeque<>(), 1, 2), with(new Vector<>(), 1),
            Arrays.asList(), Arrays.asList("a", 1), Arrays.asList(1, 2, 3), Arrays.asList((Object) null),
            Collections.emptyList(), Collections.emptyMap(), Collections.emptySet(), Collections.singletonList("x"), Collections.singleton(5), Collections.singletonMap("k", 5),
            new HashMap<>(), map(new HashMap<>(), "k", 1), map(new LinkedHashMap<>(), "k", 1, "k2", null, "k3", with(new ArrayList<>(), "k")),
            map(new LinkedHashMap<>(), 5, "five", null, "n"), map(new TreeMap<>(), "b", 1, "a", 2), new TreeMap<>(), map(new Hashtable<>(), 1, 2), map(new ConcurrentHashMap<>(), 1, 2L),
            map(new LinkedHashMap<>(), "a", map(new TreeMap<>(), 1, new BigDecimal("1.5")), "b", new Date(5)),
            BitSet.valueOf(new long[] {5, 0, 1L << 63}), new BitSet(), with(new ArrayList<>(), BitSet.valueOf(new long[] {8}), Optional.of("o"), Optional.empty(), BigInteger.TEN),
            Optional.of(5), Optional.of(with(new ArrayList<>(), "in", 1)), Optional.empty(), with(new ArrayList<>(), "a", new Opaque()), new Opaque(),
        };
        List<Object> known = new ArrayList<>(), unknown = new ArrayList<>();
        for (Object v : values) {
            (v instanceof Opaque ? unknown : known).add(v);
        }
        known.removeIf(v -> v instanceof List && ((List<?>) v).stream().anyMatch(e -> e instanceof Opaque));
        put("Kryo collections", Object.class, config(), known.toArray());
        put("Kryo unknown", Object.class, config(), unknown.toArray());
    }

    static void registered() throws Exception {
        put("Kryo BitSet", BitSet.class, config(Opaque.class), BitSet.valueOf(new long[] {-1}), new BitSet());
        put("Kryo Optional", Optional.class, config(), Optional.of("o5"), Optional.empty(), Optional.of(with(new ArrayList<>(), 1, 2)));
        put("Kryo ArrayList", ArrayList.class, config(Other.class, TreeMap.class), with(new ArrayList<>(), 1, "x"), with(new ArrayList<>(), map(new TreeMap<>(), "a", 1)));
        put("Kryo String", String.class, config(TreeMap.class, BitSet.class, LinkedList.class, Opaque.class), "text", map(new TreeMap<>(), "a", 1), with(new LinkedList<>(), 1), new BitSet(), new Opaque());
        put("Kryo Opaque", Opaque.class, config(), new Opaque());
        put("Kryo List", List.class, config(), with(new ArrayList<>(), "t1", "t2"), with(new ArrayList<>()));
        put("Kryo Map", Map.class, config(), map(new TreeMap<>(), "seen", 1L, "also", 2L), new HashMap<>());
    }

    static void print() throws Exception {
        scalars();
        collections();
        registered();
    }
}
