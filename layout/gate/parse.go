package gate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	versionKey = "version"
	version    = "1"
	off        = "off" // lifts a rule, or all of them, for a job
)

// Error is a file that cannot be understood.
type Error struct {
	Name    string // of the file
	Line    int    // 0 where there is none to tell
	Key     string // may be empty
	Message string
	Hint    string // may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Name
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	if e.Key != "" {
		s += ": " + strconv.Quote(e.Key)
	}
	return s + ": " + e.Message
}

// ErrPath is the file.
func (e *Error) ErrPath() string { return e.Name }

// ErrHint is what to do about it.
func (e *Error) ErrHint() string { return e.Hint }

// key is a key that asks something. set is false where the value is not what want says.
type key struct {
	rule string
	want string
	set  func(*Rules, value) bool
}

// value is a scalar or a list of scalars.
type value struct {
	text string
	list []string
}

var keys = []key{
	{MaxOrphanBytes, "a size such as 10GiB", func(r *Rules, v value) bool {
		n, ok := sizes.parse(v.text)
		r.MaxOrphanBytes = &n
		return ok
	}},
	{MaxGrowth, "a percentage such as 20% or a size such as 500 MB", func(r *Rules, v value) (ok bool) {
		r.MaxGrowth, ok = parseGrowth(v.text)
		return ok
	}},
	{RequiredUIDs, "a list of uids, each once", func(r *Rules, v value) bool {
		r.RequiredUIDs = v.list
		each := slices.Compact(slices.Sorted(slices.Values(v.list)))
		return len(v.list) > 0 && len(each) == len(v.list) && each[0] != ""
	}},
	{MinRestorable, "a whole number from 1 on", func(r *Rules, v value) bool {
		n, err := strconv.ParseUint(v.text, 10, 31)
		r.MinRestorable = int(n)
		return err == nil && n > 0
	}},
	{MaxAge, "a time such as 36h or 7d", func(r *Rules, v value) bool {
		n, ok := times.parse(v.text)
		r.MaxAge = time.Duration(n)
		return ok && n > 0
	}},
}

// lift makes r ask no more for one rule.
func (r *Rules) lift(rule string) {
	switch rule {
	case MaxOrphanBytes:
		r.MaxOrphanBytes = nil
	case MaxGrowth:
		r.MaxGrowth = nil
	case RequiredUIDs:
		r.RequiredUIDs = nil
	case MinRestorable:
		r.MinRestorable = 0
	case MaxAge:
		r.MaxAge = 0
	}
}

// Parse reads the file of that name. It takes no key that it does not know, and no file
// that asks nothing: either would be a gate that is always open.
func Parse(name string, data []byte) (*Policy, error) {
	f := file(name)
	top, err := f.document(data)
	if err != nil {
		return nil, err
	}
	entries, err := f.entries(top, append(ruleNames(), Jobs, versionKey))
	if err != nil {
		return nil, err
	}
	p := &Policy{Name: name, Jobs: map[layout.JobID]Rules{}}
	if err := f.version(entries[versionKey]); err != nil {
		return nil, err
	}
	if err := f.rules(&p.Rules, entries, false); err != nil {
		return nil, err
	}
	if err := f.jobs(p, entries[Jobs]); err != nil {
		return nil, err
	}
	if !p.asks() {
		return nil, f.fail(top, "", "it asks nothing", "set at least one of "+strings.Join(ruleNames(), ", "))
	}
	return p, nil
}

// asks tells whether there is any rule.
func (p *Policy) asks() bool {
	return p.Rules.any() || slices.ContainsFunc(slices.Collect(maps.Values(p.Jobs)), Rules.any)
}

func ruleNames() (names []string) {
	for _, k := range keys {
		names = append(names, k.rule)
	}
	return names
}

// file is the file that is read, by its name.
type file string

func (f file) fail(at ast.Node, key, message, hint string) error {
	return &Error{Name: string(f), Line: lineOf(at), Key: key, Message: message, Hint: hint}
}

