package relocate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/metadata"
)

const (
	nameA = "aaaaaaaa-0000-4000-8000-000000000001"
	nameB = "bbbbbbbb-0000-4000-8000-000000000002"
	jobID = "0123456789abcdef0123456789abcdef"
)

// keyed is a checkpoint with one piece of keyed state.
func keyed(version int32, h metadata.KeyedHandle) *metadata.Checkpoint {
	c := &metadata.Checkpoint{Version: version, ID: 7, Operators: []metadata.OperatorState{{
		Parallelism: 1, MaxParallelism: 128, Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}},
	}}}
	if version >= metadata.Version4 {
		c.Properties = &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}
	}
	return c
}

func incremental(shared, private metadata.StreamHandle) *metadata.IncrementalHandle {
	h := &metadata.IncrementalHandle{
		Tag: metadata.TagIncremental, Checkpointed: -1, Range: metadata.KeyGroupRange{First: 0, Last: 127},
		Meta: &metadata.InlineHandle{Name: "meta", Data: []byte{1}},
	}
	if shared != nil {
		h.Shared = []metadata.NamedFile{{Name: "000001.sst", File: shared}}
	}
	if private != nil {
		h.Private = []metadata.NamedFile{{Name: "CURRENT", File: private}}
	}
	return h
}

func file(path string, size int64) *metadata.FileHandle {
	return &metadata.FileHandle{Path: metadata.NewUTF(path), Size: size}
}

func part(path string, start, size int64) *metadata.SegmentHandle {
	return &metadata.SegmentHandle{Path: metadata.NewUTF(path), Start: start, Size: size, LogicalFile: "id"}
}

// where locates files as their paths say. Merged files have 100 bytes.
func where(c *metadata.Checkpoint) map[metadata.StreamHandle]relocate.Located {
	found := map[metadata.StreamHandle]relocate.Located{}
	for _, h := range c.Walk() {
		switch h := h.(type) {
		case *metadata.FileHandle:
			found[h] = relocate.Located{URL: layout.Canonical(h.Path.String()), Size: h.Size}
		case *metadata.RelativeFileHandle:
			found[h] = relocate.Located{URL: "/src/" + jobID + "/chk-7/" + h.Path.String(), Size: h.Size}
		case *metadata.SegmentHandle:
			found[h] = relocate.Located{URL: layout.Canonical(h.Path.String()), Size: 100}
		}
	}
	return found
}

func request(form relocate.Form, c *metadata.Checkpoint) relocate.Request {
	return relocate.Request{
		Form: form, Source: "/src/" + jobID + "/chk-7", Destination: "s3://bucket/copy", Root: "s3a://bucket/copy",
		Checkpoint: c, Located: where(c),
	}
}

