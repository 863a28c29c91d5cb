package types

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// specNames are the types of ParseSpec that have no types within.
var specNames = func() map[string]backends.Type {
	all := map[string]backends.Type{}
	for _, t := range []backends.Type{booleanType, byteType, shortType, intType, longType, floatType, doubleType, charType, stringType,
		bigIntType, bigDecType, utilDateType, sqlDateType, sqlTimeType, timestampType, instantType, localDateType, localTimeType, dateTimeType,
		voidType, voidNamespaceType, timeWindowType, globalWindowType, bytesType, booleansType, shortsType, intsType, longsType, floatsType,
		doublesType, charsType, stringsType, stringValueType, utfType, nullValueType, javaType} {
		all[t.String()] = t
	}
	all["Int"], all["Char"] = intType, charType
	return all
}()

// specArgs are the types that have others between < and >, with how many of them; -1 for any number.
var specArgs = map[string]struct {
	n    int
	make func(ts []backends.Type) backends.Type
}{
	"List":           {1, func(ts []backends.Type) backends.Type { return NewList(ts[0], "") }},
	"Set":            {1, func(ts []backends.Type) backends.Type { return newSet(ts[0], "") }},
	"Array":          {1, func(ts []backends.Type) backends.Type { return newArray(ts[0], "") }},
	"Traversable":    {1, func(ts []backends.Type) backends.Type { return newTraversable(ts[0], "") }},
	"Map":            {2, func(ts []backends.Type) backends.Type { return NewMap(ts[0], ts[1], "") }},
	"Tuple":          {-1, tupleOf},
	"Row":            {-1, func(ts []backends.Type) backends.Type { return newRow(ts, true, "") }},
	"OldRow":         {-1, func(ts []backends.Type) backends.Type { return newRow(ts, false, "") }},
	"Either":         {2, func(ts []backends.Type) backends.Type { return newEither(ts[0], ts[1], "") }},
	"Union":          {2, func(ts []backends.Type) backends.Type { return newUnion(ts[0], ts[1], "") }},
	"Option":         {1, func(ts []backends.Type) backends.Type { return newOption(ts[0], "") }},
	"Try":            {2, func(ts []backends.Type) backends.Type { return newTry(ts[0], ts[1], "") }},
	"Nullable":       {1, func(ts []backends.Type) backends.Type { return newNullable(ts[0], 0, "") }},
	"PaddedNullable": {1, func(ts []backends.Type) backends.Type { return newNullable(ts[0], max(0, ts[0].Width()), "") }},
	"TTL":            {1, func(ts []backends.Type) backends.Type { return NewTTL(ts[0], "") }},
	"Timer":          {2, func(ts []backends.Type) backends.Type { return NewTimer(ts[0], ts[1], "") }},
}

func tupleOf(ts []backends.Type) backends.Type {
	if len(ts) == 0 {
		return tuple0Type
	}
	return newTuple(ts, "")
}

// ParseSpec reads how somebody describes the layout of values by hand. It is the language in which types name
// themselves, so that String of many types can be given back.
//
//	Long Integer Short Byte Double Float Boolean Character String BigInteger BigDecimal      as Flink's serializers
//	Date SqlDate SqlTime Timestamp Instant LocalDate LocalTime LocalDateTime                 have them
//	Void VoidNamespace NullValue TimeWindow GlobalWindow Java StringValue
//	Utf                                a text as DataOutput.writeUTF has it
//	Bytes Longs Integers Shorts Doubles Floats Booleans Characters Strings      arrays: a count, and the elements
//	Bytes(16)                          so many bytes, as they are
//	List<T> Set<T> Array<T> Map<K, V>  collections; the elements of Set and Array, the values of Map may be null
//	Traversable<T>                     a collection of Scala
//	Tuple<A, B, ...>                   fields one after the other
//	Struct{a:A, b:B, ...}              the same with names
//	Row<A, B, ...>  OldRow<A, ...>     rows, and those of before Flink 1.11
//	Nullable<T>  PaddedNullable<T>     a flag, then T or nothing, or T or zeros
//	Either<L, R> Union<A, B> Option<T> Try<S, F>
//	Pojo(com.x.Y){a:A, b:B, ...}       a class, its fields in the order of the bytes
//	Case(com.x.Y)<A, B, ...>           a case class
//	Enum(RED, GREEN)                   constants by number; Enum(RED=0, BLUE=7) for others than 0, 1, 2...
//	TTL<T>  Timer<K, N>
//	Opaque                             not to be decoded
//
// Where it describes the class of a snapshot (`--type`), "/" and another type may follow, of the bytes of that snapshot
// itself: "Long/Struct{version:Integer, name:Utf}". Without it the snapshot is taken to hold nothing, or to be
// composite. ParseSpec gives the type of the values.
func ParseSpec(s string) (backends.Type, error) {
	t, _, err := parseSpec(s)
	return t, err
}

