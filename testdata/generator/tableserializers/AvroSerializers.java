import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.flink.formats.avro.typeutils.AvroSerializer;

/** Avro records with values of each of its types. */
class AvroSerializers {

    static final String ALL =
            "{'type':'record','name':'All','namespace':'x.y','doc':'d','fields':["
                    + "{'name':'n','type':'null'},{'name':'b','type':'boolean'},{'name':'i','type':'int'},{'name':'l','type':'long'},"
                    + "{'name':'f','type':'float'},{'name':'d','type':'double'},{'name':'s','type':{'type':'string','avro.java.string':'String'}},"
                    + "{'name':'raw','type':'bytes'},{'name':'fix','type':{'type':'fixed','name':'F4','size':4}},"
                    + "{'name':'e','type':{'type':'enum','name':'E','namespace':'z','symbols':['RED','GREEN']}},"
                    + "{'name':'e2','type':'z.E'},{'name':'f2','type':['null','F4']},"
                    + "{'name':'arr','type':{'type':'array','items':'int'}},{'name':'nested','type':{'type':'array','items':{'type':'array','items':'string'}}},"
                    + "{'name':'mp','type':{'type':'map','values':['null','long']}},{'name':'opt','type':['string','null']},"
                    + "{'name':'many','type':['null','int','string',{'type':'array','items':'double'},'F4','z.E']},"
                    + "{'name':'next','type':['null','All']},{'name':'kids','type':{'type':'array','items':'All'}},"
                    + "{'name':'at','type':{'type':'long','logicalType':'timestamp-millis'}},"
                    + "{'name':'money','type':{'type':'bytes','logicalType':'decimal','precision':9,'scale':2}},"
                    + "{'name':'inner','type':{'type':'record','name':'Inner','fields':[{'name':'v','type':'float'}]}}]}";

    static GenericRecord record(Schema schema, int i, Object many, GenericRecord next, GenericRecord... kids) {
        GenericRecord r = new GenericData.Record(schema);
        r.put("b", i % 2 == 0);
        r.put("i", i == 0 ? Integer.MIN_VALUE : i);
        r.put("l", i == 0 ? Long.MAX_VALUE : -i);
        r.put("f", i + 0.25f);
        r.put("d", i + 0.1);
        r.put("s", i == 0 ? "" : "zażółć 😀 \" " + i);
        r.put("raw", ByteBuffer.wrap(new byte[i]));
        r.put("fix", new GenericData.Fixed(schema.getField("fix").schema(), new byte[] {1, 2, (byte) i, -1}));
        r.put("e", new GenericData.EnumSymbol(schema.getField("e").schema(), i % 2 == 0 ? "RED" : "GREEN"));
        r.put("e2", new GenericData.EnumSymbol(schema.getField("e").schema(), "GREEN"));
        r.put("f2", i == 0 ? null : r.get("fix"));
        r.put("arr", i == 0 ? Arrays.asList() : Arrays.asList(1, -1, 300));
        r.put("nested", Arrays.asList(Arrays.asList(), Arrays.asList("a", "b")));
        Map<String, Object> map = new LinkedHashMap<>();
        if (i > 0) {
            map.put("k", 5L);
            map.put("ń", null);
        }
        r.put("mp", map);
        r.put("opt", i == 0 ? null : "there");
        r.put("many", many);
        r.put("next", next);
        r.put("kids", Arrays.asList(kids));
        r.put("at", 1700000000000L);
        r.put("money", ByteBuffer.wrap(new byte[] {0x12, 0x34}));
        GenericRecord inner = new GenericData.Record(schema.getField("inner").schema());
        inner.put("v", Float.NaN);
        r.put("inner", inner);
        return r;
    }

    static String json(Object v) {
        if (v == null) {
            return "null";
        }
        StringBuilder b = new StringBuilder();
        if (v instanceof GenericRecord) {
            GenericRecord r = (GenericRecord) v;
            for (Schema.Field f : r.getSchema().getFields()) {
                b.append(b.length() > 0 ? "," : "{").append(SqlJson.text(f.name())).append(':').append(json(r.get(f.pos())));
            }
            return b.append('}').toString();
        } else if (v instanceof Map) {
            for (Map.Entry<?, ?> e : ((Map<?, ?>) v).entrySet()) {
                b.append(b.length() > 0 ? "," : "").append('[').append(json(e.getKey())).append(',').append(json(e.getValue())).append(']');
            }
            return "[" + b + "]";
        } else if (v instanceof Iterable) {
            for (Object e : (Iterable<?>) v) {
                b.append(b.length() > 0 ? "," : "").append(json(e));
            }
            return "[" + b + "]";
        } else if (v instanceof ByteBuffer) {
            return "\"hex:" + Vectors.hex(((ByteBuffer) v).array()) + "\"";
        } else if (v instanceof GenericData.Fixed) {
            return "\"hex:" + Vectors.hex(((GenericData.Fixed) v).bytes()) + "\"";
        } else if (v instanceof Float || v instanceof Double) {
            return SqlJson.number(((Number) v).doubleValue(), v.toString());
        } else if (v instanceof Number || v instanceof Boolean) {
            return v.toString();
        }
        return SqlJson.text(v.toString());
    }

    static void print() throws Exception {
        Schema schema = new Schema.Parser().parse(ALL.replace('\'', '"'));
        Vectors v = new Vectors("Avro", new AvroSerializer<>(GenericRecord.class, schema));
        GenericRecord zero = record(schema, 0, null, null);
        GenericRecord one = record(schema, 1, 7, zero, zero, record(schema, 2, "text", null));
        GenericRecord deep = one;
        for (int i = 3; i < 9; i++) {
            deep = record(schema, i, i % 2 == 0 ? Arrays.asList(1.5, -2.5) : zero.get("e"), deep);
        }
        Integer[] many = new Integer[200];
        for (int i = 0; i < many.length; i++) {
            many[i] = i;
        }
        GenericRecord lots = record(schema, 9, zero.get("fix"), null);
        lots.put("arr", Arrays.asList(many));
        for (GenericRecord r : new GenericRecord[] {zero, one, deep, lots}) {
            v.put(r, "-", json(r));
        }
        v.print();
    }
}
