package types

import (
	"errors"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// The snapshots of Flink SQL's serializers. javaobj is an object of Java's serialization, which ends where its own
// grammar says so.
//
//	RowData            i32 n, n times javaobj LogicalType, nested serializers
//	ArrayData          javaobj LogicalType of the elements, javaobj serializer
//	MapData            javaobj LogicalType of keys, of values, javaobj serializer of keys, of values
//	DecimalData        i32 precision, i32 scale
//	TimestampData      i32 precision
//	SortedMap          javaobj comparator, nested serializers: key, value
//	External           composite; outer: javaobj DataType, bool; nested: the serializer of the bytes
//	LinkedList         composite; outer: from version 3 bool whether there is a null mask; nested: element
//	RowDataKey         i32 length, javaobj equaliser; i32 length, javaobj hash function; versioned RowData
//	BinaryRowData      i32 number of fields
//	others             composite without an outer part, or empty

// tableBodies are the snapshots of Flink SQL's serializers, of Avro's, and of Kryo's.
var tableBodies = map[string]bodyReader{
	"RowDataSerializer$RowDataSerializerSnapshot":             readRowData,
	"ArrayDataSerializer$ArrayDataSerializerSnapshot":         readArrayData,
	"MapDataSerializer$MapDataSerializerSnapshot":             readMapData,
	"StringDataSerializer$StringDataSerializerSnapshot":       simpleTable(newStringData),
	"DecimalDataSerializer$DecimalSerializerSnapshot":         readDecimalData,
	"TimestampDataSerializer$TimestampDataSerializerSnapshot": readTimestampData,
	"RawValueDataSerializer$RawValueDataSerializerSnapshot":   readRawValue,
	"BinaryRowDataSerializer$BinaryRowDataSerializerSnapshot": readBinaryRow,
	"NullSerializer$NullSerializerSnapshot":                   simpleTable(newNull),
	"VariantSerializer$VariantSerializerSnapshot":             simpleTable(newVariant),
	"ExternalSerializer$ExternalSerializerSnapshot":           readExternal,
	"SortedMapSerializerSnapshot":                             readSortedMap,
	"LinkedListSerializer$LinkedListSerializerSnapshot":       readLinkedList,
	"WindowKeySerializer$WindowKeySerializerSnapshot":         readParts("WindowKey", "window", "key"),
	"ListViewSerializerSnapshot":                              readView,
	"MapViewSerializerSnapshot":                               readView,
	"NullAwareMapSerializerSnapshot":                          readNullAwareMap,
	"RowDataKeySerializerSnapshot":                            readRowDataKey,
	"NodeSerializer$NodeSerializerSnapshot":                   readParts("Node", "row", "sqn", "prevSqn", "nextSqn", "nextSqnForRecord", "timestamp"),
	"RowSqnInfoSerializer$RowSqnInfoSerializerSnapshot":       readParts("RowSqnInfo", "firstSqn", "lastSqn"),
	"MetaSqnInfoSerializer$MetaSqnInfoSerializerSnapshot":     readParts("MetaSqnInfo", "highSqn", "size"),

	tableWindows + "CountWindow$Serializer$CountWindowSerializerSnapshot": simpleTable(newCountWindow),

	"AvroSerializerSnapshot":                                  readAvro,
	"KryoSerializerSnapshot":                                  readKryo,
	"CopyableValueSerializer$CopyableValueSerializerSnapshot": readGeneric,
	"WritableSerializer$WritableSerializerSnapshot":           readGeneric,
	"ValueSerializer$ValueSerializerSnapshot":                 readGeneric,
}

const tableWindows = "org.apache.flink.table.runtime.operators.window."

// simpleTable reads a body that is empty (Flink: SimpleTypeSerializerSnapshot; version 2 had the class's name).
func simpleTable(make func(class string) backends.Type) bodyReader {
	return func(s *snapshots, class string, version int32) backends.Type {
		switch version {
		case 3:
		case 2:
			s.utf()
		default:
			s.fail("unknown version %d of %s", version, class)
		}
		return make(class)
	}
}

// only fails unless the snapshot is of the version.
func (s *snapshots) only(class string, version, known int32) {
	if version != known {
		s.fail("unknown version %d of %s", version, class)
	}
}

// javaObject reads an object of Java's serialization.
func (s *snapshots) javaObject() any {
	if s.err != nil {
		return nil
	}
	root, n, err := javaobj.Parse(s.data[s.at:])
	var e *javaobj.Error
	switch {
	case err == nil:
		s.take(n)
	case errors.As(err, &e) && e.Short:
		s.take(len(s.data) + 1)
	default:
		s.fail("a serialized Java object: %v", err)
	}
	return root
}

// logicalType reads a type of SQL.
func (s *snapshots) logicalType() *column {
	root := s.javaObject()
	if s.err != nil {
		return &column{}
	}
	c, err := columnOf(root)
	if err != nil {
		s.fail("%v", err)
		return &column{}
	}
	return c
}

func readRowData(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	n := s.count(5)
	columns := make([]*column, 0, min(n, 64))
	for range n {
		columns = append(columns, s.logicalType())
		if s.err != nil {
			return broken
		}
	}
	s.exactly(n, s.nested())
	return &RowData{class: class, row: newLayout(columns, nil)}
}

func readArrayData(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	c := &column{kind: sqlArray, text: "ARRAY", element: s.logicalType()}
	s.javaObject()
	return newFramed("ArrayData", class, c)
}

func readMapData(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	c := &column{kind: sqlMap, text: "MAP", key: s.logicalType(), element: s.logicalType()}
	s.javaObject()
	s.javaObject()
	return newFramed("MapData", class, c)
}

func readDecimalData(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	precision, scale := s.i32(), s.i32()
	if s.err == nil && (precision < 1 || precision > maxDecimal || scale < 0 || scale > precision) {
		s.fail("there is no DECIMAL(%d, %d)", precision, scale)
	}
	return &decimalData{class: class, column: newDecimal(precision, scale)}
}

func readTimestampData(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 1)
	p := s.i32()
	if s.err == nil && (p < 0 || p > maxTimestamp) {
		s.fail("there is no TIMESTAMP(%d)", p)
	}
	return newTimestampData(class, p)
}

