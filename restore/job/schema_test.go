package job

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write schema.json anew")

type object = map[string]any

// orParameter is a value that a parameter may stand for.
func orParameter(of object) object {
	return object{"anyOf": []any{of, object{"$ref": "#/$defs/parameter"}}}
}

// schemaOf says what may stand for a Go type.
func schemaOf(t reflect.Type, oneOf []string) object {
	switch t {
	case reflect.TypeFor[time.Duration](), reflect.TypeFor[Size]():
		return object{"type": []any{"string", "integer"}}
	case reflect.TypeFor[Expr]():
		return object{"type": []any{"string", "integer", "number", "boolean"}}
	case reflect.TypeFor[Exprs]():
		return object{"type": "object", "minProperties": 1, "additionalProperties": schemaOf(reflect.TypeFor[Expr](), nil)}
	case reflect.TypeFor[ColumnKinds]():
		return object{"type": "object", "minProperties": 1, "additionalProperties": orParameter(object{"enum": kinds()})}
	case reflect.TypeFor[UID]():
		return object{"type": []any{"string", "integer"}}
	case reflect.TypeFor[Names]():
		return object{"anyOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}, "minItems": 1}}}
	case reflect.TypeFor[*value]():
		return object{"type": []any{"object", "array", "null"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), oneOf)
	case reflect.Struct:
		return objectOf(fieldsOf(t))
	case reflect.Bool:
		return orParameter(object{"type": "boolean"})
	case reflect.Int, reflect.Int64:
		return orParameter(object{"type": "integer"})
	case reflect.Float64:
		return orParameter(object{"type": "number"})
	}
	if len(oneOf) > 0 {
		return orParameter(object{"enum": oneOf})
	}
	return object{"type": []any{"string", "integer", "number", "boolean"}}
}

func objectOf(fields []field) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		properties[f.name] = schemaOf(f.typ, f.oneOf)
		if f.required {
			required = append(required, f.name)
		}
	}
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// nodes is the list of sources, operators or sinks.
func nodes[F interface{ Options() any }](types map[string]F, common ...any) object {
	var all []any
	for _, name := range slices.Sorted(maps.Keys(types)) {
		var fields []field
		for _, c := range append([]any{Node{}, reflect.ValueOf(types[name].Options()).Elem().Interface()}, common...) {
			fields = append(fields, fieldsOf(reflect.TypeOf(c))...)
		}
		o := objectOf(fields)
		o["properties"].(object)["type"] = object{"const": name}
		all = append(all, o)
	}
	return object{"type": "array", "items": object{"oneOf": all}}
}

func schema() object {
	c := catalog()
	top := objectOf(fieldsOf(reflect.TypeFor[File]()))
	top["$schema"], top["title"] = "https://json-schema.org/draft/2020-12/schema", "A job file of ckpt run"
	top["$defs"] = object{"parameter": object{"type": "string", "pattern": `\$\{`}}
	p := top["properties"].(object)
	scalar := object{"type": []any{"string", "integer", "number", "boolean", "null"}}
	p["parameters"] = object{"type": []any{"object", "null"}, "additionalProperties": scalar}
	for _, section := range []string{"checkpointing", "state", "restart"} {
		p[section] = object{"type": []any{"object", "null"}}
	}
	p["sources"], p["operators"], p["sinks"] = nodes(c.Sources, SourceNode{}), nodes(c.Operators), nodes(c.Sinks)
	return top
}

// The schema for editors says what the structs say.
func TestSchema(t *testing.T) {
	want, err := json.MarshalIndent(schema(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, Schema) {
		t.Error("schema.json is not what the structs say: go test ./restore/job -run TestSchema -update")
	}
	for _, part := range []string{`"key-by"`, `"tumbling"`, `"delimiter"`, `"watermark"`} {
		if !bytes.Contains(Schema, []byte(part)) {
			t.Errorf("no %s in it", part)
		}
	}
}

// holds tells whether a value of the file is what the schema says, as far as ours goes.
func holds(s object, v *value, defs object) bool {
	if ref, ok := s["$ref"].(string); ok {
		s = defs[ref[len("#/$defs/"):]].(object)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		some, ok := s[key].([]any)
		if ok && !slices.ContainsFunc(some, func(one any) bool { return holds(one.(object), v, defs) }) {
			return false
		}
	}
	if of, ok := s["enum"].([]any); ok && !slices.Contains(of, any(v.text)) {
		return false
	}
	if c, ok := s["const"]; ok && c != any(v.text) {
		return false
	}
	if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v.text) {
		return false
	}
	return holdsType(s, v) && holdsInside(s, v, defs)
}

func holdsType(s object, v *value) bool {
	is := map[kind]string{nullValue: "null", boolValue: "boolean", intValue: "integer", floatValue: "number", textValue: "string", listValue: "array", mapValue: "object"}[v.kind]
	switch t := s["type"].(type) {
	case string:
		return t == is || t == "number" && is == "integer"
	case []any:
		return slices.Contains(t, any(is))
	}
	return true
}

func holdsInside(s object, v *value, defs object) bool {
	properties, _ := s["properties"].(object)
	for _, e := range v.entries {
		inner, ok := properties[e.key].(object)
		if !ok {
			if more, is := s["additionalProperties"].(bool); is && !more {
				return false
			}
			inner, _ = s["additionalProperties"].(object)
		}
		if !holds(inner, e.value, defs) {
			return false
		}
	}
	required, _ := s["required"].([]any)
	for _, key := range required {
		if v.get(key.(string)) == nil {
			return false
		}
	}
	for _, e := range v.list {
		if inner, ok := s["items"].(object); ok && !holds(inner, e, defs) {
			return false
		}
	}
	return true
}

// The schema takes the examples, before parameters are put in, and not what Load refuses.
func TestSchemaTakesExamples(t *testing.T) {
	var s object
	if err := json.Unmarshal(Schema, &s); err != nil {
		t.Fatal(err)
	}
	takes := func(text []byte) bool { return holds(s, parse(text, &mistakes{}), s["$defs"].(object)) }
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil || !takes(data) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !takes([]byte(small)) {
		t.Error(small)
	}
	for old, changed := range map[string]string{"name:": "nam:", "sequence": "sequense", "key-by": "keyby", "input: counts": "inputs: counts", "sinks:": "sink:",
		"count()}": "count()}, ttl: [1]"} {
		if text := strings.Replace(small, old, changed, 1); takes([]byte(text)) {
			t.Errorf("it takes %s for %s", changed, old)
		}
	}
}
