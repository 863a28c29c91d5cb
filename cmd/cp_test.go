package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/spf13/cobra"
)

// TestFlinkRoot: an absolute path in a copy begins as Flink would write it.
func TestFlinkRoot(t *testing.T) {
	for _, test := range []struct{ as, dst, where, want string }{
		{"", "copy", "/data/copy", "file:/data/copy"},
		{"", "file:///data//copy/", "/data/copy", "file:/data/copy"},
		{"", "s3a://bucket//copy/", "s3://bucket/copy", "s3a://bucket/copy"},
		{"", "S3P://bucket/copy", "s3://bucket/copy", "s3p://bucket/copy"},
		{"", "abfss://c@a.dfs.core.windows.net/copy", "abfs://c@a.dfs.core.windows.net/copy", "abfss://c@a.dfs.core.windows.net/copy"},
		{"hdfs://nn:8020/x/", "/mnt/x", "/mnt/x", "hdfs://nn:8020/x"},
		{"/data/../flink", "/mnt/x", "/mnt/x", "file:/flink"},
	} {
		if got, err := flinkRoot(test.as, test.dst, test.where); err != nil || got != test.want {
			t.Errorf("--as %q, %s: %s, %v; want %s", test.as, test.dst, got, err, test.want)
		}
	}
	for url, want := range map[string]bool{"file:/x": true, "s3a://b/x": true, "gs://b/x": true, "azblob://c/x": false, "webhdfs://nn/x": false} {
		if flinkReads(url) != want {
			t.Errorf("%s: want %v", url, want)
		}
	}
}

// TestCpThroughLink: a destination within the source is refused by whatever way it is
// named, and the source stays as it was.
func TestCpThroughLink(t *testing.T) {
	tree := testdata.Tree(t, "2.2.0/small-files")
	found, err := filepath.Glob(filepath.Join(tree, "*", "chk-3"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(found[0], link); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(found[0])
	if err != nil {
		t.Fatal(err)
	}
	r := ckpt(t, "cp", found[0], filepath.Join(link, "copy")).want(t, Usage)
	if !strings.Contains(r.err, "lies within the source") {
		t.Error(r.err)
	}
	if after, err := os.ReadDir(found[0]); err != nil || len(after) != len(before) {
		t.Errorf("%d entries became %d", len(before), len(after))
	}
}

// TestMvOrder: the source is asked for before anything is copied, and deleted after the
// copy is whole, if at all.
func TestMvOrder(t *testing.T) {
	refused := errors.New("it stays")
	for name, test := range map[string]struct {
		may, done error // what the two calls answer
		args      []string
		calls     string
		copied    bool
		code      Code
	}{
		"a plan":              {args: nil, calls: "ask"},
		"done":                {args: []string{"--apply"}, calls: "ask delete", copied: true},
		"dry run wins":        {args: []string{"--apply", "--dry-run"}, calls: "ask"},
		"refused":             {may: refused, args: []string{"--apply"}, calls: "ask", code: Failed},
		"deleting has failed": {done: refused, args: []string{"--apply"}, calls: "ask delete", copied: true, code: Failed},
	} {
		t.Run(name, func(t *testing.T) {
			dst := filepath.Join(t.TempDir(), "copy")
			var calls []string
			remove := func(_ context.Context, _ *Env, _ *cobra.Command, _ *rmOptions, source string, apply bool) (*removal, error) {
				if layout.ParsePlace(source).Path != source || filepath.Base(source) != "chk-3" {
					t.Errorf("source %s", source)
				}
				_, err := os.Stat(filepath.Join(dst, layout.MetadataName))
				if apply != (err == nil) {
					t.Errorf("apply is %v, and the _metadata of the copy: %v", apply, err)
				}
				if apply {
					calls = append(calls, "delete")
					return &removal{}, test.done
				}
				calls = append(calls, "ask")
				return &removal{}, test.may
			}
			err := runMove(t, remove, append([]string{"latest:" + filepath.Join(testdata.Root(t), "flink", "2.2.0", "small-files"), dst}, test.args...))
			if got := entryOf(err).code; err != nil && got != test.code || err == nil && test.code != OK {
				t.Errorf("%v", err)
			}
			if got := strings.Join(calls, " "); got != test.calls {
				t.Errorf("calls: %s; want %s", got, test.calls)
			}
			if _, err := os.Stat(dst); (err == nil) != test.copied {
				t.Errorf("the copy: %v", err)
			}
		})
	}
}

// runMove runs mv with another way to delete.
func runMove(t *testing.T, remove removeAfterMove, args []string) error {
	t.Helper()
	env := call{}.world(args)
	var out, errs strings.Builder
	env.Out, env.Err = &out, &errs
	env.Log, env.Output = newLogger(env.Err, false, 0), JSON
	c := newMvCommand(env, remove)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	return c.ExecuteContext(t.Context())
}
