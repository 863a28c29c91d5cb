package snapshot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// files opens what a snapshot on disk refers to.
type files struct{ *layout.Blobs }

func (f files) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := f.Blobs.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// open opens the snapshot in dir, whose tree is root.
func open(tb testing.TB, dir string, opts backends.Options) *snapshot.Snapshot {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "_metadata"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	opener := storage.New(storage.Settings{}).Open
	target, err := layout.Find(tb.Context(), opener, dir, layout.FindOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	blobs := layout.NewBlobs(context.Background(), opener, target, nil)
	s := snapshot.New(c, files{blobs}, opts, nil)
	tb.Cleanup(func() {
		for _, err := range []error{s.Close(), blobs.Close(), target.Store.Close()} {
			if err != nil {
				tb.Error(err)
			}
		}
	})
	return s
}

// TestStateOfFlink: every entry of every snapshot is what Flink itself reads there.
func TestStateOfFlink(t *testing.T) {
	oracles := testdata.StateOracles(t)
	if len(oracles) < 20 {
		t.Fatalf("%d dumps", len(oracles))
	}
	for _, o := range oracles {
		t.Run(o.Case+"/"+o.Name, func(t *testing.T) {
			t.Parallel()
			got, lost := entriesOf(t, open(t, o.Dir, backends.Options{Verify: true, Hints: hints}))
			if lost != nil && !strings.Contains(o.Case, "kryo") {
				t.Errorf("key groups with entries that nobody can tell apart: %v", lost)
			}
			compareDump(t, o, got, lost)
		})
	}
}

// hints are for changelogs that do not tell of which type their keys are: those of operators without timers, as long as
// nothing is materialized.
var hints = map[string]string{"key:totals": "Long", "key:" + metadata.OperatorIDOf("totals").String(): "Long",
	"key:" + metadata.OperatorIDOf("bcfn").String(): "String",
	// Sub-classes that a POJO serializer met without registering them: state of the heap does not say how they lie.
	"fx2.M$Dog": "Pojo(fx2.M$Dog){chip:Long, legs:Integer, name:String}",
	"fx2.M$Cat": "Pojo(fx2.M$Cat){indoor:Boolean, legs:Integer, name:String}",
}

// line is one entry, of ours or of a dump.
type line map[string]any

// entriesOf is all entries of s but in-flight data, with operators by their ids. lost are the key groups of which
// some entries could not be read: in state of the heap, nothing tells where a value of Kryo's ends.
func entriesOf(t *testing.T, s *snapshot.Snapshot) (lines []line, lost map[string]bool) {
	t.Helper()
	p := s.Printer()
	for _, h := range s.Handles {
		for e, err := range h.Whole().Entries(t.Context(), func(st *backends.State) bool { return st.Kind != backends.Channel }) {
			var passed *backends.Error
			var opaque *backends.OpaqueError
			if errors.As(err, &passed) && passed.Passed && errors.As(err, &opaque) {
				if lost == nil {
					lost = map[string]bool{}
				}
				lost[fmt.Sprint(h.Operator.ID, " ", passed.KeyGroup)] = true
				continue
			}
			if err != nil {
				t.Errorf("operator %s, %v: %v", s.Name(h.Operator.ID), h.Slot, err)
				continue
			}
			text, err := p.Append(nil, &e)
			if err != nil {
				t.Errorf("operator %s: %v", s.Name(h.Operator.ID), err)
				continue
			}
			l := parse(t, text)
			l["op"] = h.Operator.ID.String()
			lines = append(lines, l)
		}
	}
	return lines, lost
}

func parse(t *testing.T, text []byte) line {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var l line
	if err := d.Decode(&l); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return l
}

// compareDump compares ours with the dump of o, as far as the dump goes.
func compareDump(t *testing.T, o testdata.StateOracle, got []line, lost map[string]bool) {
	t.Helper()
	want := dumped(t, o)
	nameOperators(got, want)
	hasTimers := slices.ContainsFunc(want, func(l line) bool { return l["kind"] == "timer" })
	ours, theirs := map[string][]line{}, map[string][]line{}
	for _, l := range got {
		if l["kind"] == "timer" && !hasTimers {
			continue // the dumps of heap timers beside RocksDB have none
		}
		ours[identity(l)] = append(ours[identity(l)], l)
	}
	for _, l := range want {
		theirs[identity(l)] = append(theirs[identity(l)], l)
	}
	bad := 0
	for _, id := range slices.Sorted(maps.Keys(theirs)) {
		if l := theirs[id][0]; ours[id] == nil && lost[fmt.Sprint(l["op"], " ", l["kg"])] {
			continue
		}
		if d := matchAll(ours[id], theirs[id], o.Expected); d != "" && bad < 5 {
			bad++
			t.Errorf("%s: %s", id, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ours)) {
		if theirs[id] == nil && bad < 10 {
			bad++
			t.Errorf("%s: not in the dump: %v", id, ours[id][0]["value"])
		}
	}
	if len(want) == 0 {
		t.Error("an empty dump")
	}
}

// dumped reads the dump of o, less what is known to be wrong in it: of windows it lists each timer of a
// key for each of its windows.
func dumped(t *testing.T, o testdata.StateOracle) []line {
	t.Helper()
	var lines []line
	seen := map[string]bool{}
	for text := range strings.Lines(string(testdata.ReadUnpacked(t, o.Oracle))) {
		l := parse(t, []byte(text))
		if op := l["op"].(string); len(op) != 32 {
			l["op"] = metadata.OperatorIDOf(op).String()
		} else if _, err := metadata.ParseOperatorID(op); err != nil {
			l["op"] = metadata.OperatorIDOf(op).String()
		}
		l["kind"] = strings.TrimSuffix(l["kind"].(string), "-ttl")
		if l["kind"] == "timer" {
			if ns, ok := l["namespace"].(string); ok && strings.HasPrefix(ns, "[") {
				end, _ := strconv.ParseInt(strings.TrimSuffix(ns[strings.IndexByte(ns, ',')+1:], ")"), 10, 64)
				if ts, _ := l["ts"].(json.Number).Int64(); ts != end-1 {
					continue
				}
			}
			if seen[text] {
				continue
			}
			seen[text] = true
		}
		lines = append(lines, l)
	}
	return lines
}

// nameOperators gives operators of the dump that have another name there than their uid the id of the operator with the
// same states.
func nameOperators(got, want []line) {
	ours, theirs := statesOf(got), statesOf(want)
	for op, states := range theirs {
		if ours[op] != nil {
			continue
		}
		for id, mine := range ours {
			if theirs[id] == nil && maps.Equal(mine, states) {
				for _, l := range want {
					if l["op"] == op {
						l["op"] = id
					}
				}
			}
		}
	}
}

// statesOf are the names of the states of each operator.
func statesOf(lines []line) map[any]map[any]bool {
	all := map[any]map[any]bool{}
	for _, l := range lines {
		if all[l["op"]] == nil {
			all[l["op"]] = map[any]bool{}
		}
		all[l["op"]][l["state"]] = true
	}
	return all
}

// identity is all that tells entries apart but what may be written in several ways. The one case whose list state
// the dump calls union is told apart by its name.
func identity(l line) string {
	kind := l["kind"]
	if kind == "union" {
		kind = "list"
	}
	s := fmt.Sprint(l["op"], " ", l["state"], " ", kind)
	if kg, ok := l["kg"]; ok {
		s += fmt.Sprint(" kg ", kg)
	}
	for _, f := range []string{"key", "namespace", "mapKey", "ts"} {
		if v, ok := l[f]; ok {
			s += " " + f + " " + plain(v)
		}
	}
	return s
}

// plain is v in one form: what dumps write as objects of windows is an interval.
func plain(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if v["@class"] == "org.apache.flink.table.runtime.operators.window.TimeWindow" {
			return fmt.Sprintf("[%v,%v)", v["start"], v["end"])
		}
		s := "{"
		for _, k := range slices.Sorted(maps.Keys(v)) {
			s += k + ":" + plain(v[k]) + ";"
		}
		return s + "}"
	case []any:
		s := "["
		for _, e := range v {
			s += plain(e) + ","
		}
		return s + "]"
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(float64(float32(f)), 'g', -1, 32)
		}
		return v.String()
	}
	return fmt.Sprint(v)
}

