import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.base.*;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.dataview.ListView;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.data.*;
import org.apache.flink.table.data.binary.BinaryRowData;
import org.apache.flink.table.data.writer.BinaryRowWriter;
import org.apache.flink.table.dataview.*;
import org.apache.flink.table.catalog.ObjectIdentifier;
import org.apache.flink.table.runtime.operators.window.CountWindow;
import org.apache.flink.table.runtime.operators.window.TimeWindow;
import org.apache.flink.table.runtime.typeutils.*;
import org.apache.flink.table.runtime.util.WindowKey;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.*;
import org.apache.flink.types.RowKind;

/** Rows of each type of SQL, and what else Flink SQL keeps in state. */
class TableSerializers {

    static final long MIN_MS = -377705116800000L, MAX_MS = 253402300799999L;

    static StringData s(String v) {
        return StringData.fromString(v);
    }

    static TimestampData ts(long ms, int nanos) {
        return TimestampData.fromEpochMillis(ms, nanos);
    }

    static DecimalData d(String v, int precision, int scale) {
        return DecimalData.fromBigDecimal(new BigDecimal(v), precision, scale);
    }

    static GenericArrayData a(Object... v) {
        return new GenericArrayData(v);
    }

    static GenericMapData m(Object... v) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < v.length; i += 2) {
            map.put(v[i], v[i + 1]);
        }
        return new GenericMapData(map);
    }

    static GenericRowData r(Object... v) {
        return GenericRowData.of(v);
    }

    /** A row of one column for each value, and one of a null. */
    static void column(LogicalType type, Object... values) throws Exception {
        List<RowData> rows = new ArrayList<>();
        for (Object v : values) {
            rows.add(r(v));
        }
        rows.add(r((Object) null));
        rows("RowData " + type.asSummaryString(), RowType.of(type), rows.toArray(new RowData[0]));
    }

    static void rows(String name, RowType type, RowData... rows) throws Exception {
        RowDataSerializer serializer = new RowDataSerializer(type);
        Vectors v = new Vectors(name, serializer);
        for (RowData row : rows) {
            v.put(row, String.valueOf(serializer.toBinaryRow(row).copy().hashCode()), SqlJson.of(row, type));
        }
        v.print();
    }

    static void scalars() throws Exception {
        column(new BooleanType(), true, false);
        column(new TinyIntType(), (byte) -128, (byte) 127, (byte) 0);
        column(new SmallIntType(), (short) -32768, (short) 32767);
        column(new IntType(), Integer.MIN_VALUE, Integer.MAX_VALUE, -1, 0);
        column(new BigIntType(), Long.MIN_VALUE, Long.MAX_VALUE, -1L, 0L);
        column(new FloatType(), 1.5f, -0.0f, Float.MAX_VALUE, 1e-30f, Float.NaN, Float.POSITIVE_INFINITY, 0.1f);
        column(new DoubleType(), 1.5, -0.0, Double.MAX_VALUE, Double.MIN_VALUE, Double.NaN, Double.NEGATIVE_INFINITY, 0.1);
        column(new DateType(), 0, -1, 19782, -719529, 2932896, 2932897, -719528, 11016);
        column(new TimeType(0), 0, 86399000, 60000, 3600000, 1000);
        column(new TimeType(3), 86399999, 1, 60010, 45296700);
        column(new YearMonthIntervalType(YearMonthIntervalType.YearMonthResolution.YEAR_TO_MONTH), 14, -1);
        column(new DayTimeIntervalType(DayTimeIntervalType.DayTimeResolution.DAY_TO_SECOND), 86400000L, -1L);
        for (int p = 0; p <= 9; p++) {
            column(new TimestampType(p), ts(0, 0), ts(-1, p > 3 ? 999999 : 0), ts(1700000000123L, p > 6 ? 456789 : p > 3 ? 456000 : 0), ts(MIN_MS, 0), ts(MAX_MS, 0), ts(60000, 0));
        }
        for (int p : new int[] {0, 3, 6, 9}) {
            column(new LocalZonedTimestampType(p), ts(0, 0), ts(-1, p > 3 ? 999999 : 0), ts(1700000000123L, p > 6 ? 456789 : 0), ts(MIN_MS, 0), ts(MAX_MS, 0));
        }
        column(new LocalZonedTimestampType(false, TimestampKind.PROCTIME, 3), ts(1, 0));
        column(new CharType(4), s("abcd"), s(""));
        column(new VarCharType(20), s("é"), s("seven77"), s("eight888"));
        column(new VarCharType(VarCharType.MAX_LENGTH), s(""), s("a"), s("żółw"), s("日本語"), s("用户七号"), s("\"\\\n\t\u0001"), s("😀"), s("x".repeat(300)));
        column(new BinaryType(3), new byte[] {1, 2, 3});
        column(new VarBinaryType(VarBinaryType.MAX_LENGTH), new byte[0], new byte[7], new byte[8], new byte[] {-1, 0, 127});
    }

    static void decimals() throws Exception {
        column(new DecimalType(5, 2), d("0", 5, 2), d("-999.99", 5, 2), d("0.01", 5, 2), d("-0.10", 5, 2));
        column(new DecimalType(18, 0), d("999999999999999999", 18, 0), d("-999999999999999999", 18, 0));
        column(new DecimalType(18, 18), d("0.000000000000000001", 18, 18), d("-0.999999999999999999", 18, 18));
        column(new DecimalType(19, 0), d("9999999999999999999", 19, 0), d("-1", 19, 0), d("0", 19, 0), d("127", 19, 0), d("128", 19, 0), d("-128", 19, 0));
        column(new DecimalType(38, 0), d("99999999999999999999999999999999999999", 38, 0), d("-99999999999999999999999999999999999999", 38, 0));
        column(new DecimalType(38, 38), d("0.00000000000000000000000000000000000001", 38, 38), d("0", 38, 38));
        column(new DecimalType(30, 6), d("-970546309910000253761.749296", 30, 6), d("18446744073709551616", 30, 6), d("-9223372036854775808", 30, 6));
    }

    static RowType nested() {
        return RowType.of(
                new LogicalType[] {
                    new ArrayType(new RowType(Arrays.asList(new RowType.RowField("x", new BigIntType()), new RowType.RowField("y", new DecimalType(20, 0))))),
                    new MapType(new VarCharType(VarCharType.MAX_LENGTH), new MapType(new IntType(), new ArrayType(new VarCharType(5)))),
                    new RowType(Arrays.asList(new RowType.RowField("in", RowType.of(new TimestampType(9), new VarBinaryType(9)), "a comment")))
                },
                new String[] {"a", "b", "c"});
    }

    static StructuredType structured() {
        StructuredType.StructuredAttribute id = new StructuredType.StructuredAttribute("id", new BigIntType());
        StructuredType.StructuredAttribute note = new StructuredType.StructuredAttribute("note", new VarCharType(9));
        StructuredType base = StructuredType.newBuilder(ObjectIdentifier.of("c", "d", "base")).attributes(Arrays.asList(id)).build();
        return StructuredType.newBuilder(ObjectIdentifier.of("c", "d", "derived")).superType(base).attributes(Arrays.asList(note)).build();
    }

    static void collections() throws Exception {
        column(new ArrayType(new BooleanType()), a(true, null, false), a());
        column(new ArrayType(new TinyIntType()), a((byte) 1, null, (byte) -1, (byte) 4, (byte) 5, (byte) 6, (byte) 7, (byte) 8, (byte) 9));
        column(new ArrayType(new SmallIntType()), a((short) 1, null, (short) -1));
        column(new ArrayType(new IntType()), a(1, null, -1), a(), a(new Object[] {null}), new GenericArrayData(new int[] {1, 2, 3}));
        column(new ArrayType(new BigIntType()), a(1L, null, Long.MIN_VALUE));
        column(new ArrayType(new FloatType()), a(1.5f, null));
        column(new ArrayType(new DoubleType()), a(1.5, null));
        column(new ArrayType(new DateType()), a(1, null));
        column(new ArrayType(new TimeType()), a(1000, null));
        column(new ArrayType(new TimestampType(3)), a(ts(1, 0), null));
        column(new ArrayType(new TimestampType(9)), a(ts(1, 2), null, ts(-1, 999999)));
        column(new ArrayType(new LocalZonedTimestampType(6)), a(ts(1, 2000), null));
        column(new ArrayType(new DecimalType(5, 2)), a(d("1.23", 5, 2), null));
        column(new ArrayType(new DecimalType(30, 2)), a(d("1.23", 30, 2), null, d("-12345678901234567890.12", 30, 2)));
        column(new ArrayType(new VarCharType(20)), a(s("a"), null, s("longer than 7"), s("")));
        column(new ArrayType(new VarBinaryType(20)), a(new byte[] {1}, null, new byte[10]));
        column(new ArrayType(new ArrayType(new IntType())), a(a(1, null), null, a()));
        column(new MapType(new IntType(), new VarCharType(20)), m(1, s("a"), 2, null, 3, s("longer than 7")), m());
        column(new MapType(new VarCharType(20), new BigIntType()), m(s("k"), 1L, s("k2-longer-than-7"), null));
        column(new MultisetType(new VarCharType(20)), m(s("k"), 3, s("k2-longer-than-7"), 1));
        Object[] many = new Object[70];
        for (int i = 0; i < many.length; i++) {
            many[i] = i % 7 == 0 ? null : i;
        }
        column(new ArrayType(new IntType()), a(many));
        rows("RowData nested", nested(),
                r(a(r(1L, d("-5", 20, 0)), null, r(null, null)), m(s("k"), m(1, a(s("x"), null), 2, null)), r(r(ts(1, 2), new byte[9]))),
                r(a(), m(), r((Object) null)), r(null, null, null));
        column(structured(), r(5L, s("hello")), r(null, null));
        column(DistinctType.newBuilder(ObjectIdentifier.of("c", "d", "money"), new DecimalType(10, 2)).build());
        column(new RawType<>(BigInteger.class, BigIntSerializer.INSTANCE), RawValueData.fromObject(BigInteger.valueOf(-5)), RawValueData.fromObject(BigInteger.ZERO));
    }

    static void wide() throws Exception {
        for (int n : new int[] {0, 1, 55, 56, 57, 70, 120, 121}) {
            LogicalType[] types = new LogicalType[n];
            Object[] values = new Object[n];
            for (int i = 0; i < n; i++) {
                types[i] = new SmallIntType();
                values[i] = i % 3 == 1 ? null : (Object) (short) i;
            }
            GenericRowData row = r(values), deleted = r(values);
            deleted.setRowKind(RowKind.DELETE);
            rows("RowData wide " + n, RowType.of(types), row, deleted);
        }
        RowType one = RowType.of(new VarCharType(20));
        List<RowData> kinds = new ArrayList<>();
        for (RowKind kind : RowKind.values()) {
            GenericRowData row = GenericRowData.ofKind(kind, s("kind"));
            kinds.add(row);
        }
        rows("RowData kinds", one, kinds.toArray(new RowData[0]));
    }

    /** Rows as generated code writes them: nulls with room for a value, and columns out of order. */
    static void foreign() throws Exception {
        RowType type = RowType.of(new DecimalType(30, 2), new TimestampType(9), new VarCharType(20), new VarCharType(20));
        BinaryRowData row = new BinaryRowData(4);
        BinaryRowWriter w = new BinaryRowWriter(row);
        w.writeDecimal(0, null, 30);
        w.writeTimestamp(1, null, 9);
        w.writeString(3, s("written before the other"));
        w.writeString(2, s("a text that is too long"));
        w.complete();
        rows("RowData foreign", type, row);
    }

    static <T> void plain(String name, TypeSerializer<T> serializer, LogicalType type, Object... values) throws Exception {
        Vectors v = new Vectors(name, serializer);
        for (Object value : values) {
            v.put(value, "-", SqlJson.of(value, type));
        }
        v.print();
    }

    static void alone() throws Exception {
        plain("StringData", StringDataSerializer.INSTANCE, new VarCharType(9), s(""), s("żółw 😀"), s("eight888"));
        for (int[] p : new int[][] {{5, 2}, {18, 0}, {19, 19}, {38, 2}}) {
            String digits = "0." + "3".repeat(Math.min(p[1], p[0]));
            plain("DecimalData " + p[0] + "," + p[1], new DecimalDataSerializer(p[0], p[1]), new DecimalType(p[0], p[1]),
                    d("0", p[0], p[1]), d(p[1] == 0 ? "-7" : "-" + digits, p[0], p[1]));
        }
        for (int p = 0; p <= 9; p++) {
            plain("TimestampData " + p, new TimestampDataSerializer(p), new TimestampType(p), ts(0, 0), ts(-1, p > 3 ? 999999 : 0), ts(MAX_MS, 0));
        }
        plain("ArrayData", new ArrayDataSerializer(new VarCharType(20)), new ArrayType(new VarCharType(20)), a(s("a"), null, s("longer than 7")), a());
        plain("ArrayData rows", new ArrayDataSerializer(nested()), new ArrayType(nested()), a(r(a(), m(), null), null));
        plain("MapData", new MapDataSerializer(new IntType(), new TimestampType(9)), new MapType(new IntType(), new TimestampType(9)), m(1, ts(2, 3), 4, null), m());
        plain("RawValue", new RawValueDataSerializer<>(BigIntSerializer.INSTANCE), new RawType<>(BigInteger.class, BigIntSerializer.INSTANCE),
                RawValueData.fromObject(BigInteger.valueOf(300)));
        Vectors.one("Null", NullSerializer.INSTANCE, null, "null");
        Vectors.one("CountWindow", new CountWindow.Serializer(), new CountWindow(-3), "-3");
        Vectors.one("TimeWindow", new TimeWindow.Serializer(), new TimeWindow(-5, 7), "\"[-5,7)\"");
        RowDataSerializer key = new RowDataSerializer(new IntType());
        Vectors.one("WindowKey", new WindowKeySerializer(key), new WindowKey(5, key.toBinaryRow(r(3)).copy()),
                "{\"window\":5,\"key\":{\"rowKind\":\"+I\",\"fields\":[3]}}");
        Vectors.one("LinkedList", new LinkedListSerializer<>(LongSerializer.INSTANCE), new LinkedList<>(Arrays.asList(1L, null, 3L, 4L, 5L, 6L, 7L, 8L, null)),
                "[1,null,3,4,5,6,7,8,null]");
        Vectors.one("LinkedList", new LinkedListSerializer<>(LongSerializer.INSTANCE), new LinkedList<Long>(), "[]");
        ListView<Long> list = new ListView<>();
        list.setList(Arrays.asList(1L, 2L));
        Vectors.one("ListView", new ListViewSerializer<>(new ListSerializer<>(LongSerializer.INSTANCE)), list, "[1,2]");
        Map<Long, String> map = new LinkedHashMap<>();
        map.put(1L, "x");
        map.put(2L, null);
        MapView<Long, String> view = new MapView<>();
        view.setMap(map);
        Vectors.one("MapView", new MapViewSerializer<>(new MapSerializer<>(LongSerializer.INSTANCE, StringSerializer.INSTANCE)), view, "[[1,\"x\"],[2,null]]");
        map.put(null, "n");
        Vectors.one("NullAwareMap", new NullAwareMapSerializer<>(LongSerializer.INSTANCE, StringSerializer.INSTANCE), map, "[[1,\"x\"],[2,null],[null,\"n\"]]");
        TreeMap<Long, Long> sorted = new TreeMap<>(Comparator.reverseOrder());
        sorted.put(1L, 2L);
        sorted.put(3L, null);
        Vectors.one("SortedMap", new SortedMapSerializer<>(new Descending(), LongSerializer.INSTANCE, LongSerializer.INSTANCE), sorted, "[[3,null],[1,2]]");
    }

    static class Descending implements Comparator<Long>, Serializable {
        final Object[] references = {"code", new int[] {1, 2}, null};
        final List<String> more = Arrays.asList("x", "y");

        public int compare(Long a, Long b) {
            return b.compareTo(a);
        }
    }

    static void external(DataType type, Object value, String json) throws Exception {
        Vectors.one("External " + type, ExternalSerializer.of(type), value, json);
    }

    static void externals() throws Exception {
        external(DataTypes.DATE(), java.time.LocalDate.of(2024, 2, 29), "\"2024-02-29\"");
        external(DataTypes.TIME(3), java.time.LocalTime.of(1, 2, 3, 4000000), "\"01:02:03.004\"");
        external(DataTypes.TIMESTAMP(3), java.time.LocalDateTime.of(2024, 2, 29, 1, 2), "\"2024-02-29T01:02\"");
        external(DataTypes.TIMESTAMP_LTZ(3), java.time.Instant.ofEpochMilli(-1), "\"1969-12-31T23:59:59.999Z\"");
        external(DataTypes.TIMESTAMP_LTZ(9), java.time.Instant.ofEpochSecond(-1, 1), "\"1969-12-31T23:59:59.000000001Z\"");
        external(DataTypes.DECIMAL(10, 2), new BigDecimal("-665.87"), "\"-665.87\"");
        external(DataTypes.STRING(), "żółw", "\"żółw\"");
        external(DataTypes.BIGINT().notNull(), 5L, "5");
        external(DataTypes.ARRAY(DataTypes.INT()), new Integer[] {1, null}, "[1,null]");
        external(DataTypes.STRING().bridgedTo(StringData.class), s("internal"), "\"internal\"");
    }

    /** VARIANT is of Flink 2, so it is found by name. */
    static void variants() throws Exception {
        Class<?> c;
        try {
            c = Class.forName("org.apache.flink.api.common.typeutils.base.VariantSerializer");
        } catch (ClassNotFoundException e) {
            return;
        }
        TypeSerializer<?> serializer = (TypeSerializer<?>) c.getField("INSTANCE").get(null);
        Object builder = Class.forName("org.apache.flink.types.variant.Variant").getMethod("newBuilder").invoke(null);
        Object variant = Class.forName("org.apache.flink.types.variant.VariantBuilder").getMethod("of", String.class).invoke(builder, "text");
        Vectors.one("Variant", serializer, variant, "\"hex:" + Vectors.bytes(serializer, variant) + "\"");
        LogicalType type = (LogicalType) Class.forName("org.apache.flink.table.types.logical.VariantType").getConstructor().newInstance();
        RowDataSerializer row = new RowDataSerializer(type, new IntType());
        Vectors.one("RowData VARIANT", row, r(null, 3), "{\"rowKind\":\"+I\",\"fields\":[null,3]}");
    }

    static void print() throws Exception {
        scalars();
        decimals();
        collections();
        wide();
        foreign();
        alone();
        externals();
        variants();
    }
}
