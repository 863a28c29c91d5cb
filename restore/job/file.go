package job

import (
	_ "embed" // of Schema
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is the JSON schema of job files.
//
//go:embed schema.json
var Schema []byte

// File is a job file that was read.
type File struct {
	Name           string  `job:"name,required"`
	Parallelism    int     `job:"parallelism"`
	MaxParallelism int     `job:"max-parallelism"`
	Parameters     *value  `job:"parameters"`
	Checkpointing  *value  `job:"checkpointing"`
	State          *value  `job:"state"`
	Restart        *value  `job:"restart"`
	Sources        *value  `job:"sources,required"`
	Operators      *value  `job:"operators"`
	Sinks          *value  `job:"sinks,required"`
	nodes          []*node // in the order of the file
	configuration  map[string]string
	settings       map[string]position // where the keys of configuration stand
	definition     []byte
	mistakes       *mistakes
}

// node is a source, operator or sink.
type node struct {
	Node
	what    what
	at      position
	options *value // all of it, with what Node has
}

// what is which list a node stands in.
type what uint8

const (
	aSource what = iota
	anOperator
	aSink
)

var whatNames = [...]string{"source", "operator", "sink"}

// Node is what all sources, operators and sinks have.
type Node struct {
	UID            UID    `job:"uid,required"`
	Type           string `job:"type,required"`
	Name           string `job:"name"`
	Parallelism    int    `job:"parallelism"`
	MaxParallelism int    `job:"max-parallelism"`
	Chain          *bool  `job:"chain"`
}

// SourceNode is what all sources have besides.
type SourceNode struct {
	Compute   Exprs      `job:"compute"`
	Watermark *Watermark `job:"watermark"`
}

// Watermark says how event time passes.
type Watermark struct {
	Column   UID           `job:"column,required"`
	Delay    time.Duration `job:"delay"`
	Idleness time.Duration `job:"idleness"`
}

// Load reads a job file and puts parameters in, of which set overrules defaults. name is for messages. The error is of the type Errors. The
// File is then nil where there is no telling what was meant; else Build tells the same mistakes, and its own.
func Load(data []byte, name string, set map[string]string) (*File, error) {
	m := &mistakes{file: name}
	top := parse(data, m)
	if top == nil {
		return nil, m.err()
	}
	p := readParameters(top.get("parameters"), set, m)
	for _, e := range top.entries {
		if e.key != "parameters" {
			p.resolve(e.value)
		}
	}
	f := &File{mistakes: m, configuration: map[string]string{}, settings: map[string]position{}}
	d := decoder{m}
	d.decode(top, f)
	f.limits(top)
	for _, section := range []*value{f.Checkpointing, f.State, f.Restart} {
		f.configure("", section)
	}
	f.readNodes(d, f.Sources, aSource)
	f.readNodes(d, f.Operators, anOperator)
	f.readNodes(d, f.Sinks, aSink)
	f.uids()
	top.entries = slices.DeleteFunc(top.entries, func(e entry) bool { return e.key == "parameters" })
	if dir, err := filepath.Abs("."); err == nil {
		places(top, dir, m)
	}
	f.definition = canonical(top)
	return f, m.err()
}

// limits checks the numbers of sub-tasks of the job.
func (f *File) limits(top *value) {
	if v := top.get("parallelism"); v != nil && f.Parallelism < 1 {
		f.mistakes.add(v.at, "", "parallelism: want 1 or more")
	}
	if v := top.get("max-parallelism"); v != nil {
		f.maxParallelism(v, f.MaxParallelism, max(1, f.Parallelism))
	}
}

// maxKeyGroups is Flink's limit.
const maxKeyGroups = 32768

func (f *File) maxParallelism(v *value, most, parallelism int) {
	if most < parallelism || most > maxKeyGroups {
		f.mistakes.add(v.at, "", "max-parallelism: want %d (the parallelism) to %d", parallelism, maxKeyGroups)
	}
}

func (f *File) readNodes(d decoder, list *value, w what) {
	if list == nil {
		return
	}
	if list.kind != listValue || len(list.list) == 0 && w != anOperator {
		d.want(list, "a list of "+whatNames[w]+"s")
		return
	}
	for _, v := range list.list {
		n := &node{what: w, at: v.at, options: v}
		if v.kind != mapValue {
			d.want(v, "a "+whatNames[w]+", with uid and type")
			continue
		}
		d.decode(only(v, n.Node), &n.Node)
		f.nodeLimits(n)
		f.nodes = append(f.nodes, n)
	}
}

// only is a map without the keys that a struct has not.
func only(v *value, of any) *value {
	fields := fieldsOf(reflect.TypeOf(of))
	return &value{at: v.at, kind: v.kind, entries: slices.DeleteFunc(slices.Clone(v.entries), func(e entry) bool {
		return !slices.ContainsFunc(fields, func(f field) bool { return f.name == e.key })
	})}
}

func (f *File) nodeLimits(n *node) {
	if v := n.options.get("parallelism"); v != nil && n.Parallelism < 1 {
		f.mistakes.add(v.at, "", "parallelism: want 1 or more")
	}
	if v := n.options.get("max-parallelism"); v != nil {
		f.maxParallelism(v, n.MaxParallelism, max(n.Parallelism, 1))
	}
}

// uids refuses two nodes of one uid.
func (f *File) uids() {
	seen := map[string]position{}
	for _, n := range f.nodes {
		if first, twice := seen[n.UID.Name]; twice && n.UID.Name != "" {
			f.mistakes.add(n.UID.at, "", "the uid %s is that of line %d as well", n.UID.Name, first.line)
			continue
		}
		seen[n.UID.Name] = n.UID.at
	}
}

// configure flattens a section of Flink's keys.
func (f *File) configure(prefix string, v *value) {
	if v == nil || v.kind == nullValue && prefix == "" {
		return
	}
	if v.kind != mapValue {
		decoder{f.mistakes}.want(v, "a map of Flink's configuration keys")
		return
	}
	for _, e := range v.entries {
		key := prefix + e.key
		if e.value.kind == mapValue {
			f.configure(key+".", e.value)
			continue
		}
		text, ok := flat(e.value)
		_, twice := f.configuration[key]
		switch {
		case !ok:
			f.mistakes.add(e.value.at, "", "%s: want a value", key)
		case twice:
			f.mistakes.add(e.at, "", "%s is set twice", key)
		case !strings.Contains(key, ".") && key != "restart-strategy":
			f.mistakes.add(e.at, "such as execution.checkpointing.interval", "%s: want the full name of one of Flink's configuration keys", key)
		}
		f.configuration[key], f.settings[key] = text, e.at
	}
}

// Mistake is an error about one of Flink's keys, at its place in the file, by whichever of its spellings it stands there.
func (f *File) Mistake(spellings []string, hint, message string) *Error {
	at := position{}
	for _, key := range spellings {
		if known, ok := f.settings[key]; ok {
			at = known
		}
	}
	return &Error{f.mistakes.file, at.line, at.column, message, hint}
}

// flat is a value of the configuration as Flink has it; lists have ; between their elements.
func flat(v *value) (string, bool) {
	if v.kind != listValue {
		return v.text, v.kind != nullValue
	}
	var all []string
	for _, e := range v.list {
		if e.kind == listValue || e.kind == mapValue || e.kind == nullValue || strings.ContainsAny(e.text, `;'"`) {
			return "", false
		}
		all = append(all, e.text)
	}
	return strings.Join(all, ";"), true
}