// matchAll pairs entries of one identity: elements of operator lists have no more than their values.
func matchAll(ours, theirs []line, computed bool) string {
	if len(ours) != len(theirs) {
		return fmt.Sprintf("%d entries, not %d", len(ours), len(theirs))
	}
	left := slices.Clone(ours)
	for _, w := range theirs {
		i := slices.IndexFunc(left, func(g line) bool { return sameEntry(g, w, computed) })
		if i < 0 {
			return fmt.Sprintf("%v %v, not %v %v", left[0]["value"], left[0]["lastAccess"], w["value"], w["lastAccess"])
		}
		left = slices.Delete(left, i, i+1)
	}
	return ""
}

// sameEntry compares values. What was computed from the input of a job knows no order of the events of several sources.
func sameEntry(g, w line, computed bool) bool {
	if a, ok := w["lastAccess"]; ok && !same(g["lastAccess"], a) {
		return false
	}
	if s, ok := w["service"]; ok && g["service"] != s {
		return false
	}
	if list, ok := g["value"].([]any); ok && computed && w["kind"] == "list" {
		return sameElements(list, w["value"])
	}
	return w["kind"] == "aggregating" || same(g["value"], w["value"])
}

// same compares values. Maps have no order in dumps, and two forms; a class that the type tells anyhow may be missing.
func same(g, w any) bool {
	switch w := w.(type) {
	case map[string]any:
		if plain(w) == plain(g) {
			return true
		}
		switch g := g.(type) {
		case map[string]any:
			if g["@bytes"] != nil { // Kryo's, of a class of the job
				return g["@class"] == w["@class"]
			}
			return sameObject(g, w)
		case []any:
			return samePairs(pairs(g), pairs(w))
		}
		return false
	case []any:
		if gm, ok := g.(map[string]any); ok {
			return samePairs(pairs(gm), pairs(w))
		}
		gl, ok := g.([]any)
		if !ok || len(gl) != len(w) {
			return false
		}
		if slices.EqualFunc(gl, w, same) {
			return true
		}
		return samePairs(pairs(gl), pairs(w))
	case json.Number:
		gn, ok := g.(json.Number)
		return ok && sameNumber(gn, w)
	}
	return g == w
}

