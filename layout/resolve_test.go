package layout

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

func TestAbsolutePath(t *testing.T) {
	const sp = "savepoint-0dabe5-06ac01f92faa"
	for name, c := range map[string]struct {
		root   string // /root
		exist  []string
		maps   []string
		dir    string // A/chk-1
		path   string
		want   string // key or URL
		how    How
		jobDir string
	}{
		"as it stands":            {exist: []string{"A/shared/x"}, path: "/root/A/shared/x", want: "A/shared/x", how: Exact},
		"other spelling":          {path: "file:/root//A/shared/x", want: "A/shared/x", how: Exact},
		"yet another":             {path: "file:///root/A/x", want: "A/x", how: Exact},
		"s3 family":               {root: "s3://b/cp", path: "s3a://b/cp/A/shared/x", want: "A/shared/x", how: Exact},
		"missing stays missing":   {exist: []string{"copy/A/shared/x"}, path: "/root/A/shared/x", want: "A/shared/x", how: Exact},
		"another bucket":          {root: "s3://b/cp", path: "s3://c/cp/A/shared/x", want: "s3://c/cp/A/shared/x", how: Outside},
		"a name that only starts": {path: "/rootless/A/shared/x", want: "/rootless/A/shared/x", how: Outside},
		"not percent-encoded":     {exist: []string{"A/a b%20/x"}, path: "file:/old/A/a b%20/x", want: "A/a b%20/x", how: ByTail},

		"tail":                        {exist: []string{"A/shared/x"}, path: "s3://b/deep/A/shared/x", want: "A/shared/x", how: ByTail},
		"tail that is not there":      {path: "s3://b/deep/A/shared/x", want: "s3://b/deep/A/shared/x", how: Outside},
		"longer tail":                 {exist: []string{"changelog/A/dstl/x"}, path: "hdfs://nn/flink/changelog/A/dstl/x", want: "changelog/A/dstl/x", how: ByTail},
		"tail of another job":         {exist: []string{"B/shared/x"}, path: "/old/B/shared/x", want: "B/shared/x", how: ByTail},
		"tail of a savepoint":         {exist: []string{"sp/" + sp + "/x"}, path: "/old/sp/" + sp + "/x", want: "sp/" + sp + "/x", how: ByTail},
		"no tail without a job":       {exist: []string{"shared/x"}, path: "/old/shared/x", want: "/old/shared/x", how: Outside},
		"the job is not the file":     {exist: []string{"A"}, path: "/old/A", want: "/old/A", how: Outside},
		"by the job's directory":      {exist: []string{"moved/A/dstl/x"}, path: "/old/A/dstl/x", jobDir: "moved/A", want: "moved/A/dstl/x", how: ByTail},
		"tail at two places":          {exist: []string{"x/A/shared/y", "moved/A/shared/y"}, path: "/old/x/A/shared/y", jobDir: "moved/A", dir: "A/chk-1", how: "ambiguous"},
		"the copy beside":             {exist: []string{"x/A/shared/y", "moved/A/shared/y"}, path: "/old/x/A/shared/y", jobDir: "moved/A", dir: "moved/A/chk-1", want: "moved/A/shared/y", how: ByTail},
		"mapped":                      {maps: []string{"s3://b/cp=/root"}, path: "s3a://b/cp/A/shared/x", want: "A/shared/x", how: Mapped},
		"mapped elsewhere":            {maps: []string{"/old=s3://new/"}, exist: []string{"A/x"}, path: "/old/A/x", want: "s3://new/A/x", how: Mapped},
		"mapped away from the root":   {maps: []string{"/root=/other"}, path: "/root/A/x", want: "/other/A/x", how: Mapped},
		"the longest mapping":         {maps: []string{"/old=/root/one", "/old/x=/root/two"}, path: "/old/x/y", want: "two/y", how: Mapped},
		"mappings end at an element":  {maps: []string{"/old=/root/one"}, path: "/older/x", want: "/older/x", how: Outside},
		"the bucket as root":          {root: "s3://b", path: "s3://b/xK2f/cp/A/chk-1/x", want: "xK2f/cp/A/chk-1/x", how: Exact},
		"no way out through dots":     {path: "/root/A/../../etc/passwd", want: "/etc/passwd", how: Outside},
		"no way out of a tail either": {exist: []string{"passwd"}, path: "/old/A/shared/../../../passwd", want: "/passwd", how: Outside},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Resolver{Root: "/root", Exists: func(key string) (bool, error) { return slices.Contains(expand(c.exist), key), nil }}
			if c.root != "" {
				r.Root = c.root
			}
			for _, m := range c.maps {
				mapping, err := ParseMapping(m)
				if err != nil {
					t.Fatal(err)
				}
				r.Maps = append(r.Maps, mapping)
			}
			if c.jobDir != "" {
				r.JobDirs = func(JobID) []string { return expand([]string{c.jobDir}) }
			}
			if c.dir == "" {
				c.dir = "A/chk-1"
			}
			got, err := r.AbsolutePath(expand([]string{c.dir})[0], expand([]string{c.path})[0])
			var ambiguous *AmbiguousError
			if errors.As(err, &ambiguous) && c.how == "ambiguous" && len(ambiguous.Candidates) == 2 {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Location{How: c.how, Key: expand([]string{c.want})[0]}
			want.URL = Join(r.Root, want.Key)
			if strings.HasPrefix(c.want, "/") || strings.Contains(c.want, "://") { // not below the root
				want.URL, want.Key = want.Key, ""
			}
			if got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
	r := &Resolver{Root: "/root", Exists: func(string) (bool, error) { return false, fs.ErrPermission }}
	if got, err := r.AbsolutePath("", "/old/"+jobA+"/x"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("existence not known, but got %+v, %v", got, err)
	}
}

func TestRelativePath(t *testing.T) {
	r := &Resolver{Root: "/root"}
	for p, want := range map[string]string{"x": "chk-1/x", "./a//x": "chk-1/a/x", "a b%20": "chk-1/a b%20"} {
		if got, err := r.RelativePath("chk-1", p); err != nil || got != (Location{"/root/" + want, want, Relative}) {
			t.Errorf("%s: got %+v, %v", p, got, err)
		}
	}
	if got, err := r.RelativePath("", "x"); err != nil || got.Key != "x" {
		t.Errorf("at the root: got %+v, %v", got, err)
	}
	for _, p := range []string{"", ".", "..", "../x", "a/../../x", "a/..", "/etc/passwd", "a\x00"} {
		var not *NotCheckpointError
		if got, err := r.RelativePath("chk-1", p); !errors.As(err, &not) {
			t.Errorf("%q: got %+v, %v", p, got, err)
		}
	}
}

func TestParseMapping(t *testing.T) {
	if m, err := ParseMapping("s3a://b/cp/=file:///data//cp"); err != nil || m != (Mapping{"s3://b/cp", "/data/cp"}) {
		t.Errorf("got %+v, %v", m, err)
	}
	for _, s := range []string{"", "=", "a", "a=", "=b"} {
		if m, err := ParseMapping(s); err == nil {
			t.Errorf("%q: got %+v", s, m)
		}
	}
}

// Every path in a real tree, all of which were copied from elsewhere, leads to the
// file that the tree's own list of references names.
func TestResolveRealTrees(t *testing.T) {
	trees, paths := 0, 0
	for _, root := range roots(t) {
		err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
			tree, ok := strings.CutSuffix(file, ".refs.json")
			if err != nil || !ok {
				return err
			}
			trees++
			paths += resolveTree(t, tree, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if trees < 20 || paths < 1000 {
		t.Errorf("only %d trees with %d paths", trees, paths)
	}
}

func resolveTree(t *testing.T, tree, refs string) (paths int) {
	var want struct {
		Referenced map[string][]string
		Missing    map[string][]string
	}
	data, err := os.ReadFile(refs)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("%s: %v", refs, err)
	}
	s := realStore(tree)
	inv := scan(t, s)
	r := &Resolver{Root: s.url, JobDirs: inv.Dirs, Exists: func(key string) (bool, error) {
		_, err := fs.Stat(s.FS, key)
		return err == nil, nil
	}}
	for _, snapshot := range inv.Snapshots {
		if snapshot.Metadata == nil {
			continue
		}
		for p, relative := range pathsOf(t, filepath.Join(tree, snapshot.MetadataKey())) {
			paths++
			resolve := r.AbsolutePath
			if relative {
				resolve = r.RelativePath
			}
			loc, err := resolve(snapshot.Dir, p)
			if err != nil {
				t.Errorf("%s: %s: %v", tree, p, err)
				continue
			}
			missing := slices.ContainsFunc(want.Missing[snapshot.Dir], func(m string) bool { return strings.HasSuffix(p, m) })
			if !slices.Contains(want.Referenced[loc.Key], snapshot.Dir) && !missing {
				t.Errorf("%s: %s of %s leads to %+v", tree, p, snapshot.Dir, loc)
			}
		}
	}
	return paths
}

// pathsOf are the files that a _metadata names, and whether by a relative path.
func pathsOf(t *testing.T, file string) map[string]bool {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	paths := make(map[string]bool)
	for _, h := range c.Walk() {
		if h, ok := h.(metadata.StreamHandle); ok {
			if p, relative := PathOf(h); p != "" {
				paths[p] = relative
			}
		}
	}
	return paths
}