// plan makes a plan and gives the one piece of keyed state in its metadata.
func plan(t *testing.T, form relocate.Form, c *metadata.Checkpoint) (*relocate.Plan, metadata.KeyedHandle) {
	t.Helper()
	before, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := relocate.New(request(form, c))
	if err != nil {
		t.Fatal(err)
	}
	if after, err := metadata.Encode(c); err != nil || string(after) != string(before) {
		t.Errorf("the source's model was changed (%v)", err)
	}
	made, err := metadata.Decode(p.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	return p, made.Operators[0].Subtasks[0].ManagedKeyed
}

func pathOf(h metadata.StreamHandle) string {
	p, relative := layout.PathOf(h)
	if relative {
		return "./" + p
	}
	return p
}

// TestSharedBecomesPrivate: Flink takes shared files over into later checkpoints with
// the relative path that they have, where it leads to nothing.
func TestSharedBecomesPrivate(t *testing.T) {
	src := "file:/src/" + jobID + "/shared/"
	p, h := plan(t, relocate.SelfContained, keyed(metadata.Version4, incremental(file(src+nameA, 10), file(src+nameB, 20))))
	got := h.(*metadata.IncrementalHandle)
	if len(got.Shared) != 0 || len(got.Private) != 2 || !p.Relocatable {
		t.Fatalf("%d shared, %d private, relocatable: %v", len(got.Shared), len(got.Private), p.Relocatable)
	}
	if got.Private[1].Name != "000001.sst" || pathOf(got.Private[1].File) != "./"+nameA {
		t.Errorf("%s is %s", got.Private[1].Name, pathOf(got.Private[1].File))
	}
}

// TestInlineStaysShared: a file within _metadata has no path that could mislead.
func TestInlineStaysShared(t *testing.T) {
	p, h := plan(t, relocate.SelfContained, keyed(metadata.Version4, incremental(&metadata.InlineHandle{Name: "x", Data: []byte("sst")}, nil)))
	if got := h.(*metadata.IncrementalHandle); len(got.Shared) != 1 || len(p.Files) != 0 {
		t.Errorf("%d shared, %d files", len(got.Shared), len(p.Files))
	}
}

// TestVersion2IsAbsolute: Flink 1.10 knows no relative paths.
func TestVersion2IsAbsolute(t *testing.T) {
	p, h := plan(t, relocate.SelfContained, keyed(metadata.Version2, incremental(file("file:/old/"+nameA, 10), nil)))
	got := h.(*metadata.IncrementalHandle)
	if p.Relocatable || len(got.Shared) != 1 || pathOf(got.Shared[0].File) != "s3a://bucket/copy/"+nameA {
		t.Errorf("relocatable: %v, %d shared", p.Relocatable, len(got.Shared))
	}
}

// TestChangelogIsAbsolute, with what was materialized, and the sizes that Flink records.
func TestChangelogIsAbsolute(t *testing.T) {
	all := metadata.KeyGroupRange{First: 0, Last: 127}
	log := file("hdfs://nn/dstl/"+nameB, 162984)
	c := keyed(metadata.Version4, &metadata.ChangelogHandle{
		Tag: metadata.TagChangelogV2, Range: all,
		Materialized: []metadata.KeyedHandle{incremental(file("hdfs://nn/"+jobID+"/taskowned/"+nameA, 10), nil)},
		NonMaterialized: []metadata.KeyedHandle{&metadata.ChangelogFileHandle{
			Tag: metadata.TagChangelogFileV2, Range: all, StorageID: "filesystem", Parts: []metadata.ChangelogPart{{Offset: 3, File: log}},
		}},
	})
	r := request(relocate.SelfContained, c)
	r.Located[log] = relocate.Located{URL: "hdfs://nn/dstl/" + nameB, Size: 19218} // compressed
	p, err := relocate.New(r)
	if err != nil {
		t.Fatal(err)
	}
	made, err := metadata.Decode(p.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	got := made.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.ChangelogHandle)
	base := got.Materialized[0].(*metadata.IncrementalHandle)
	if len(base.Shared) != 1 || pathOf(base.Shared[0].File) != "s3a://bucket/copy/"+nameA {
		t.Errorf("what was materialized: %d shared", len(base.Shared))
	}
	delta := got.NonMaterialized[0].(*metadata.ChangelogFileHandle).Parts[0]
	if h, ok := delta.File.(*metadata.FileHandle); !ok || h.Size != 162984 || h.Path != "s3a://bucket/copy/"+nameB || delta.Offset != 3 {
		t.Errorf("the log is %+v", delta.File)
	}
	if p.Files[1].Size != 19218 {
		t.Errorf("%d bytes would be copied of the log", p.Files[1].Size)
	}
}

// TestSegments: each range becomes one file, whoever names it.
func TestSegments(t *testing.T) {
	merged := "file:/src/" + jobID + "/shared/job_x/" + nameA
	c := keyed(metadata.Version6, incremental(part(merged, 10, 20), part(merged, 30, 5)))
	c.Operators[0].Subtasks[0].ManagedOperator = &metadata.OperatorStateHandle{
		Merging: &metadata.MergingDirs{Shared: "file:/src/s", TaskOwned: "file:/src/t"}, Delegate: part(merged, 10, 20),
	}
	c.Operators[0].Subtasks[0].RawOperator = &metadata.OperatorStateHandle{
		Merging: &metadata.MergingDirs{Shared: "file:/src/s", TaskOwned: "file:/src/t", Empty: true}, Delegate: &metadata.EmptySegmentHandle{},
	}
	p, h := plan(t, relocate.SelfContained, c)
	if len(p.Files) != 2 || p.Segments != 2 || p.Files[0].Offset != 10 || p.Files[0].Size != 20 || p.Files[1].Offset != 30 {
		t.Fatalf("files: %+v", p.Files)
	}
	made, err := metadata.Decode(p.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	s := made.Operators[0].Subtasks[0]
	if s.RawOperator != nil || s.ManagedOperator.Merging != nil {
		t.Error("managed directories are left")
	}
	if pathOf(s.ManagedOperator.Delegate) != pathOf(h.(*metadata.IncrementalHandle).Private[1].File) {
		t.Error("the same range became two files")
	}
	again, _ := plan(t, relocate.SelfContained, c)
	if again.Files[0].Key != p.Files[0].Key || !layout.IsDataFile(p.Files[0].Key) || p.Files[0].Key == p.Files[1].Key {
		t.Errorf("names: %s, %s, again %s", p.Files[0].Key, p.Files[1].Key, again.Files[0].Key)
	}
}

// TestKeepLayout changes nothing but roots.
func TestKeepLayout(t *testing.T) {
	other := "fedcba9876543210fedcba9876543210"
	c := keyed(metadata.Version6, incremental(file("s3://x/q3kd/cp/"+other+"/shared/"+nameA, 10), &metadata.RelativeFileHandle{Path: nameB, Size: 5}))
	c.Operators[0].Subtasks[0].ManagedOperator = &metadata.OperatorStateHandle{
		Merging:  &metadata.MergingDirs{Shared: metadata.NewUTF("file:/src/" + jobID + "/shared/job_x"), TaskOwned: metadata.NewUTF("file:/src/" + jobID + "/taskowned/job_y")},
		Delegate: part("file:/src/"+jobID+"/taskowned/job_y/"+nameA, 10, 20),
	}
	p, h := plan(t, relocate.KeepLayout, c)
	got := h.(*metadata.IncrementalHandle)
	made, err := metadata.Decode(p.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	op := made.Operators[0].Subtasks[0].ManagedOperator
	for want, have := range map[string]string{
		"s3a://bucket/copy/" + other + "/shared/" + nameA: pathOf(got.Shared[0].File),
		"./" + nameB:                                               pathOf(got.Private[0].File),
		jobID + "/chk-7/_metadata":                                 p.MetadataKey(),
		jobID + "/chk-7/.ckpt-copy.json":                           p.MarkerKey(),
		"s3://bucket/copy/" + jobID + "/chk-7":                     p.URL(),
		"s3a://bucket/copy/" + jobID + "/shared/job_x":             op.Merging.Shared.String(),
		"s3a://bucket/copy/" + jobID + "/taskowned/job_y":          op.Merging.TaskOwned.String(),
		"s3a://bucket/copy/" + jobID + "/taskowned/job_y/" + nameA: pathOf(op.Delegate),
	} {
		if want != have {
			t.Errorf("want %s, have %s", want, have)
		}
	}
	if len(p.Files) != 3 || p.Files[0].Size != 100 || !p.Files[0].Whole || p.Segments != 0 {
		t.Errorf("files: %+v", p.Files)
	}
}

// TestNames: what has a name of Flink's keeps it, as long as it is free.
func TestNames(t *testing.T) {
	c := keyed(metadata.Version4, incremental(file("file:/one/"+nameA, 10), file("file:/two/"+nameA, 20)))
	c.Operators[0].Subtasks[0].RawKeyed = incremental(file("file:/one/_metadata", 1), file("file:/one/.ckpt-copy.json", 1))
	p, _ := plan(t, relocate.SelfContained, c)
	if len(p.Files) != 4 || p.Files[0].Key != nameA {
		t.Fatalf("files: %+v", p.Files)
	}
	seen := map[string]bool{}
	for _, f := range p.Files {
		if seen[f.Key] || !layout.IsDataFile(f.Key) {
			t.Errorf("%s is no name, or is there twice", f.Key)
		}
		seen[f.Key] = true
	}
}

// TestRefused: plans that must not be.
func TestRefused(t *testing.T) {
	merged := "file:/src/" + jobID + "/shared/job_x/" + nameA
	for name, test := range map[string]struct {
		form   relocate.Form
		state  metadata.KeyedHandle
		change func(*relocate.Request)
		want   string
	}{
		"a segment past the end":   {relocate.SelfContained, incremental(part(merged, 90, 20), nil), nil, "has 100 bytes"},
		"a segment that overflows": {relocate.SelfContained, incremental(part(merged, 1<<62, 1<<62), nil), nil, "has 100 bytes"},
		"a segment before all":     {relocate.SelfContained, incremental(part(merged, -1, 2), nil), nil, "begins at -1"},
		"not looked up":            {relocate.SelfContained, incremental(file("file:/x/"+nameA, 1), nil), func(r *relocate.Request) { r.Located = nil }, "was not looked up"},
		"of another size": {relocate.SelfContained, incremental(file("file:/x/"+nameA, 1), nil), func(r *relocate.Request) {
			for h := range r.Located {
				r.Located[h] = relocate.Located{URL: "/x/" + nameA, Size: 2}
			}
		}, "has 2 bytes, and should have 1"},
		"into the source": {relocate.SelfContained, incremental(nil, nil), func(r *relocate.Request) { r.Destination = r.Source + "/copy" }, "lies within the source"},
		"onto itself":     {relocate.KeepLayout, incremental(file("file:/src/"+jobID+"/shared/"+nameA, 1), nil), func(r *relocate.Request) { r.Destination, r.Root = "/src", "file:/src" }, "onto itself"},
		"two of one name": {relocate.KeepLayout, incremental(file("file:/a/"+jobID+"/shared/"+nameA, 1), file("file:/b/"+jobID+"/shared/"+nameA, 1)), nil, "would both be"},
		"a _metadata":     {relocate.KeepLayout, incremental(file("file:/a/"+jobID+"/chk-6/_metadata", 1), nil), nil, "no name for a file of state"},
		"a marker":        {relocate.KeepLayout, incremental(file("file:/a/"+jobID+"/chk-6/.ckpt-copy.json", 1), nil), nil, "no name for a file of state"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(test.form, keyed(metadata.Version6, test.state))
			if test.change != nil {
				test.change(&r)
			}
			_, err := relocate.New(r)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, have %v", test.want, err)
			}
			var refused *relocate.RefusedError
			if strings.Contains(test.want, "itself") && (!errors.As(err, &refused) || refused.ErrHint() == "") {
				t.Errorf("no hint: %v", err)
			}
		})
	}
}
