package job

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parameters are the values that ${name} stands for.
type parameters struct {
	*mistakes
	values map[string]*value
	names  []string // in the order of the file
	bad    map[string]bool
}

var parameterName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// readParameters takes the section of them, and what was set.
func readParameters(section *value, set map[string]string, m *mistakes) *parameters {
	p := &parameters{mistakes: m, values: map[string]*value{}, bad: map[string]bool{}}
	if section != nil && section.kind != mapValue && section.kind != nullValue {
		m.add(section.at, "", "parameters: want a map of names and defaults, not %s", kindNames[section.kind])
	}
	if section != nil {
		for _, e := range section.entries {
			p.declare(e)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		p.set(name, set[name])
	}
	for _, name := range p.names {
		if p.values[name].kind == nullValue && !p.bad[name] {
			m.add(p.values[name].at, "--set "+name+"=VALUE", "the parameter %s has no default and was not set", name)
			p.bad[name] = true
		}
	}
	return p
}

func (p *parameters) declare(e entry) {
	p.names = append(p.names, e.key)
	v := *e.value
	p.values[e.key] = &v
	switch {
	case !parameterName.MatchString(e.key):
		p.add(e.at, "letters, digits, _, . and -", "%q is no name for a parameter", e.key)
	case v.kind == listValue || v.kind == mapValue:
		p.add(v.at, "", "the parameter %s: want a single value, not %s", e.key, kindNames[v.kind])
		p.bad[e.key] = true
	case strings.Contains(v.text, "${"):
		p.add(v.at, "", "the parameter %s refers to a parameter", e.key)
	}
}

// set overrules a default. The type stays.
func (p *parameters) set(name, text string) {
	v, ok := p.values[name]
	if !ok {
		p.add(position{}, oneOf(name, p.names), "--set %s: no such parameter", name)
		return
	}
	given, written := guess(text)
	want := ""
	switch {
	case !utf8.ValidString(text):
		want = "UTF-8"
	case v.kind == boolValue && given != boolValue:
		want = "true or false"
	case v.kind == intValue && given != intValue:
		want = "a whole number"
	case v.kind == floatValue && given != floatValue && given != intValue:
		want = "a number"
	}
	switch v.inner = (position{}); {
	case want != "":
		p.add(position{}, "", "--set %s=%s: want %s", name, text, want)
		p.bad[name] = p.bad[name] || v.kind == nullValue
	case v.kind == textValue, v.kind == nullValue && written != text: // 007 would be 7, and is rather a name
		v.kind, v.text = textValue, text
	default:
		v.kind, v.text = given, written
	}
}

// guess is the type of a text as YAML would take it, and how it is written in a job file.
func guess(text string) (kind, string) {
	if text == "true" || text == "false" {
		return boolValue, text
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return intValue, strconv.FormatInt(n, 10)
	}
	if _, ok := parseFloat(text); ok {
		return floatValue, text
	}
	return textValue, text
}

// resolve puts parameters in, everywhere below v.
func (p *parameters) resolve(v *value) {
	for _, e := range v.list {
		p.resolve(e)
	}
	for _, e := range v.entries {
		p.resolve(e.value)
	}
	if v.kind != textValue || !strings.Contains(v.text, "${") {
		return
	}
	if name, ok := strings.CutPrefix(v.text, "${"); ok && name != "" && strings.IndexByte(name, '}') == len(name)-1 {
		if known := p.lookup(name[:len(name)-1], v.at); known != nil {
			v.kind, v.text, v.inner = known.kind, known.text, position{}
		}
		return
	}
	v.text, v.inner = p.expand(v.text, v.at), position{}
}

// expand puts parameters into a text.
func (p *parameters) expand(s string, at position) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		if !found {
			b.WriteString(s)
			return b.String()
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			b.WriteString(escaped + "${")
			s = after
			continue
		}
		b.WriteString(before)
		name, rest, closed := strings.Cut(after, "}")
		if !closed {
			p.add(at, "$${ stands for ${", "a ${ without its }")
			return b.String()
		}
		if known := p.lookup(name, at); known != nil {
			b.WriteString(known.text)
		}
		s = rest
	}
}

// lookup is nil for a parameter that is not there, or has no value; both are told.
func (p *parameters) lookup(name string, at position) *value {
	v, ok := p.values[name]
	if !ok {
		p.add(at, oneOf(name, p.names), "${%s}: no such parameter", name)
		return nil
	}
	if p.bad[name] {
		return nil
	}
	return v
}
