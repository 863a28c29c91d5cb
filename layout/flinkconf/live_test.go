//go:build live

package flinkconf

import (
	"bytes"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// TestLiveFlink gives the documents to Flink's own loader, which must read the same.
// Lists are spelled differently, so that what counts is how Flink takes them apart.
func TestLiveFlink(t *testing.T) {
	var names, args []string
	for name, c := range documents {
		names = append(names, name)
		args = append(args, write(t, map[string]string{FileName: c.text}))
	}
	for i, said := range dump(t, args...) {
		c := documents[names[i]]
		refused := c.warnings > 0 && strings.Contains(names[i], "nulls") // which is what the warning says
		if said == nil {
			if !refused {
				t.Errorf("%s: Flink refuses it", names[i])
			}
			continue
		}
		if names[i] == "both" {
			continue // Flink takes one or the other, by chance
		}
		got := map[string]string{}
		for _, v := range said {
			got[v.key] = v.value
			if strings.HasPrefix(v.value, "[") {
				got[v.key] = joined(v.list)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", names[i], diff)
		}
	}
}

type dumped struct{ key, value, list string }

func joined(list string) string {
	if list == "" {
		return ""
	}
	var parts []string
	for _, part := range strings.Split(list, "\n") {
		parts = append(parts, quote(part))
	}
	return strings.Join(parts, ";")
}

// dump is what Flink reads in each directory, nil where it refuses.
func dump(t *testing.T, dirs ...string) (all [][]dumped) {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	root := testdata.Root(t)
	// Any command of the peer makes it fetch Flink first.
	if out, err := exec.Command(filepath.Join(root, "generator", "peer.sh"), "dump").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	args := append([]string{"-cp", filepath.Join(root, "generator", "target", "peer", "lib", "*"), filepath.Join(root, "flinkconf", "ConfDump.java")}, dirs...)
	cmd := exec.Command("java", args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		switch words[0] {
		case "dir":
			all = append(all, []dumped{})
		case "error":
			all[len(all)-1] = nil
		case "value":
			all[len(all)-1] = append(all[len(all)-1], dumped{decode(t, words[1]), decode(t, words[2]), decode(t, words[3])})
		}
	}
	return slices.Clip(all)
}

func decode(t *testing.T, word string) string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(word[1:])
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
