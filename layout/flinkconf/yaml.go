package flinkconf

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxNesting bounds aliases that contain themselves, and what else is too deep to be a
// configuration.
const maxNesting = 100

// readYAML reads config.yaml.
func (c *Config) readYAML(path string, data []byte) error {
	file, err := parse(data)
	if err != nil {
		return syntaxError(path, err)
	}
	y := yamlFile{config: c, path: path, anchors: map[string]ast.Node{}}
	documents := 0
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.NullType {
			continue
		}
		if documents++; documents > 1 {
			return y.fail(doc.Body, "", "a second document; Flink reads one")
		}
		if err := y.top(doc.Body); err != nil {
			return err
		}
	}
	return nil
}

// parse keeps to itself that the parser panics over some files that are no YAML.
func parse(data []byte) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not YAML: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0)
}

// syntaxError takes message and place from the parser's error, and not the lines
// around it, which may hold secrets.
func syntaxError(path string, err error) error {
	e := &Error{Path: path, Message: "not YAML"}
	var known yaml.Error
	if errors.As(err, &known) {
		e.Message = known.GetMessage()
		if t := known.GetToken(); t != nil && t.Position != nil {
			e.Line = t.Position.Line
		}
	}
	return e
}

// yamlFile flattens one file.
type yamlFile struct {
	config  *Config
	path    string
	anchors map[string]ast.Node
	depth   int
}

func (y *yamlFile) fail(n ast.Node, key, message string) error {
	return &Error{Path: y.path, Line: lineOf(n), Key: key, Message: message}
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// top takes the whole document, which must be a map.
func (y *yamlFile) top(n ast.Node) error {
	n, err := y.resolve(n)
	if err != nil {
		return err
	}
	m, ok := n.(ast.MapNode)
	if !ok {
		return y.fail(n, "", "not a map of keys and values")
	}
	return y.flatten("", m)
}

// flatten adds what is in a map.
func (y *yamlFile) flatten(prefix string, m ast.MapNode) error {
	if y.depth++; y.depth > maxNesting {
		return &Error{Path: y.path, Message: "nested too deep"}
	}
	defer func() { y.depth-- }()
	for entries := m.MapRange(); entries.Next(); {
		name, err := y.text(entries.Key())
		if err != nil {
			return err
		}
		if err := y.value(prefix+name, entries.Key(), entries.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (y *yamlFile) value(key string, at, n ast.Node) error {
	n, err := y.resolve(n)
	if err != nil {
		return err
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		y.config.warn("%s: %s left out: it has no value, for which Flink refuses the file", place(y.path, lineOf(at)), key)
		return nil
	case ast.MapNode:
		return y.flatten(key+".", n)
	}
	text, err := y.text(n)
	if err == nil {
		y.config.add(key, text, y.path, lineOf(at))
	}
	return err
}

// resolve finds the value behind anchors, aliases and tags.
func (y *yamlFile) resolve(n ast.Node) (ast.Node, error) {
	for range maxNesting {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
			y.anchors[v.Name.String()] = n
		case *ast.AliasNode:
			target, ok := y.anchors[v.Value.String()]
			if !ok {
				return nil, y.fail(n, "", "no anchor of the name "+v.Value.String())
			}
			n = target
		case *ast.TagNode:
			n = v.Value
		default:
			return n, nil
		}
	}
	return nil, y.fail(n, "", "nested too deep")
}

// text is a value as Flink prints it.
func (y *yamlFile) text(n ast.Node) (string, error) {
	n, err := y.resolve(n)
	if err != nil {
		return "", err
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return y.flow(n)
	}
	parts, err := y.flows(list.Values)
	for i, part := range parts {
		parts[i] = quote(part)
	}
	return strings.Join(parts, ";"), err
}

// flow is a value within a list: in YAML's short form.
func (y *yamlFile) flow(n ast.Node) (string, error) {
	if y.depth++; y.depth > maxNesting {
		return "", y.fail(n, "", "nested too deep")
	}
	defer func() { y.depth-- }()
	n, err := y.resolve(n)
	if err != nil {
		return "", err
	}
	switch n := n.(type) {
	case *ast.SequenceNode:
		parts, err := y.flows(n.Values)
		return "[" + strings.Join(parts, ", ") + "]", err
	case ast.MapNode:
		return y.pairs(n)
	}
	return y.scalar(n)
}

func (y *yamlFile) flows(nodes []ast.Node) (parts []string, err error) {
	for _, n := range nodes {
		part, err := y.flow(n)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (y *yamlFile) pairs(m ast.MapNode) (string, error) {
	var parts []string
	for entries := m.MapRange(); entries.Next(); {
		pair, err := y.flows([]ast.Node{entries.Key(), entries.Value()})
		if err != nil {
			return "", err
		}
		parts = append(parts, strings.Join(pair, ": "))
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

func (y *yamlFile) scalar(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.MappingKeyNode:
		return y.flow(n.Value)
	case *ast.BoolNode:
		return fmt.Sprint(n.Value), nil
	case *ast.IntegerNode:
		return integer(n.GetToken().Value), nil
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", y.fail(n, "", "not a key or a value")
}

// quote protects what would take a list apart.
func quote(s string) string {
	if !strings.ContainsAny(s, `;"'`) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// integer brings a number to decimals, by the rules of YAML 1.2's core schema: "0o17"
// and "0x1f" are numbers, "017" is seventeen, and "1_000" is a string.
func integer(text string) string {
	base, digits := 10, text
	switch {
	case strings.HasPrefix(text, "0o"):
		base, digits = 8, text[2:]
	case strings.HasPrefix(text, "0x"):
		base, digits = 16, text[2:]
	}
	if n, ok := new(big.Int).SetString(digits, base); ok {
		return n.String()
	}
	return text
}
