package types

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// The packages of Flink's serializers, and the classes of snapshots that stand alone in theirs.
const (
	baseClasses    = "org.apache.flink.api.common.typeutils.base."
	arrayClasses   = baseClasses + "array."
	runtimeClasses = "org.apache.flink.api.java.typeutils.runtime."
	windowClasses  = "org.apache.flink.streaming.api.windowing.windows."
	ttlClass       = "org.apache.flink.runtime.state.ttl.TtlStateFactory$TtlSerializerSnapshot"
	timerClass     = "org.apache.flink.streaming.api.operators.TimerSerializerSnapshot"
)

// simpleClasses are the snapshots without a body that Flink writes for types, by their names.
var simpleClasses = func() map[string]string {
	all := map[string]string{
		"Tuple<>":       runtimeClasses + "Tuple0SerializerSnapshot",
		"VoidNamespace": "org.apache.flink.runtime.state." + nestedSnapshot("VoidNamespace"),
		"Java":          "org.apache.flink.runtime.state." + nestedSnapshot("Java"),
		"TimeWindow":    windowClasses + "TimeWindow$Serializer$TimeWindowSerializerSnapshot",
		"GlobalWindow":  windowClasses + "GlobalWindow$Serializer$GlobalWindowSerializerSnapshot",
		"Strings":       arrayClasses + nestedSnapshot("StringArray"),
	}
	base := map[string]string{
		"Integer": "Int", "Character": "Char", "BigInteger": "BigInt", "BigDecimal": "BigDec", "Timestamp": "SqlTimestamp",
	}
	for _, name := range []string{
		"Boolean", "Byte", "Short", "Long", "Float", "Double", "String", "Void", "Date", "SqlDate", "SqlTime", "Instant", "LocalDate", "LocalTime",
		"LocalDateTime", "StringValue", "NullValue",
	} {
		base[name] = name
	}
	for name, class := range base {
		all[name] = baseClasses + nestedSnapshot(class)
	}
	for name, class := range map[string]string{
		"Booleans": "Boolean", "Bytes": "Byte", "Shorts": "Short", "Integers": "Int", "Longs": "Long", "Floats": "Float", "Doubles": "Double",
		"Characters": "Char",
	} {
		all[name] = arrayClasses + nestedSnapshot(class+"PrimitiveArray")
	}
	return all
}()

// nestedSnapshot is how Flink calls most snapshots: a class within that of the serializer.
func nestedSnapshot(of string) string { return of + "Serializer$" + of + "SerializerSnapshot" }

// javaClasses are the classes of values, by the names of their types.
var javaClasses = map[string]string{
	"Boolean": "java.lang.Boolean", "Byte": "java.lang.Byte", "Short": "java.lang.Short", "Integer": "java.lang.Integer",
	"Long": "java.lang.Long", "Float": "java.lang.Float", "Double": "java.lang.Double", "Character": "java.lang.Character",
	"String": "java.lang.String", "BigInteger": "java.math.BigInteger", "BigDecimal": "java.math.BigDecimal", "Date": "java.util.Date",
	"SqlDate": "java.sql.Date", "SqlTime": "java.sql.Time", "Timestamp": "java.sql.Timestamp", "Instant": "java.time.Instant",
	"LocalDate": "java.time.LocalDate", "LocalTime": "java.time.LocalTime", "LocalDateTime": "java.time.LocalDateTime",
}

// javaClass is the class of the values of t; "" where it is not known.
func javaClass(t backends.Type) string {
	switch t := t.(type) {
	case *Pojo:
		return t.Of
	case *Row:
		return "org.apache.flink.types.Row"
	case *product:
		if !t.objects && strings.HasPrefix(t.name, "Tuple<") {
			return fmt.Sprintf("org.apache.flink.api.java.tuple.Tuple%d", len(t.parts))
		}
	}
	return javaClasses[t.String()]
}