func readRawValue(s *snapshots, class string, version int32) backends.Type {
	s.exactly(1, s.composite(class, version, nil))
	return newFramed("RawValueData", class, &column{kind: sqlRaw, text: "RAW"})
}

// readBinaryRow reads the snapshot of rows whose types nobody kept.
func readBinaryRow(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	s.i32()
	return newFramed("BinaryRowData", class, &column{kind: sqlRaw, text: "ROW"})
}

// readExternal reads a serializer that writes as its nested one does. What its DataType says of the meaning is kept: a
// DATE lies as an Integer.
func readExternal(s *snapshots, class string, version int32) backends.Type {
	var logical *column
	inner := s.exactly(1, s.composite(class, version, func(int32) {
		root := s.javaObject()
		s.bool()
		if o, ok := root.(*javaobj.Object); ok && o != nil {
			logical, _ = columnOf(field(o, "logicalType"))
		}
	}))[0]
	return newExternal(class, inner, logical)
}

func readSortedMap(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 3)
	s.javaObject()
	kv := s.exactly(2, s.nested())
	return NewMap(kv[0], kv[1], class)
}

func readNullAwareMap(s *snapshots, class string, version int32) backends.Type {
	kv := s.exactly(2, s.composite(class, version, nil))
	return NewMap(&optional{kv[0]}, kv[1], class)
}

func readView(s *snapshots, class string, version int32) backends.Type {
	return &renamed{Type: s.exactly(1, s.composite(class, version, nil))[0], class: class}
}

// readLinkedList reads a list that begins with a mask of what is null in it, unless it is older than the mask.
func readLinkedList(s *snapshots, class string, version int32) backends.Type {
	mask := false
	element := s.exactly(1, s.composite(class, version, func(outer int32) {
		switch {
		case outer >= 3:
			mask = s.bool()
		default:
			mask = outer == 2
		}
	}))[0]
	if !mask {
		return NewList(element, class)
	}
	return newMasked(element, class)
}

// readParts reads the snapshot of a serializer that writes its fields one after the other (Flink:
// CompositeSerializer). WindowKey keeps only the type of its key.
func readParts(name string, fields ...string) bodyReader {
	return func(s *snapshots, class string, version int32) backends.Type {
		types := s.composite(class, version, nil)
		if name == "WindowKey" {
			types = append([]backends.Type{longType}, s.exactly(1, types)...)
		}
		types = s.exactly(len(fields), types)
		parts := unnamed(types)
		for i, f := range fields {
			parts[i].name = f
		}
		t := newProduct(name, class, parts)
		t.objects = true
		return t
	}
}

func readRowDataKey(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 0)
	for range 2 {
		s.take(int(s.i32()))
	}
	return &renamed{Type: s.versioned(), class: class}
}

// renamed is a type under the class of another snapshot.
type renamed struct {
	backends.Type
	class string
	Source
}

// Class implements backends.Type.
func (r *renamed) Class() string { return r.class }
