import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Objects;
import org.apache.flink.table.data.*;
import org.apache.flink.table.types.logical.*;

/** Values of Flink SQL as JSON, by Java's own words. */
class SqlJson {

    static String text(String s) {
        StringBuilder b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            if (c < 0x20 || c == '"' || c == '\\' || Character.isSurrogate(c)) {
                b.append(String.format("\\u%04x", (int) c));
            } else {
                b.append(c);
            }
        }
        return b.append('"').toString();
    }

    static String number(double v, String text) {
        return Double.isNaN(v) || Double.isInfinite(v) ? text(text) : text;
    }

    static String of(Object v, LogicalType type) {
        if (v == null) {
            return "null";
        }
        switch (type.getTypeRoot()) {
            case CHAR:
            case VARCHAR:
                return text(v.toString());
            case BINARY:
            case VARBINARY:
                return "\"hex:" + Vectors.hex((byte[]) v) + "\"";
            case FLOAT:
                return number((Float) v, v.toString());
            case DOUBLE:
                return number((Double) v, v.toString());
            case DECIMAL:
                return text(((DecimalData) v).toBigDecimal().toPlainString());
            case DATE:
                return text(LocalDate.ofEpochDay((Integer) v).toString());
            case TIME_WITHOUT_TIME_ZONE:
                return text(LocalTime.ofNanoOfDay((Integer) v * 1000000L).toString());
            case TIMESTAMP_WITHOUT_TIME_ZONE:
                return text(((TimestampData) v).toLocalDateTime().toString());
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
                return text(((TimestampData) v).toInstant().toString());
            case ARRAY:
                return array((ArrayData) v, ((ArrayType) type).getElementType());
            case MAP:
                return map((MapData) v, ((MapType) type).getKeyType(), ((MapType) type).getValueType());
            case MULTISET:
                return map((MapData) v, ((MultisetType) type).getElementType(), new IntType());
            case ROW:
            case STRUCTURED_TYPE:
                return row((RowData) v, type);
            case DISTINCT_TYPE:
                return of(v, ((DistinctType) type).getSourceType());
            case RAW:
                return "\"hex:" + Vectors.hex(((RawValueData<?>) v).toBytes(raw(type))) + "\"";
            default:
                return Objects.toString(v);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static org.apache.flink.api.common.typeutils.TypeSerializer raw(LogicalType type) {
        return ((RawType) type).getTypeSerializer();
    }

    static String array(ArrayData v, LogicalType element) {
        ArrayData.ElementGetter get = ArrayData.createElementGetter(element);
        StringBuilder b = new StringBuilder("[");
        for (int i = 0; i < v.size(); i++) {
            b.append(i > 0 ? "," : "").append(of(get.getElementOrNull(v, i), element));
        }
        return b.append(']').toString();
    }

    static String map(MapData v, LogicalType key, LogicalType value) {
        ArrayData.ElementGetter k = ArrayData.createElementGetter(key), e = ArrayData.createElementGetter(value);
        StringBuilder b = new StringBuilder("[");
        for (int i = 0; i < v.size(); i++) {
            b.append(i > 0 ? ",[" : "[").append(of(k.getElementOrNull(v.keyArray(), i), key)).append(',')
                    .append(of(e.getElementOrNull(v.valueArray(), i), value)).append(']');
        }
        return b.append(']').toString();
    }

    static String row(RowData v, LogicalType type) {
        StringBuilder b = new StringBuilder("{\"rowKind\":\"" + v.getRowKind().shortString() + "\",\"fields\":[");
        for (int i = 0; i < v.getArity(); i++) {
            LogicalType t = type.getChildren().get(i);
            b.append(i > 0 ? "," : "").append(of(RowData.createFieldGetter(t, i).getFieldOrNull(v), t));
        }
        return b.append("]}").toString();
    }
}