// parseSpec reads a type and, behind a "/", the layout of the snapshot's own body; nil if none is given.
func parseSpec(s string) (t, body backends.Type, err error) {
	p := &specParser{text: s}
	t = p.parse()
	if p.accept('/') {
		body = p.parse()
	}
	p.space()
	if p.err == nil && p.at < len(s) {
		p.fail("the end")
	}
	if p.err != nil {
		return nil, nil, p.err
	}
	return t, body, nil
}

type specParser struct {
	text  string
	at    int
	depth int
	err   error
}

func (p *specParser) fail(wanted string) {
	if p.err == nil {
		rest := p.text[p.at:]
		if rest == "" {
			rest = "its end"
		}
		p.err = fmt.Errorf("type %q: expected %s at %s", p.text, wanted, rest)
	}
}

func (p *specParser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t' || p.text[p.at] == '\n') {
		p.at++
	}
}

// accept passes over the byte if it is next.
func (p *specParser) accept(c byte) bool {
	p.space()
	if p.err != nil || p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *specParser) expect(c byte) {
	if !p.accept(c) {
		p.fail(strconv.QuoteRune(rune(c)))
	}
}

// word is what comes before any of the marks of the language.
func (p *specParser) word(what string) string {
	p.space()
	rest := p.text[p.at:]
	n := strings.IndexAny(rest, "<>(){}:=,/ \t\n")
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		p.fail(what)
	}
	p.at += n
	return rest[:n]
}

func (p *specParser) parse() backends.Type {
	p.depth++
	defer func() { p.depth-- }()
	from := p.at
	name := p.word("a type")
	if p.depth > maxDepth {
		p.fail("an end of types within types")
	}
	if p.err != nil {
		return broken
	}
	if t := p.special(name); t != nil {
		return t
	}
	if args, ok := specArgs[name]; ok {
		ts := p.types(args.n)
		if p.err != nil {
			return broken
		}
		return args.make(ts)
	}
	if t, ok := specNames[name]; ok {
		return t
	}
	p.at = from
	p.fail("a type")
	return broken
}

// special reads types with a form of their own.
func (p *specParser) special(name string) backends.Type {
	switch name {
	case "Bytes":
		if p.accept('(') {
			return p.bytes()
		}
	case "Opaque":
		class := ""
		if p.accept('(') {
			class = p.word("a class")
			p.expect(')')
		}
		return NewOpaque(class, "")
	case "Enum":
		return p.enum()
	case "Struct":
		parts := p.fields()
		texts := make([]string, len(parts))
		for i, f := range parts {
			texts[i] = f.name + ":" + f.t.String()
		}
		return object("Struct{"+strings.Join(texts, ", ")+"}", "", parts...)
	case "Pojo":
		class := p.class()
		return newPojo(class, p.fields(), "")
	case "Case":
		class := p.class()
		return newCaseClass(class, p.types(-1), "")
	}
	return nil
}

func (p *specParser) bytes() backends.Type {
	n, err := strconv.ParseUint(p.word("a number of bytes"), 10, 31)
	p.expect(')')
	if err != nil {
		p.fail("a number of bytes before")
		return broken
	}
	return newBytes(int(n))
}

func (p *specParser) class() string {
	p.expect('(')
	class := p.word("a class")
	p.expect(')')
	return class
}

// types reads what stands between < and >.
func (p *specParser) types(n int) []backends.Type {
	var ts []backends.Type
	p.expect('<')
	for p.err == nil && !p.accept('>') {
		if len(ts) > 0 {
			p.expect(',')
		}
		ts = append(ts, p.parse())
	}
	if n >= 0 && len(ts) != n {
		p.fail(fmt.Sprintf("%d types, not %d, before", n, len(ts)))
	}
	return ts
}

// fields reads what stands between { and }.
func (p *specParser) fields() []part {
	var parts []part
	p.expect('{')
	for p.err == nil && !p.accept('}') {
		if len(parts) > 0 {
			p.expect(',')
		}
		name := p.word("a field")
		p.expect(':')
		if slices.ContainsFunc(parts, func(f part) bool { return f.name == name }) {
			p.fail("fields of different names before")
		}
		parts = append(parts, part{name: name, t: p.parse()})
	}
	return parts
}

func (p *specParser) enum() backends.Type {
	var names []string
	var ids []int32
	p.expect('(')
	for p.err == nil && !p.accept(')') {
		if len(names) > 0 {
			p.expect(',')
		}
		name := p.word("a constant")
		if slices.Contains(names, name) {
			p.fail("constants of different names before")
		}
		names = append(names, name)
		if !p.accept('=') {
			continue
		}
		id, err := strconv.ParseInt(p.word("a number"), 10, 32)
		if err != nil || slices.Contains(ids, int32(id)) {
			p.fail("a number of its own before")
		}
		ids = append(ids, int32(id))
	}
	if len(ids) > 0 && len(ids) != len(names) {
		p.fail("a number for each constant before")
	}
	if p.err != nil {
		return broken
	}
	return newEnum(specEnum, names, ids, "")
}
