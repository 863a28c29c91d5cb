//go:build live

package relocate_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/testdata"
)

// rounds is how many rounds of the job the generator puts into a snapshot.
const rounds = 3

// kinds are the kinds of snapshots that the generator writes for copies.
var kinds = []string{"incremental", "inline", "merging", "changelog", "materialized", "heap", "canonical", "native"}

// restored is one copy that Flink is to restore.
type restored struct {
	kind, mode string
	form       relocate.Form
}

func (r restored) String() string { return fmt.Sprintf("%s-%s-%s", r.kind, r.mode, r.form) }

// changelog tells whether Flink takes files of the copy over, whatever the claim mode.
func (r restored) changelog() bool { return r.kind == "changelog" || r.kind == "materialized" }

// copies are the copies to make: each kind with CLAIM, in which Flink takes over the most,
// those with shared files in each claim mode that this Flink has for them, and some that
// keep the layout.
func copies(version string) []restored {
	var all []restored
	for _, kind := range kinds {
		modes := []string{"CLAIM"}
		switch kind {
		case "incremental", "merging", "native":
			modes = append(modes, "NO_CLAIM")
			fallthrough
		case "changelog", "materialized": // with NO_CLAIM, Flink itself refuses these
			if strings.HasPrefix(version, "1.") {
				modes = append(modes, "LEGACY")
			}
		}
		for _, mode := range modes {
			all = append(all, restored{kind, mode, relocate.SelfContained})
		}
	}
	for _, kind := range []string{"incremental", "merging", "materialized"} {
		all = append(all, restored{kind, "CLAIM", relocate.KeepLayout})
	}
	return all
}

// TestFlinkRestores lets real Flink write snapshots, copies them, deletes the originals,
// and lets Flink restore the copies. The job goes on, and its state must be right; then
// the copies go, and it must be right once more when the checkpoints are restored that
// Flink made in the meantime: they must not depend on a copy but where Flink took it over.
func TestFlinkRestores(t *testing.T) {
	for _, version := range []string{"1.20.0", "2.2.0"} {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			var lines []string
			for _, kind := range kinds {
				lines = append(lines, fmt.Sprintf("write\t%s\t%s", kind, filepath.Join(dir, "source", kind)))
			}
			sources := flink(t, version, dir, lines)

			all := copies(version)
			lines = nil
			for _, r := range all {
				to := filepath.Join(dir, "copy", r.String())
				plan, _, err := newWorld().copy(t.Context(), sources[filepath.Join(dir, "source", r.kind)], to, r.form)
				if err != nil {
					t.Fatalf("%s: %v", r, err)
				}
				if want := r.form == relocate.SelfContained && !r.changelog(); plan.Relocatable != want {
					t.Errorf("%s: relocatable is %v", r, plan.Relocatable)
				}
				from := filepath.Join(to, plan.Dir)
				if plan.Relocatable { // by whatever tool
					from = filepath.Join(dir, "moved", r.String())
					move(t, to, from)
				}
				lines = append(lines, fmt.Sprintf("restore\t%s\tfile:%s\t%s\t%s\t%d", r.kind, from, r.mode, filepath.Join(dir, "first", r.String()), rounds))
			}
			remove(t, filepath.Join(dir, "source"))
			first := flink(t, version, dir, lines)

			remove(t, filepath.Join(dir, "moved"))
			lines = nil
			for _, r := range all {
				mode := "NO_CLAIM"
				if r.changelog() {
					mode = "CLAIM"
				}
				at := filepath.Join(dir, "first", r.String())
				lines = append(lines, fmt.Sprintf("restore\t%s\tfile:%s\t%s\t%s\t%d", r.kind, first[at], mode, filepath.Join(dir, "second", r.String()), rounds+2))
			}
			flink(t, version, dir, lines)
		})
	}
}

// flink runs the lines, and gives the snapshot of each by its directory.
func flink(t *testing.T, version, dir string, lines []string) map[string]string {
	t.Helper()
	list := filepath.Join(dir, "lines.lst")
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	c := exec.CommandContext(t.Context(), filepath.Join(testdata.Root(t), "generator", "fx.sh"), "Relocation", version, filepath.Join(dir, "local"), list)
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), log.String())
	}
	found := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 && f[0] == "SNAPSHOT" {
			found[f[1]] = strings.TrimPrefix(f[2], "file:")
		}
	}
	if len(found) != len(lines) {
		t.Fatalf("%d snapshots of %d lines\n%s", len(found), len(lines), out.String())
	}
	return found
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}
