//go:build live

package metadata_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/metadata/flinkjson"
	"github.com/ckpt-tool/ckpt/testdata"
)

// TestFlinkReads gives what Encode wrote to Flink's own loader: handles that no
// Flink writes any more, a file of each version, one with changed properties, and a
// large one. The loader must see exactly what was meant.
func TestFlinkReads(t *testing.T) {
	written := handMade()
	for version, data := range ofEachVersion(t) {
		c, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if c.ID += 7; c.Properties != nil {
			c.Properties.DiscardFailed = !c.Properties.DiscardFailed
		}
		t.Logf("version %d: %d operators", version, len(c.Operators))
		written = append(written, c)
	}
	written = append(written, testdata.Large(3, 20, 10))

	args := []string{"dump"}
	var dirs []string
	for i, c := range written {
		dir := filepath.Join(t.TempDir(), strconv.Itoa(i))
		data, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
		args = append(args, dir, filepath.Join(dir, "oracle.json"))
	}
	peer := filepath.Join(testdata.Root(t), "generator", "peer.sh")
	if out, err := exec.Command(peer, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, dir := range dirs {
		want := parseJSON(t, read(t, filepath.Join(dir, "oracle.json")))
		if want["error"] != nil {
			t.Errorf("%d (version %d): Flink refuses it: %v", i, written[i].Version, want["error"])
			continue
		}
		data := read(t, filepath.Join(dir, "_metadata"))
		c, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := flinkjson.Write(&out, c, data, flinkjson.Options{ExclusiveDir: "file:" + dir}); err != nil {
			t.Fatal(err)
		}
		compare(t, strconv.Itoa(i), want, parseJSON(t, out.Bytes()))
	}
}

// ofEachVersion is a small real file of each version.
func ofEachVersion(t *testing.T) map[byte][]byte {
	files := map[byte][]byte{}
	for _, data := range small(t, 20000) {
		if old := files[data[7]]; old == nil || len(data) < len(old) {
			files[data[7]] = data
		}
	}
	if len(files) != metadata.MaxVersion-metadata.MinVersion+1 {
		t.Fatalf("files of %d versions", len(files))
	}
	return files
}
