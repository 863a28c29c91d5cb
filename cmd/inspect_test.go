package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// golden compares got with testdata/golden/name, or rewrites that with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join(testdata.Root(t), "golden", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; go test ./cmd -update rewrites it. Got:\n%s", name, got)
	}
}

// pinned is a copy of a real tree whose files all have one time, and its checkpoints.
func pinned(t *testing.T, name string) (root string, checkpoints []string) {
	t.Helper()
	root = testdata.Tree(t, name)
	when := testNow.Add(-3*time.Hour - 12*time.Minute)
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == "_metadata" {
			checkpoints = append(checkpoints, filepath.Dir(p))
		}
		return os.Chtimes(p, when, when)
	})
	if err != nil || len(checkpoints) == 0 {
		t.Fatal(err, checkpoints)
	}
	return root, checkpoints
}

// TestInspectGolden holds what people see.
func TestInspectGolden(t *testing.T) {
	for name, c := range map[string]struct {
		tree  string
		at    int // which of its checkpoints
		flags []string
	}{
		"inspect-incremental.txt":  {"2.2.0/rocksdb-incremental-small", 0, nil},
		"inspect-v4.txt":           {"1.20.0/finished-operators", -1, nil},
		"inspect-merging.txt":      {"2.2.0/filemerging-opstate-within", 0, nil},
		"inspect-verbose.txt":      {"2.2.0/rocksdb-incremental-small", 0, []string{"-v"}},
		"inspect-operator.txt":     {"2.2.0/filemerging-opstate-within", 0, []string{"--operator", "opstate"}},
		"inspect-subtask.txt":      {"2.2.0/rocksdb-incremental-small", 0, []string{"--operator", "counter", "--subtask", "1"}},
		"inspect-files.txt":        {"2.2.0/rocksdb-incremental-small", 0, []string{"--files", "--operator", "totals"}},
		"inspect-bytes.txt":        {"2.2.0/rocksdb-incremental-small", 0, []string{"--bytes", "--operator", "src"}},
		"inspect-v2-bytes.txt":     {"1.8/" + only(t, "1.8"), 0, []string{"--bytes"}},
		"inspect-v2.txt":           {"1.8/" + only(t, "1.8"), 0, nil},
		"inspect-claimed.txt":      {"2.0.0/rescale-claim.after1", 0, nil},
		"inspect-savepoint.txt":    {"2.2.0/savepoint-stop", 0, nil},
		"inspect-tsv.txt":          {"2.2.0/rocksdb-incremental-small", 0, []string{"-o", "tsv"}},
		"inspect-subtasks-tsv.txt": {"2.2.0/filemerging-opstate-within", 0, []string{"-o", "tsv", "--operator", "opstate"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, checkpoints := pinned(t, c.tree)
			if c.at < 0 {
				c.at += len(checkpoints)
			}
			args := append([]string{"inspect", checkpoints[c.at]}, c.flags...)
			r := call{terminal: true, env: map[string]string{"NO_COLOR": "1"}}.run(t, args...).want(t, OK)
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// only is the name of the single case of a version.
func only(t *testing.T, version string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(testdata.Root(t), "flink", version))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.Contains(e.Name(), "oracle") {
			return e.Name()
		}
	}
	t.Fatalf("no case of version %s", version)
	return ""
}

// TestInspectJSON compares the JSON of every real checkpoint with Flink's own loader.
func TestInspectJSON(t *testing.T) {
	all := testdata.Snapshots(t, filepath.Join(testdata.Root(t), "flink"))
	if dir := testdata.Fixtures(t); dir != "" {
		all = append(all, testdata.Snapshots(t, dir)...)
	}
	for _, s := range all {
		r := ckpt(t, "inspect", s.Dir, "-o", "json").want(t, OK)
		data, err := os.ReadFile(s.Oracle)
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		dir, _ := want["dir"].(string)
		r.out = strings.ReplaceAll(r.out, `"`+s.Dir+`/`, `"file:`+dir+`/`)
		r.decode(t, &got)
		if got["schema"] != "ckpt.inspect/v1" || got["path"] != s.Dir || len(got["findings"].([]any)) != 0 {
			t.Errorf("%s: %v %v %v", s.Name, got["schema"], got["path"], got["findings"])
		}
		if diff := lacks(want, got); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
}

// madeUp are the handles for which Flink makes up an id where old files have none.
var madeUp = map[any]bool{"KeyGroupsStateHandle": true, "KeyGroupsSavepointStateHandle": true, "IncrementalRemoteKeyedStateHandle": true}

// lacks tells what of want is missing from got or differs, "" where nothing is.
func lacks(want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for k, w := range want {
			if k == "flinkLoader" || k == "dir" || k == "stateHandleId" && got[k] == nil && madeUp[want["class"]] {
				continue
			}
			if d := lacks(w, got[k]); d != "" {
				return "." + k + d
			}
		}
		return ""
	case []any:
		got, _ := got.([]any)
		if len(got) != len(want) {
			return " has another length"
		}
		for i := range want {
			if d := lacks(want[i], got[i]); d != "" {
				return d
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got)
		return " is " + string(g) + ", not " + string(w)
	}
	return ""
}

// TestInspectMoved: in a copied tree, each path that is found elsewhere says where.
func TestInspectMoved(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	r := ckpt(t, "inspect", checkpoints[0], "-o", "json").want(t, OK)
	shared := 0
	for line := range strings.SplitSeq(r.out, `"path":"`) {
		if !strings.HasPrefix(line, "file:/flink/checkpoint/") {
			continue
		}
		shared++
		_, resolved, ok := strings.Cut(line, `"resolvedPath":"`)
		resolved, _, _ = strings.Cut(resolved, `"`)
		if _, err := os.Stat(resolved); !ok || err != nil || !strings.HasPrefix(resolved, root) {
			t.Fatalf("resolved to %q: %v", resolved, err)
		}
	}
	if shared == 0 {
		t.Fatal("no absolute path")
	}
	// a mapping says the same without a guess
	r = ckpt(t, "inspect", checkpoints[0], "-o", "json", "--map", "file:/flink/checkpoint/2.2.0/rocksdb-incremental-small="+root).want(t, OK)
	if n := strings.Count(r.out, `"resolvedPath":"`+root); n < shared {
		t.Errorf("%d of %d paths are mapped", n, shared)
	}
	// without its shared files, nothing is claimed
	if err := os.RemoveAll(filepath.Join(filepath.Dir(checkpoints[0]), "shared")); err != nil {
		t.Fatal(err)
	}
	r = ckpt(t, "inspect", checkpoints[0], "-o", "json").want(t, OK)
	if strings.Contains(r.out, "resolvedPath") {
		t.Error("files that are gone were found")
	}
}

// TestInspectErrors holds exit codes and words.
func TestInspectErrors(t *testing.T) {
	_, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	dir := checkpoints[0]
	bad := func(name string) string { return filepath.Join(testdata.Root(t), "bad", name) }
	for _, c := range []struct {
		code Code
		says string
		args []string
	}{
		{NotFound, "no operator has the uid, name or id \"nope\"; there are counter", []string{dir, "--operator", "nope"}},
		{NotFound, "no operator has the uid", []string{dir, "--operator", "nope", "-o", "json"}},
		{NotFound, "no operator has the uid", []string{dir, "--operator", "nope", "--files"}},
		{NotFound, "no operator has the uid", []string{dir, "--operator", "nope", "--bytes"}},
		{NotFound, "has a sub-task 7", []string{dir, "--subtask", "7"}},
		{NotFound, "has a sub-task 7", []string{dir, "--subtask", "7", "-o", "json"}},
		{NotFound, "has a sub-task 7", []string{dir, "--subtask", "7", "--files"}},
		{NotFound, "has a sub-task 7", []string{dir, "--subtask", "7", "--bytes"}},
		{NotFound, "no such file or directory", []string{filepath.Join(dir, "nothing")}},
		{Usage, "--files and --bytes exclude each other", []string{dir, "--files", "--bytes"}},
		{Usage, "--subtask -2", []string{dir, "--subtask", "-2"}},
		{Usage, "--operator is empty", []string{dir, "--operator", ""}},
		{NotFound, "has a sub-task 4294967296", []string{dir, "--subtask", "4294967296"}},
		{Usage, "ckpt inspect needs CKPT", nil},
		{Usage, "--job", []string{dir, "--job", "xyz"}},
		{Unreadable, "no checkpoint: the directory has no _metadata", []string{filepath.Dir(dir)}},
		{Unreadable, "the file is empty (at offset 0", []string{bad("empty")}},
		{Unreadable, "the file ends within", []string{bad("truncated-middle")}},
		{Unreadable, "the file ends within", []string{bad("truncated-middle"), "-o", "json"}},
		{Unreadable, "the file ends within", []string{bad("truncated-middle"), "--bytes"}},
		{Unreadable, "the file ends within", []string{bad("truncated-middle"), "--files"}},
		{Unreadable, "not a Flink _metadata file", []string{bad("jpeg")}},
		{Unreadable, "newer Flink than 2.2", []string{bad("version-7")}},
		{Unreadable, "_metadata is a directory", []string{bad("metadata-is-a-directory")}},
	} {
		r := ckpt(t, append([]string{"inspect"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
		if bytesShown := len(c.args) > 1 && c.args[1] == "--bytes"; r.out != "" && !bytesShown {
			t.Errorf("%v: an error, and yet output:\n%s", c.args, r.out)
		}
	}
}

// TestInspectMetadataFile: the file itself may be named, and may have any name.
func TestInspectMetadataFile(t *testing.T) {
	_, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	dir := checkpoints[0]
	want := ckpt(t, "inspect", dir).want(t, OK).out
	if got := ckpt(t, "inspect", filepath.Join(dir, "_metadata")).want(t, OK).out; got != want {
		t.Errorf("by its _metadata:\n%s", got)
	}
	if err := os.Rename(filepath.Join(dir, "_metadata"), filepath.Join(dir, "kept.bin")); err != nil {
		t.Fatal(err)
	}
	if got := ckpt(t, "inspect", "file://"+filepath.Join(dir, "kept.bin")).want(t, OK).out; got != want {
		t.Errorf("by another name:\n%s", got)
	}
}

// TestInspectByUID: metadata without uids is asked by uid all the same.
func TestInspectByUID(t *testing.T) {
	_, checkpoints := pinned(t, "1.20.0/finished-operators")
	r := ckpt(t, "inspect", checkpoints[0], "--operator", "src").want(t, OK)
	if !strings.HasPrefix(r.out, "f362c87ffabe89c8a91fa7d0a523ba6c\t") {
		t.Errorf("%s", r.out)
	}
	if again := ckpt(t, "inspect", checkpoints[0], "--operator", "F362C87").want(t, OK); again.out != r.out {
		t.Errorf("by the first digits of its id: %s", again.out)
	}
}

// crafted is a chk-1 with one operator that holds one file, written by ckpt itself.
func crafted(t *testing.T, file metadata.StreamHandle, change func(*metadata.Checkpoint)) string {
	t.Helper()
	c := &metadata.Checkpoint{Version: metadata.Version6, ID: 1, Properties: &metadata.Properties{
		Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}},
		Operators: []metadata.OperatorState{{Name: "op", Parallelism: 1, MaxParallelism: 1, Subtasks: []metadata.SubtaskState{
			{ManagedOperator: &metadata.OperatorStateHandle{Delegate: file}}}}}}
	if change != nil {
		change(c)
	}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "0123456789abcdef0123456789abcdef", "chk-1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestInspectFinishedOperator: one without any sub-task is there all the same.
func TestInspectFinishedOperator(t *testing.T) {
	_, checkpoints := pinned(t, "1.20.0/finished-operators")
	const id = "422cbfa16d9df46125bf9f0ca550f6e2"
	last := checkpoints[len(checkpoints)-1]
	if r := ckpt(t, "inspect", last, "--operator", id, "-o", "table").want(t, OK); !strings.Contains(r.out, "finished     yes") {
		t.Error(r.out)
	}
	for _, args := range [][]string{nil, {"--files"}, {"--bytes"}, {"-o", "json"}} {
		ckpt(t, append([]string{"inspect", last, "--operator", id}, args...)...).want(t, OK)
	}
	ckpt(t, "inspect", last, "--operator", id, "--subtask", "0").want(t, NotFound)
}

// TestInspectHostile: what a file says cannot write to the terminal, nor forge lines.
func TestInspectHostile(t *testing.T) {
	const evil = "\x1b[31mEVIL\n  self-contained  yes\x07"
	dir := crafted(t, &metadata.RelativeFileHandle{Path: metadata.NewUTF(evil)}, func(c *metadata.Checkpoint) {
		c.Properties.Type.Name = evil
		o := &c.Operators[0]
		o.Name, o.UID = metadata.NewUTF(evil), metadata.NewUTF(evil)
		o.Subtasks[0].ManagedOperator.States = []metadata.OperatorStateMeta{{Name: metadata.NewUTF(evil)}}
	})
	for _, args := range [][]string{nil, {"--operator", evil}, {"--subtask", "0"}, {"--files"}, {"--bytes"}, {"--operator", "nope"}} {
		for _, form := range outputForms {
			r := call{terminal: true, width: 100, env: map[string]string{"NO_COLOR": "1"}}.run(t, append([]string{"inspect", dir, "-o", form}, args...)...)
			for _, text := range []string{r.out, r.err} {
				if strings.ContainsAny(text, "\x1b\x07") || strings.Contains(text, "\n  self-contained  yes\n") {
					t.Errorf("%v as %s:\n%q", args, form, text)
				}
			}
		}
	}
	if r := ckpt(t, "inspect", dir, "-o", "json").want(t, OK); !strings.Contains(r.out, metadata.FindProperties) {
		t.Error("a type that Flink does not have is no finding")
	}
}

// TestInspectEscaping: a relative path that leaves the directory is nothing that lies in it.
func TestInspectEscaping(t *testing.T) {
	for _, p := range []metadata.UTF{"../../other/secret", "/etc/passwd", "s3://other/x", "a/../../x", "a/../x"} {
		dir := crafted(t, &metadata.RelativeFileHandle{Path: p, Size: 5}, nil)
		r := ckpt(t, "inspect", dir, "-o", "table").want(t, OK)
		if strings.Contains(r.out, "yes") || !strings.Contains(r.out, "ELSEWHERE") || !strings.Contains(r.out, "leaves the checkpoint's directory") {
			t.Errorf("%s:\n%s", p, r.out)
		}
	}
}

// TestInspectDeepPath: a path of thousands of elements costs no more than a short one.
func TestInspectDeepPath(t *testing.T) {
	p := "hdfs://nn/" + strings.Repeat("a/", 30000) + "0123456789abcdef0123456789abcdef/shared/f"
	dir := crafted(t, &metadata.FileHandle{Path: metadata.UTF(p)}, nil)
	start := time.Now()
	ckpt(t, "inspect", dir).want(t, OK)
	ckpt(t, "inspect", dir, "-o", "json").want(t, OK)
	if took := time.Since(start); took > 20*time.Second { // it was minutes, and gigabytes
		t.Errorf("took %v", took)
	}
}

// TestInspectMapElsewhere: --map may lead out of the tree, and says found only of what is there.
func TestInspectMapElsewhere(t *testing.T) {
	dir := crafted(t, &metadata.FileHandle{Path: "hdfs://nn/flink/d/x", Size: 5}, nil)
	elsewhere := t.TempDir()
	mapping := "hdfs://nn/flink=" + elsewhere
	if r := ckpt(t, "inspect", dir, "-o", "json", "--map", mapping).want(t, OK); strings.Contains(r.out, "resolvedPath") {
		t.Errorf("found what is not there: %s", r.out)
	}
	if r := ckpt(t, "inspect", dir, "-o", "json", "--map", mapping+"/nowhere").want(t, OK); strings.Contains(r.out, "resolvedPath") {
		t.Errorf("found what is not there: %s", r.out)
	}
	if err := os.Mkdir(filepath.Join(elsewhere, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "d", "x"), []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := ckpt(t, "inspect", dir, "-o", "json", "--map", mapping).want(t, OK); !strings.Contains(r.out, `"resolvedPath":"`+elsewhere+`/d/x"`) {
		t.Error(r.out)
	}
	if r := ckpt(t, "inspect", dir, "--files", "--map", mapping).want(t, OK); !strings.Contains(r.out, elsewhere+"/d/x") {
		t.Error(r.out)
	}
	r := ckpt(t, "inspect", dir, "-o", "table", "--map", mapping).want(t, OK)
	if !strings.Contains(r.out, "where --map says") || strings.Contains(r.out, "not found") {
		t.Error(r.out)
	}
}

// TestInspectLink: a checkpoint behind a link that leads elsewhere was named, and is
// read. What lies beside it is out of sight.
func TestInspectLink(t *testing.T) {
	_, checkpoints := pinned(t, "2.2.0/savepoint-and-checkpoints")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(checkpoints[0], link); err != nil {
		t.Fatal(err)
	}
	operators := func(arg string) (ids []string) {
		for line := range strings.Lines(ckpt(t, "inspect", arg).want(t, OK).out) {
			ids = append(ids, strings.Join(strings.Split(line, "\t")[:7], " "))
		}
		return ids
	}
	want := operators(checkpoints[0])
	for _, arg := range []string{link, link + "/", filepath.Join(link, "_metadata")} {
		if got := operators(arg); !reflect.DeepEqual(got, want) || len(got) == 0 {
			t.Errorf("%s: %v", arg, got)
		}
	}
}

// TestInspectSummary: what people see as unusual, scripts see as well.
func TestInspectSummary(t *testing.T) {
	_, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	read := func() (doc struct{ Summary summaryJSON }) {
		ckpt(t, "inspect", checkpoints[0], "-o", "json").want(t, OK).decode(t, &doc)
		return doc
	}
	s := read().Summary
	if s.SelfContained || s.References.All == 0 || s.References.ByTail == 0 || s.References.NotFound != 0 || s.WrittenBy.First != "2.1" || s.ReadBy.Last != "2.2" {
		t.Errorf("%+v", s)
	}
	if err := os.RemoveAll(filepath.Join(filepath.Dir(checkpoints[0]), "shared")); err != nil {
		t.Fatal(err)
	}
	if s := read().Summary; s.References.NotFound == 0 || s.References.ByTail != 0 {
		t.Errorf("%+v", s)
	}
}

// TestInspectManyDirectories: more directories than are asked for are still all found.
func TestInspectManyDirectories(t *testing.T) {
	const job = "0123456789abcdef0123456789abcdef"
	const n = 300
	dir := crafted(t, &metadata.FileHandle{Path: "x"}, func(c *metadata.Checkpoint) {
		o := &c.Operators[0]
		o.Parallelism, o.MaxParallelism, o.Subtasks = n, n, nil
		for i := range int32(n) {
			path := metadata.UTF("s3://old/flink/" + job + "/shared/job_" + job + "_op_" + strings.Repeat("ab", 16) + "_" + strconv.Itoa(int(i)) + "_300/f")
			o.Subtasks = append(o.Subtasks, metadata.SubtaskState{Index: i, ManagedOperator: &metadata.OperatorStateHandle{
				Delegate: &metadata.SegmentHandle{Path: path, LogicalFile: "l", Size: 1, Scope: metadata.Shared}}})
		}
	})
	for i := range n {
		sub := filepath.Join(filepath.Dir(dir), "shared", "job_"+job+"_op_"+strings.Repeat("ab", 16)+"_"+strconv.Itoa(i)+"_300")
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sub, "f"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := ckpt(t, "inspect", dir, "-o", "table").want(t, OK)
	if !strings.Contains(r.out, "300 references (300 B) to be looked for below") || strings.Contains(r.out, "not found") {
		t.Error(r.out)
	}
	r = ckpt(t, "inspect", dir, "-o", "json").want(t, OK)
	if got := strings.Count(r.out, `"resolvedPath"`); got != n {
		t.Errorf("%d files were found", got)
	}
}

// TestInspectMissingFiles: in a copied tree of which files are gone, only those that are
// there are said to be found.
func TestInspectMissingFiles(t *testing.T) {
	root := testdata.Tree(t, "2.0.0/rescale-claim")
	dirs, err := filepath.Glob(filepath.Join(root, "*", "chk-3"))
	if err != nil || len(dirs) != 1 {
		t.Fatal(dirs, err)
	}
	var files filesDocument
	ckpt(t, "inspect", dirs[0], "--files", "-o", "json").want(t, OK).decode(t, &files)
	missing := 0
	for _, f := range files.Files {
		where := f.Path
		if f.ResolvedPath != nil {
			where = *f.ResolvedPath
		}
		_, err := os.Stat(where)
		if f.ResolvedPath != nil && err != nil {
			t.Errorf("%s was found, and is not there", where)
		}
		if err != nil {
			missing++
		}
	}
	if missing != 15 { // as Flink left it: the claiming job deleted them
		t.Errorf("%d of %d references have no file", missing, len(files.Files))
	}
}

type filesDocument struct{ Files []fileJSON }

// TestInspectBrokenBytes: the document is whole though the file is not.
func TestInspectBrokenBytes(t *testing.T) {
	for _, name := range []string{"truncated-middle", "trailing-bytes", "version-7", "jpeg"} {
		r := ckpt(t, "inspect", filepath.Join(testdata.Root(t), "bad", name), "--bytes", "-o", "json").want(t, Unreadable)
		var doc struct {
			Complete *bool
			Bytes    []byteRange
		}
		if r.decode(t, &doc); doc.Complete == nil || *doc.Complete {
			t.Errorf("%s: %s", name, r.out)
		}
	}
}
