package types

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// avroKind is a type of Avro's.
type avroKind uint8

const (
	avroNull avroKind = iota
	avroBoolean
	avroInt
	avroLong
	avroFloat
	avroDouble
	avroBytes
	avroString
	avroRecord
	avroEnum
	avroArray
	avroMap
	avroUnion
	avroFixed
)

var avroPrimitives = map[string]avroKind{"null": avroNull, "boolean": avroBoolean, "int": avroInt, "long": avroLong, "float": avroFloat,
	"double": avroDouble, "bytes": avroBytes, "string": avroString}

// avroSchema is a type of a schema. Records may hold themselves. Logical types are those beneath them.
type avroSchema struct {
	kind     avroKind
	name     string // of a record, enum or fixed with its namespace; else that of the kind
	fields   []avroField
	symbols  []string      // of an enum
	items    *avroSchema   // of an array, and the values of a map
	branches []*avroSchema // of a union
	size     int           // of a fixed
}

type avroField struct {
	name   string
	schema *avroSchema
}

// schemaParser reads a schema, as JSON has it.
type schemaParser struct {
	named map[string]*avroSchema
	depth int
}

func parseAvroSchema(text string) (*avroSchema, error) {
	if !json.Valid([]byte(text)) {
		return nil, errNotJSON
	}
	p := &schemaParser{named: map[string]*avroSchema{}}
	return p.schema([]byte(text), "")
}

func (p *schemaParser) schema(json []byte, space string) (*avroSchema, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("types of the Avro schema lie more than %d deep within each other", maxDepth)
	}
	defer func() { p.depth-- }()
	switch b := trim(json); b[0] {
	case '"':
		return p.reference(b, space)
	case '[':
		return p.union(b, space)
	case '{':
		return p.definition(b, space)
	}
	return nil, wanted("an Avro schema", json)
}

// reference is a primitive type, or one that was defined before.
func (p *schemaParser) reference(json []byte, space string) (*avroSchema, error) {
	name, err := parseString(json)
	if err != nil {
		return nil, err
	}
	if kind, ok := avroPrimitives[name]; ok {
		return &avroSchema{kind: kind, name: name}, nil
	}
	if s := p.named[fullName(name, space)]; s != nil {
		return s, nil
	}
	if s := p.named[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("the Avro schema does not define %q", name)
}

func fullName(name, space string) string {
	if space == "" || strings.Contains(name, ".") {
		return name
	}
	return space + "." + name
}

func (p *schemaParser) union(json []byte, space string) (*avroSchema, error) {
	items, err := elements(json)
	if err != nil {
		return nil, err
	}
	s := &avroSchema{kind: avroUnion, name: "union"}
	for _, item := range items {
		b, err := p.schema(item, space)
		if err != nil {
			return nil, err
		}
		if b.kind == avroUnion || s.branch(b.name) >= 0 {
			return nil, fmt.Errorf("an Avro union cannot hold %s", b.name)
		}
		s.branches = append(s.branches, b)
	}
	return s, nil
}

// branch is which of a union has the name; -1 if none has.
func (s *avroSchema) branch(name string) int {
	for i, b := range s.branches {
		if b.name == name {
			return i
		}
	}
	return -1
}

// attributes are the members of a definition.
type attributes map[string][]byte

func (a attributes) text(name string) (string, error) {
	v, ok := a[name]
	if !ok {
		return "", nil
	}
	return parseString(v)
}

func (p *schemaParser) definition(json []byte, space string) (*avroSchema, error) {
	list, err := members(json)
	if err != nil {
		return nil, err
	}
	a := attributes{}
	for _, m := range list {
		a[m.name] = m.value
	}
	typ := trim(a["type"])
	if len(typ) == 0 {
		return nil, wanted("an Avro type", json)
	}
	if typ[0] != '"' {
		return p.schema(typ, space)
	}
	kind, err := parseString(typ)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "array":
		return p.items(avroArray, a, "items", space)
	case "map":
		return p.items(avroMap, a, "values", space)
	case "record", "error", "enum", "fixed":
		return p.define(kind, a, space)
	}
	return p.reference(typ, space)
}

func (p *schemaParser) items(kind avroKind, a attributes, of, space string) (*avroSchema, error) {
	inner, ok := a[of]
	if !ok {
		return nil, fmt.Errorf("the Avro schema has a collection without %q", of)
	}
	items, err := p.schema(inner, space)
	name := "array"
	if kind == avroMap {
		name = "map"
	}
	return &avroSchema{kind: kind, name: name, items: items}, err
}

// define reads a type with a name, which counts from its beginning on.
func (p *schemaParser) define(kind string, a attributes, space string) (*avroSchema, error) {
	name, err := a.text("name")
	if err != nil {
		return nil, err
	}
	if own, err := a.text("namespace"); err != nil {
		return nil, err
	} else if _, ok := a["namespace"]; ok {
		space = own
	}
	s := &avroSchema{kind: avroRecord, name: fullName(name, space)}
	if i := strings.LastIndexByte(s.name, '.'); i >= 0 {
		space = s.name[:i]
	}
	if p.named[s.name] != nil || name == "" {
		return nil, fmt.Errorf("the Avro schema defines %q twice", s.name)
	}
	p.named[s.name] = s
	switch kind {
	case "enum":
		s.kind = avroEnum
		s.symbols, err = textsOf(a["symbols"])
	case "fixed":
		s.kind = avroFixed
		s.size, err = sizeOf(a["size"])
	default:
		s.fields, err = p.fields(a["fields"], space)
	}
	return s, err
}

func textsOf(json []byte) ([]string, error) {
	items, err := elements(json)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(items))
	for i, item := range items {
		if all[i], err = parseString(item); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func sizeOf(json []byte) (int, error) {
	v, err := parseInt(json, 32)
	if err == nil && (v < 0 || v > math.MaxInt32) {
		err = wanted("the size of a fixed", json)
	}
	return int(v), err
}

func (p *schemaParser) fields(json []byte, space string) ([]avroField, error) {
	items, err := elements(json)
	if err != nil {
		return nil, err
	}
	all := make([]avroField, 0, len(items))
	for _, item := range items {
		list, err := members(item)
		if err != nil {
			return nil, err
		}
		f := avroField{}
		for _, m := range list {
			switch m.name {
			case "name":
				f.name, err = parseString(m.value)
			case "type":
				f.schema, err = p.schema(m.value, space)
			}
			if err != nil {
				return nil, err
			}
		}
		if f.schema == nil {
			return nil, wanted("a field of an Avro record", item)
		}
		all = append(all, f)
	}
	return all, nil
}