func sameElements(g []any, w any) bool {
	list, ok := w.([]any)
	if !ok || len(g) != len(list) {
		return false
	}
	left := slices.Clone(g)
	for _, e := range list {
		i := slices.IndexFunc(left, func(x any) bool { return same(x, e) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func sameObject(g, w map[string]any) bool {
	for k, v := range w {
		if k == "@class" && g[k] == nil {
			continue
		}
		if gv, ok := g[k]; !ok || !same(gv, v) {
			return false
		}
	}
	for k := range g {
		if _, ok := w[k]; !ok {
			return false
		}
	}
	return true
}

// pairs is a map in either form, nil if it is none.
func pairs(v any) [][2]any {
	var out [][2]any
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			out = append(out, [2]any{k, e})
		}
	case []any:
		for _, e := range v {
			p, ok := e.([]any)
			if !ok || len(p) != 2 {
				return nil
			}
			out = append(out, [2]any{p[0], p[1]})
		}
	}
	return out
}

func samePairs(g, w [][2]any) bool {
	if g == nil || w == nil || len(g) != len(w) {
		return false
	}
	left := slices.Clone(g)
	for _, p := range w {
		i := slices.IndexFunc(left, func(q [2]any) bool { return same(q[0], p[0]) && same(q[1], p[1]) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func sameNumber(g, w json.Number) bool {
	if g == w {
		return true
	}
	a, err1 := g.Float64()
	b, err2 := w.Float64()
	return err1 == nil && err2 == nil && strings.ContainsAny(g.String()+w.String(), ".eE") &&
		(a == b || float32(a) == float32(b) && !math.IsInf(float64(float32(a)), 0))
}
