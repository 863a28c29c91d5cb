package ha

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// class makes a class with fields that are strings or objects.
func class(name string, fields ...string) *javaobj.Class {
	c := &javaobj.Class{Name: name, Flags: 2}
	for _, f := range fields {
		c.Fields = append(c.Fields, javaobj.Field{Code: 'L', Name: f, Type: "Ljava/lang/Object;"})
	}
	return c
}

// TestPlaces are texts that count as paths, and names that do not.
func TestPlaces(t *testing.T) {
	uri := class("java.net.URI", "string")
	inline := class("org.apache.flink.runtime.state.memory.ByteStreamStateHandle", "handleName", "more")
	state := class("org.apache.flink.runtime.checkpoint.OperatorState", "operatorName", "operatorUid")
	root := &javaobj.Object{Class: class("X", "a", "b", "c", "d", "e"), Values: []any{
		"s3://b/x y", "relative/path",
		&javaobj.Object{Class: uri, Values: []any{"file:/x%20y/100%25"}},
		&javaobj.Object{Class: inline, Values: []any{"file:/never/written", "hdfs://n/kept"}},
		&javaobj.Object{Class: state, Values: []any{"/a name", "s3://uid"}},
	}}
	more := &javaobj.Object{Class: class("Y", "chain"), Values: []any{root}}
	root.Annotations = []javaobj.Annotation{{Contents: []any{"/annotated", javaobj.Block("/bytes"), &javaobj.Array{Values: []any{"/in an array", more}}}}}
	want := []string{"/annotated", "/in an array", "file:/x y/100%", "hdfs://n/kept", "s3://b/x y"}
	if got := places(more); !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A chain of objects as long as the file is must not exhaust the stack.
func TestDeepObjects(t *testing.T) {
	link := class("L", "next")
	var next any = "/at the end"
	for range 1_000_000 {
		next = &javaobj.Object{Class: link, Values: []any{next}}
	}
	if got := places(next.(*javaobj.Object)); !slices.Equal(got, []string{"/at the end"}) {
		t.Errorf("%q", got)
	}
}

func TestRestoredPlan(t *testing.T) {
	id := &javaobj.Class{Name: "org.apache.flink.util.AbstractID", Flags: 2, Fields: []javaobj.Field{{Code: 'J', Name: "lowerPart"}, {Code: 'J', Name: "upperPart"}}}
	job := &javaobj.Object{Class: &javaobj.Class{Name: "org.apache.flink.api.common.JobID", Flags: 2, Super: id}, Values: []any{int64(1), int64(-1)}}
	settings := &javaobj.Object{Class: class("org.apache.flink.runtime.jobgraph.SavepointRestoreSettings", "restorePath"), Values: []any{"s3://b/sp"}}
	plan := &javaobj.Object{Class: class("Plan", "settings", "jobID"), Values: []any{settings, job}}
	p := planOf(plan)
	if !p.HasJob || p.Job.String() != "0000000000000001ffffffffffffffff" || p.Restored != "s3://b/sp" {
		t.Errorf("%+v", p)
	}
}

// written are files that Flink wrote.
func written(tb testing.TB, pattern string) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(fixture(tb, "*", "storage", pattern))
	if err != nil || len(files) < 2 {
		tb.Fatalf("%d files like %s: %v", len(files), pattern, err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		all[f] = data
	}
	return all
}

// TestOther are objects that are nearly a CompletedCheckpoint of a Flink that is known.
func TestOther(t *testing.T) {
	for name, data := range written(t, "ckpt/completedCheckpoint*") {
		for old, want := range map[string]string{
			"checkpoint.CompletedCheckpoint": "is no CompletedCheckpoint",
			"checkpointID":                   "no checkpointID",
			"externalPointer":                "no externalPointer",
		} {
			other := bytes.ReplaceAll(data, []byte(old), []byte(strings.Repeat("x", len(old))))
			if _, err := parseCheckpoint(other); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s without %s: %v", name, old, err)
			}
		}
	}
}

// TestCut cuts real files everywhere: none of them is taken for a checkpoint.
func TestCut(t *testing.T) {
	for name, data := range written(t, "ckpt/completedCheckpoint*") {
		for n := 0; n < len(data); n += 1 + n/50 {
			if _, err := parseCheckpoint(data[:n]); err == nil {
				t.Errorf("the first %d bytes of %s are a checkpoint", n, name)
			}
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	for _, data := range written(f, "ckpt/completedCheckpoint*") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCheckpoint(data)
		if err == nil && (!slices.IsSorted(c.Paths) || c.Pointer != "" && !slices.Contains(c.Paths, c.Pointer)) {
			t.Errorf("pointer %q, paths %q", c.Pointer, c.Paths)
		}
	})
}

func FuzzPlan(f *testing.F) {
	for _, data := range written(f, "ckpt/submitted*") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if p := parsePlan(data); p.HasJob && !strings.Contains(string(data), "JobID") {
			t.Errorf("a job from nowhere: %+v", p)
		}
	})
}

func FuzzResult(f *testing.F) {
	const name = "0123456789abcdef0123456789abcdef.json"
	for file, data := range written(f, "job-result-store/ckpt/*.json") {
		f.Add(filepath.Base(file), data)
	}
	f.Add(name, []byte("{}"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		r, err := parseResult(name, data)
		if err == nil && (r.Status == "" || !strings.Contains(string(data), "{")) {
			t.Errorf("%+v out of %q", r, data)
		}
	})
}
