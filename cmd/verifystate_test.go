package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// stateFindings are the findings of `verify --level content` of one checkpoint.
func stateFindings(t *testing.T, dir string, code Code) []stateFinding {
	t.Helper()
	var report struct {
		Checkpoints []struct {
			Verdict  string
			Findings []stateFinding
		}
	}
	r := ckpt(t, "verify", dir, "--level", "content", "-o", "json").want(t, code)
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || len(report.Checkpoints) != 1 {
		t.Fatalf("%v: %s", err, r.out)
	}
	return report.Checkpoints[0].Findings
}

type stateFinding struct{ Severity, Path, Reason, Operator, Message, Hint string }

// TestVerifyStateDamage: what only a look at entries and blocks finds is found, and blamed on the file and the operator.
func TestVerifyStateDamage(t *testing.T) {
	for name, c := range map[string]struct {
		tree, end string // the largest file with this end is damaged
		damage    func(data []byte) []byte
		message   string
	}{
		"a bit of a block of a table": {"2.2.0/rocksdb-incremental-small", "\xf7\xcf\xf4\x85\xb7\x41\xe2\x88", flipAt(20), "checksum"},
		"a text that is none":         {"2.2.0/savepoint-native-hashmap", "", breakText, "state"},
	} {
		t.Run(name, func(t *testing.T) {
			root := testdata.Tree(t, c.tree)
			var largest string
			var data []byte
			err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() || d.Name() == "_metadata" {
					return err
				}
				b, err := os.ReadFile(p)
				if len(b) > len(data) && bytes.HasSuffix(b, []byte(c.end)) {
					largest, data = p, b
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(largest, c.damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			r := ckpt(t, "verify", root, "--level", "content", "-o", "json").want(t, Findings)
			if !strings.Contains(r.out, filepath.Base(largest)) || !strings.Contains(r.out, c.message) {
				t.Errorf("%s", r.out)
			}
		})
	}
}

func flipAt(at int) func([]byte) []byte {
	return func(data []byte) []byte {
		data[at] ^= 1
		return data
	}
}

// breakText makes a byte of the first key of a heap stream claim a longer text than there is.
func breakText(data []byte) []byte {
	at := bytes.LastIndex(data, []byte("user-"))
	data[at-1] = 0xff
	return data
}

// TestVerifyStateOpaque: what only the job could decode is told of, and is no damage.
func TestVerifyStateOpaque(t *testing.T) {
	for tree, message := range map[string]string{
		"2.2.0/ds-kryo-hashmap":          "nothing tells where a value of fx2.M$Opaque ends",
		"2.2.0/changelog-memory-storage": "the log does not say of which type the keys are",
	} {
		o := oracleOf(t, tree)
		found := stateFindings(t, o.Dir, OK)
		told := map[string]int{}
		for _, f := range found {
			told[f.Message+f.Path+f.Operator]++
			if f.Severity != "info" {
				t.Errorf("%s: %+v", tree, f)
			}
		}
		if len(found) == 0 || !strings.Contains(found[0].Message, message) {
			t.Errorf("%s: %+v", tree, found)
		}
	}
}
