package types

import "github.com/ckpt-tool/ckpt/backends"

// classed is a type that can be had with the class of another snapshot.
type classed interface {
	backends.Type
	withClass(class string) backends.Type
}

// simple reads a SimpleTypeSerializerSnapshot of a type.
func simple(t classed) bodyReader {
	return func(s *snapshots, class string, version int32) backends.Type {
		s.empty(class, version)
		return t.withClass(class)
	}
}

// empty reads the body of a SimpleTypeSerializerSnapshot, which is nothing; up to version 2 it was the class of the
// serializer.
func (s *snapshots) empty(class string, version int32) {
	s.known(class, version, 2, 3)
	if version == 2 {
		s.utf()
	}
}

// coreBodies are the snapshots of types without types within.
var coreBodies = map[string]bodyReader{
	"BooleanSerializer$BooleanSerializerSnapshot":             simple(booleanType),
	"ByteSerializer$ByteSerializerSnapshot":                   simple(byteType),
	"ShortSerializer$ShortSerializerSnapshot":                 simple(shortType),
	"IntSerializer$IntSerializerSnapshot":                     simple(intType),
	"LongSerializer$LongSerializerSnapshot":                   simple(longType),
	"FloatSerializer$FloatSerializerSnapshot":                 simple(floatType),
	"DoubleSerializer$DoubleSerializerSnapshot":               simple(doubleType),
	"CharSerializer$CharSerializerSnapshot":                   simple(charType),
	"StringSerializer$StringSerializerSnapshot":               simple(stringType),
	"BigIntSerializer$BigIntSerializerSnapshot":               simple(bigIntType),
	"BigDecSerializer$BigDecSerializerSnapshot":               simple(bigDecType),
	"DateSerializer$DateSerializerSnapshot":                   simple(utilDateType),
	"SqlDateSerializer$SqlDateSerializerSnapshot":             simple(sqlDateType),
	"SqlTimeSerializer$SqlTimeSerializerSnapshot":             simple(sqlTimeType),
	"SqlTimestampSerializer$SqlTimestampSerializerSnapshot":   simple(timestampType),
	"InstantSerializer$InstantSerializerSnapshot":             simple(instantType),
	"LocalDateSerializer$LocalDateSerializerSnapshot":         simple(localDateType),
	"LocalTimeSerializer$LocalTimeSerializerSnapshot":         simple(localTimeType),
	"LocalDateTimeSerializer$LocalDateTimeSerializerSnapshot": simple(dateTimeType),
	"VoidSerializer$VoidSerializerSnapshot":                   simple(voidType),
	"VoidNamespaceSerializer$VoidNamespaceSerializerSnapshot": simple(voidNamespaceType),
	"UnitSerializer$UnitSerializerSnapshot":                   simple(voidType), // Scala's
	"JavaSerializer$JavaSerializerSnapshot":                   simple(javaType),
	"Tuple0SerializerSnapshot":                                simple(tuple0Type),

	"TimeWindow$Serializer$TimeWindowSerializerSnapshot":     simple(timeWindowType),
	"GlobalWindow$Serializer$GlobalWindowSerializerSnapshot": simple(globalWindowType),

	"BooleanPrimitiveArraySerializer$BooleanPrimitiveArraySerializerSnapshot": simple(booleansType),
	"BytePrimitiveArraySerializer$BytePrimitiveArraySerializerSnapshot":       simple(bytesType),
	"ShortPrimitiveArraySerializer$ShortPrimitiveArraySerializerSnapshot":     simple(shortsType),
	"IntPrimitiveArraySerializer$IntPrimitiveArraySerializerSnapshot":         simple(intsType),
	"LongPrimitiveArraySerializer$LongPrimitiveArraySerializerSnapshot":       simple(longsType),
	"FloatPrimitiveArraySerializer$FloatPrimitiveArraySerializerSnapshot":     simple(floatsType),
	"DoublePrimitiveArraySerializer$DoublePrimitiveArraySerializerSnapshot":   simple(doublesType),
	"CharPrimitiveArraySerializer$CharPrimitiveArraySerializerSnapshot":       simple(charsType),
	"StringArraySerializer$StringArraySerializerSnapshot":                     simple(stringsType),

	"BooleanValueSerializer$BooleanValueSerializerSnapshot": simple(unhashed(booleanType)),
	"ByteValueSerializer$ByteValueSerializerSnapshot":       simple(unhashed(byteType)),
	"ShortValueSerializer$ShortValueSerializerSnapshot":     simple(unhashed(shortType)),
	"IntValueSerializer$IntValueSerializerSnapshot":         simple(unhashed(intType)),
	"LongValueSerializer$LongValueSerializerSnapshot":       simple(unhashed(longType)),
	"FloatValueSerializer$FloatValueSerializerSnapshot":     simple(unhashed(floatType)),
	"DoubleValueSerializer$DoubleValueSerializerSnapshot":   simple(unhashed(doubleType)),
	"CharValueSerializer$CharValueSerializerSnapshot":       simple(unhashed(charType)),
	"StringValueSerializer$StringValueSerializerSnapshot":   simple(stringValueType),
	"NullValueSerializer$NullValueSerializerSnapshot":       simple(nullValueType),

	// No value of Scala's Nothing was ever written.
	"NothingSerializerSnapshot": func(s *snapshots, class string, version int32) backends.Type {
		s.empty(class, version)
		return NewOpaque("scala.Nothing", "")
	},

	"EnumSerializer$EnumSerializerSnapshot": enumBody,
	"ScalaEnumSerializerSnapshot":           scalaEnumBody,
}

// unhashed is the type of Flink's Value classes, which lie as primitive types do, but hash in their own ways.
func unhashed[T any](t *fixed[T]) *fixed[T] {
	u := *t
	u.name += "Value"
	u.hash = nil
	return &u
}
