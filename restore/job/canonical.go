package job

import (
	"encoding/json"
	"regexp"
	"strings"
)

// canonical writes a file again: without comments and parameters, each thing in one way.
func canonical(v *value) []byte {
	var b strings.Builder
	writeMap(&b, v, "")
	return []byte(b.String())
}

func writeMap(b *strings.Builder, v *value, indent string) {
	for i, e := range v.entries {
		if i > 0 {
			b.WriteString(indent)
		}
		b.WriteString(quoted(e.key) + ":")
		writeValue(b, e.value, indent+"  ")
	}
}

// writeValue writes what stands behind a key or a dash, with the line's end.
func writeValue(b *strings.Builder, v *value, indent string) {
	switch {
	case v.kind == mapValue && len(v.entries) > 0:
		b.WriteString("\n" + indent)
		writeMap(b, v, indent)
	case v.kind == listValue && len(v.list) > 0:
		b.WriteString("\n")
		for _, e := range v.list {
			b.WriteString(indent + "-")
			if e.kind == mapValue && len(e.entries) > 0 {
				b.WriteString(" ")
				writeMap(b, e, indent+"  ")
				continue
			}
			writeValue(b, e, indent+"  ")
		}
	default:
		b.WriteString(" " + scalar(v) + "\n")
	}
}

func scalar(v *value) string {
	switch v.kind {
	case nullValue:
		return "null"
	case mapValue:
		return "{}"
	case listValue:
		return "[]"
	case textValue:
		return quoted(strings.ReplaceAll(v.text, "${", "$${"))
	}
	return v.text
}

// plain are texts that YAML takes for nothing else.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)

func quoted(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if plain.MatchString(s) {
			return s
		}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""` // a text can always be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}