func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// document is the one document of the file.
func (f file) document(data []byte) (ast.Node, error) {
	if !utf8.Valid(data) {
		return nil, f.fail(nil, "", "not UTF-8", "")
	}
	parsed, err := parseYAML(data)
	if err != nil {
		return nil, f.syntax(err)
	}
	var top ast.Node
	for _, doc := range parsed.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case top != nil:
			return nil, f.fail(doc.Body, "", "a second document", "")
		default:
			top = doc.Body
		}
	}
	return top, nil
}

// parseYAML keeps to itself that the parser panics over some files that are no YAML.
func parseYAML(data []byte) (parsed *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not YAML: %v", r)
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

func (f file) syntax(err error) error {
	e := &Error{Name: string(f), Message: "not YAML"}
	if known := yaml.Error(nil); errors.As(err, &known) {
		e.Message += ": " + known.GetMessage()
		if t := known.GetToken(); t != nil && t.Position != nil {
			e.Line = t.Position.Line
		}
	}
	return e
}

// entry is a key and its value.
type entry struct{ key, value ast.Node }

// entries are those of a map. A known of nil takes any key.
func (f file) entries(n ast.Node, known []string) (map[string]entry, error) {
	m, ok := n.(ast.MapNode)
	if !ok {
		return nil, f.fail(n, "", "not a map of keys and values", "")
	}
	found := map[string]entry{}
	for each := m.MapRange(); each.Next(); {
		name, ok := scalar(each.Key())
		_, twice := found[name]
		switch {
		case !ok:
			return nil, f.fail(each.Key(), "", "not a key", "")
		case twice:
			return nil, f.fail(each.Key(), name, "the key is there twice", "")
		case known != nil && !slices.Contains(known, name):
			return nil, f.fail(each.Key(), name, fmt.Sprintf("no such key; the nearest is %q", nearest(name, known)), "the keys are "+strings.Join(known, ", "))
		}
		found[name] = entry{each.Key(), each.Value()}
	}
	return found, nil
}

func (f file) version(e entry) error {
	if e.key == nil {
		return f.fail(nil, versionKey, "the key is missing", "add version: 1")
	}
	if text, ok := scalar(e.value); !ok || text != version {
		return f.fail(e.key, versionKey, "not a version that this ckpt reads", "it reads version 1")
	}
	return nil
}

// rules sets what entries say. mayLift tells whether a rule may be off.
func (f file) rules(r *Rules, entries map[string]entry, mayLift bool) error {
	for _, k := range keys {
		e, ok := entries[k.rule]
		if !ok {
			continue
		}
		v, ok := read(e.value)
		switch {
		case ok && mayLift && v.text == off:
			r.lift(k.rule)
		case !ok || !k.set(r, v):
			return f.fail(e.key, k.rule, "want "+k.want, "")
		}
	}
	return nil
}

// jobs reads the rules of single jobs, which stand on top of those of all.
func (f file) jobs(p *Policy, e entry) error {
	if e.key == nil {
		return nil
	}
	sections, err := f.entries(e.value, nil)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		section := sections[name]
		id, err := layout.ParseJobID(name)
		if err != nil {
			return f.fail(section.key, name, "want a job id: 32 lower-case hexadecimal digits", "")
		}
		if p.Jobs[id], err = f.job(p.Rules, section.value); err != nil {
			return err
		}
	}
	return nil
}

func (f file) job(r Rules, n ast.Node) (Rules, error) {
	if text, ok := scalar(n); ok && text == off {
		return Rules{}, nil
	}
	entries, err := f.entries(n, ruleNames())
	if err == nil {
		err = f.rules(&r, entries, true)
	}
	return r, err
}

// read takes a scalar or a list of them.
func read(n ast.Node) (v value, ok bool) {
	list, isList := n.(*ast.SequenceNode)
	if !isList {
		v.text, ok = scalar(n)
		return v, ok
	}
	for _, each := range list.Values {
		text, ok := scalar(each)
		if !ok {
			return v, false
		}
		v.list = append(v.list, text)
	}
	return v, true
}

// scalar is a value as it is written. There is nothing in this file for which one would
// need aliases, tags or text of several lines.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
