package job

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind is what a value of the file is.
type kind uint8

const (
	nullValue kind = iota
	boolValue
	intValue
	floatValue
	textValue
	listValue
	mapValue
)

var kindNames = [...]string{"nothing", "true or false", "a whole number", "a number", "a text", "a list", "a map"}

// value is a node of the file.
type value struct {
	at   position
	kind kind
	text string // of a scalar, as it was written; of a text, its meaning
	// inner is where the text itself begins, in a file in which it stands as it is, all its lines below each other; else zero.
	inner   position
	list    []*value
	entries []entry
}

// entry is a key and its value, in a map.
type entry struct {
	key   string
	at    position
	value *value
}

// get is the value of a key, nil where there is none.
func (v *value) get(key string) *value {
	for i := range v.entries {
		if v.entries[i].key == key {
			return v.entries[i].value
		}
	}
	return nil
}

const maxNesting = 50

// parse reads YAML. Where it is none, it gives nil.
func parse(data []byte, m *mistakes) *value {
	if !utf8.Valid(data) {
		m.add(position{}, "", "not UTF-8")
		return nil
	}
	if why := excess(data); why != "" {
		m.add(position{}, "", "%s", why)
		return nil
	}
	file, err := parseYAML(data)
	if err != nil {
		at, message := syntax(err)
		hint := ""
		if strings.Contains(message, "mapping value is not allowed") {
			hint = "a text with a colon and a blank in it needs quotes: '…'"
		}
		m.add(at, hint, "%s", message)
		return nil
	}
	var top ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case top != nil:
			m.add(positionOf(doc.Body), "", "a second document")
		default:
			top = doc.Body
		}
	}
	if top == nil {
		m.add(position{}, "", "nothing in it")
		return nil
	}
	r := reader{m, strings.Split(string(data), "\n")}
	v := r.read(top, 0)
	if v.kind != mapValue {
		m.add(v.at, "", "not a map of keys and values")
		return nil
	}
	return v
}

// MaxFile is far beyond all job files, in bytes.
const MaxFile = 1 << 20

// maxOpen is far beyond their nesting.
const maxOpen = 1000

// excess refuses what the parser of YAML would take minutes for: its time grows with the square of the nesting.
func excess(data []byte) string {
	if len(data) > MaxFile {
		return fmt.Sprintf("more than %d bytes are no job file", MaxFile)
	}
	open, dashes := 0, 0
	for _, c := range data {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open = max(0, open-1)
		case '-', '?':
			dashes++
		case '\n':
			dashes = 0
		}
		if open > maxOpen || dashes > maxOpen {
			return "nested too deep"
		}
	}
	return ""
}

// parseYAML keeps to itself that the parser panics over some files that are no YAML.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

func syntax(err error) (position, string) {
	if known := yaml.Error(nil); errors.As(err, &known) {
		if t := known.GetToken(); t != nil && t.Position != nil {
			return position{t.Position.Line, t.Position.Column}, "not YAML: " + known.GetMessage()
		}
		return position{}, "not YAML: " + known.GetMessage()
	}
	return position{}, "not YAML: " + err.Error()
}

func positionOf(n ast.Node) position {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{}
	}
	return position{n.GetToken().Position.Line, n.GetToken().Position.Column}
}

// reader makes values of nodes.
type reader struct {
	*mistakes
	lines []string
}

func (r *reader) read(n ast.Node, depth int) *value {
	v := &value{at: positionOf(n)}
	if depth > maxNesting {
		r.add(v.at, "", "nested too deep")
		return v
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
	case ast.MapNode:
		r.readMap(v, n, depth)
	case *ast.SequenceNode:
		v.kind = listValue
		for _, each := range n.Values {
			v.list = append(v.list, r.read(each, depth+1))
		}
	case *ast.StringNode:
		v.kind, v.text = textValue, n.Value
		v.inner = r.inner(n.GetToken(), n.Value)
		if _, ok := parseFloat(n.Value); ok && n.GetToken().Type == token.StringType {
			v.kind = floatValue // 1e5, which the parser takes for a text
		}
	case *ast.LiteralNode:
		v.kind, v.text = textValue, n.Value.Value
		v.inner = r.below(v.at.line, v.text)
	case *ast.BoolNode:
		v.kind, v.text = boolValue, strconv.FormatBool(n.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		r.readNumber(v, n.GetToken().Value)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		r.add(v.at, "write the value itself", "anchors, aliases and tags are not read here")
	default:
		r.add(v.at, "", "not a value")
	}
	return v
}

// inner is where a text of one line stands in the file as it is.
func (r *reader) inner(t *token.Token, s string) position {
	if t == nil || t.Position == nil || t.Position.Line < 1 || t.Position.Line > len(r.lines) || t.Position.Column < 1 {
		return position{}
	}
	at := position{t.Position.Line, t.Position.Column}
	line := []rune(r.lines[at.line-1])
	if at.column > len(line) {
		return position{}
	}
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		at.column++
	}
	if at.column-1 > len(line) || !strings.HasPrefix(string(line[at.column-1:]), s) {
		return position{}
	}
	return at
}

// below is where a text of some lines, each as it is, stands below the line that announces it.
func (r *reader) below(line int, s string) position {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	if line < 1 || line+len(lines) > len(r.lines) {
		return position{}
	}
	margin := len(r.lines[line]) - len(strings.TrimLeft(r.lines[line], " "))
	for i, want := range lines {
		if have := strings.TrimSuffix(r.lines[line+i], "\r"); have != strings.Repeat(" ", margin)+want && (have != "" || want != "") {
			return position{}
		}
	}
	return position{line + 1, margin + 1}
}

// readNumber is by the rules of YAML's core schema: 0o17 and 0x1f are numbers, 017 is seventeen, 1_000 is a text.
func (r *reader) readNumber(v *value, text string) {
	v.kind, v.text = textValue, text
	if strings.Contains(text, "_") {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if lower := strings.ToLower(text); err != nil && (strings.HasPrefix(lower, "0x") || strings.HasPrefix(lower, "0o")) {
		n, err = strconv.ParseInt(lower, 0, 64)
	}
	if err == nil {
		v.kind, v.text = intValue, strconv.FormatInt(n, 10)
		return
	}
	if _, ok := parseFloat(text); ok {
		v.kind = floatValue
	}
}

// decimals are numbers as YAML's core schema has them.
var decimals = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// parseFloat reads a number of YAML.
func parseFloat(text string) (float64, bool) {
	switch strings.ToLower(text) {
	case ".inf", "+.inf":
		return math.Inf(1), true
	case "-.inf":
		return math.Inf(-1), true
	case ".nan":
		return math.NaN(), true
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && decimals.MatchString(text)
}

func (r *reader) readMap(v *value, n ast.MapNode, depth int) {
	v.kind = mapValue
	seen := map[string]bool{}
	for each := n.MapRange(); each.Next(); {
		at := positionOf(each.Key())
		if len(v.entries) == 0 {
			v.at = at
		}
		key, ok := keyOf(each.Key())
		switch {
		case !ok:
			r.add(at, "", "not a key")
			continue
		case seen[key]:
			r.add(at, "", "%s is there twice", key)
			continue
		}
		seen[key] = true
		inner := r.read(each.Value(), depth+1)
		if inner.at == (position{}) {
			inner.at = at
		}
		v.entries = append(v.entries, entry{key, at, inner})
	}
}

func keyOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}
