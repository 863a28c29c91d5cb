package flinkconf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// write makes a directory with files of that content, by name.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, name, content string) *Config {
	t.Helper()
	c, err := Load(filepath.Join(write(t, map[string]string{name: content}), name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func all(c *Config) map[string]string {
	found := map[string]string{}
	for _, key := range c.Keys() {
		found[key] = c.entries[key].value
	}
	return found
}

// The expectations of both tables are what Flink 1.20.0 reads.
var (
	lines = map[string]struct {
		text     string
		want     map[string]string
		warnings int
	}{
		"plain":          {"a: 1\nb.c : x y \r\n\n", map[string]string{"a": "1", "b.c": "x y"}, 0},
		"comments":       {"# a: 1\nb: 2 # two\nc: 3#three\nd: #\n", map[string]string{"b": "2", "c": "3"}, 1},
		"colons":         {"a: hdfs://nn:8020/x: y\nb:c: d\n", map[string]string{"a": "hdfs://nn:8020/x: y", "b:c": "d"}, 0},
		"no space":       {"a:1\nb\n: 2\nc: 3", map[string]string{"c": "3"}, 3},
		"quotes":         {"a: \"1\"\nb: 'x'\n", map[string]string{"a": `"1"`, "b": "'x'"}, 0},
		"twice":          {"a: 1\na: 2\n", map[string]string{"a": "2"}, 1},
		"nested":         {"a:\n  b: 1\n", map[string]string{"b": "1"}, 1},
		"tabs":           {"\ta: 1\t\nb:\t2\n", map[string]string{"a": "1"}, 1},
		"carriage":       {"a: 1\rb: 2", map[string]string{"a": "1", "b": "2"}, 0},
		"letters":        {"a: ü 世界\n", map[string]string{"a": "ü 世界"}, 0},
		"nothing":        {"", map[string]string{}, 0},
		"not UTF-8 text": {"a: \xff\n", map[string]string{"a": "\xff"}, 0},
	}
	documents = map[string]struct {
		text     string
		want     map[string]string
		warnings int
	}{
		"flat":      {"a.b: 1\na.c: x y # z\n", map[string]string{"a.b": "1", "a.c": "x y"}, 0},
		"nested":    {"a:\n  b:\n    c: 1\n  d: 2\na.e: 3\n", map[string]string{"a.b.c": "1", "a.d": "2", "a.e": "3"}, 0},
		"flow":      {"a: {b: 1, c: [x, y]}\n", map[string]string{"a.b": "1", "a.c": "x;y"}, 0},
		"lists":     {"a:\n  - x;y\n  - it's\n  - z\n", map[string]string{"a": "'x;y';'it''s';z"}, 0},
		"maps":      {"a: [{k: v, l: w}, 2, [x, y]]\n", map[string]string{"a": "{k: v, l: w};2;[x, y]"}, 0},
		"quotes":    {"a: \"1\"\nb: 'x # y'\n\"c.d\": e\n", map[string]string{"a": "1", "b": "x # y", "c.d": "e"}, 0},
		"numbers":   {"a: 007\nb: 0x1f\nc: 0o17\nd: -5\ne: 0.4\nf: 12345678901234567890\n", map[string]string{"a": "7", "b": "31", "c": "15", "d": "-5", "e": "0.4", "f": "12345678901234567890"}, 0},
		"words":     {"a: True\nb: yes\nc: 10 min\nd: 2020-01-01\ne: 1_000\n", map[string]string{"a": "true", "b": "yes", "c": "10 min", "d": "2020-01-01", "e": "1_000"}, 0},
		"nulls":     {"a:\nb: ~\nc: null\nd: 1\n", map[string]string{"d": "1"}, 3},
		"anchors":   {"a: &x {b: 1}\nc: *x\n", map[string]string{"a.b": "1", "c.b": "1"}, 0},
		"texts":     {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", map[string]string{"a": "x\ny\n", "b": "x y"}, 0},
		"colons":    {"a: hdfs://nn:8020/x\n", map[string]string{"a": "hdfs://nn:8020/x"}, 0},
		"both":      {"a.b: 1\na:\n  b: 2\n", map[string]string{"a.b": "2"}, 1},
		"empty":     {"", map[string]string{}, 0},
		"comment":   {"# nothing\n", map[string]string{}, 0},
		"document":  {"---\na: 1\n", map[string]string{"a": "1"}, 0},
		"CRLF":      {"a: 1\r\nb:\r\n  c: 2\r\n", map[string]string{"a": "1", "b.c": "2"}, 0},
		"empty map": {"a: {}\nb: []\n", map[string]string{"b": ""}, 0},
	}
)

func TestLines(t *testing.T) {
	for name, c := range lines {
		t.Run(name, func(t *testing.T) {
			got := load(t, LegacyFileName, c.text)
			if diff := cmp.Diff(c.want, all(got)); diff != "" || len(got.Warnings()) != c.warnings {
				t.Errorf("%s%q", diff, got.Warnings())
			}
		})
	}
}

func TestDocuments(t *testing.T) {
	for name, c := range documents {
		t.Run(name, func(t *testing.T) {
			got := load(t, FileName, c.text)
			if diff := cmp.Diff(c.want, all(got)); diff != "" || len(got.Warnings()) != c.warnings {
				t.Errorf("%s%q", diff, got.Warnings())
			}
		})
	}
}

func TestBadDocuments(t *testing.T) {
	for text, line := range map[string]int{
		"a: 1\nb: [password\n":     2,
		"a: 1\na: password\n":      2,
		"- a\n":                    1,
		"password":                 1,
		"a: 1\n---\nb: password\n": 3,
		"a: *password\n":           1,
		"a:\n\t- password":         2,
		"a: &x [*x]\n":             1,
		"a: &x {b: *x}\n":          1,
	} {
		path := filepath.Join(write(t, map[string]string{FileName: text}), FileName)
		c, err := Load(path)
		var e *Error
		if !errors.As(err, &e) || e.Path != path || e.Line != line || e.ErrPath() != path || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q: %v, %v", text, c, err)
			continue
		}
		if strings.Contains(e.Message, "password") && !strings.Contains(text, "*") {
			t.Errorf("%q: the message %q shows what it must not", text, e.Message)
		}
	}
}

func TestDirectory(t *testing.T) {
	for _, c := range []struct {
		files    map[string]string
		want     string
		warnings int
	}{
		{map[string]string{FileName: "a: new"}, "new", 0},
		{map[string]string{LegacyFileName: "a: old"}, "old", 0},
		{map[string]string{FileName: "a: new", LegacyFileName: "a: old"}, "new", 1},
	} {
		got, err := Load(write(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		if v, _ := got.Lookup("a"); v != c.want || len(got.Warnings()) != c.warnings {
			t.Errorf("%v: %s, %q", c.files, v, got.Warnings())
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nothing")} {
		if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct {
		text, ask, want string
		warnings        int
	}{
		{"state.checkpoints.dir: old", "execution.checkpointing.dir", "old", 0},
		{"execution.checkpointing.dir: new", "state.backend.fs.checkpointdir", "new", 0},
		{"state.backend.fs.checkpointdir: oldest\nstate.checkpoints.dir: old", "execution.checkpointing.dir", "old", 1},
		{"state.checkpoints.dir: old\nexecution.checkpointing.dir: new", "state.checkpoints.dir", "new", 1},
		{"state.checkpoints.dir: same\nexecution.checkpointing.dir: same", "state.checkpoints.dir", "same", 0},
		{"dstl.dfs.base-path: p", "state.changelog.dstl.dfs.base-path", "p", 0},
		{"state.changelog.dstl.dfs.base-path: p", "dstl.dfs.base-path", "p", 0},
		{"state.backend.changelog.enabled: x", "state.changelog.enabled", "x", 0},
		{"state.backend: rocksdb", "state.backend.type", "rocksdb", 0},
		{"s3.access.key: k", "s3.access-key", "k", 0},
		{"fs.s3a.secret.key: k", "s3.secret-key", "k", 0},
		{"s3.path-style-access: x", "s3.path.style.access", "x", 0},
		{"fs.s3a.endpoint: e\ns3.endpoint: f", "s3.endpoint", "f", 1},
		{"s3.entropy.key: _e_", "s3.entropy.key", "_e_", 0},
		{"my.key: x", "my.key", "x", 0},
		{"my.key: x", "my", "", 0},
	} {
		got := load(t, LegacyFileName, c.text)
		if v, ok := got.Lookup(c.ask); v != c.want || ok != (c.want != "") || len(got.Warnings()) != c.warnings {
			t.Errorf("%s in %q: %q, %q", c.ask, c.text, v, got.Warnings())
		}
	}
}

// TestOneKey: no spelling belongs to two keys.
func TestOneKey(t *testing.T) {
	for _, group := range renamed {
		for _, key := range group {
			if got := Spellings(key); got[0] != group[0] {
				t.Errorf("%s belongs to %s and %s", key, group[0], got[0])
			}
		}
	}
	for _, key := range []string{"state.changelog.storage", "dstl.dfs.x", "s3a.access.key", "presto.s3.access-key", "other"} {
		for _, spelling := range Spellings(key) {
			if diff := cmp.Diff(Spellings(key), Spellings(spelling)); diff != "" {
				t.Errorf("%s and %s: %s", key, spelling, diff)
			}
		}
	}
}

func TestSet(t *testing.T) {
	var c Config
	c.Set("state.checkpoints.dir", "x")
	if v, ok := c.Lookup("execution.checkpointing.dir"); !ok || v != "x" || c.Origin("execution.checkpointing.dir") != "-D" {
		t.Errorf("%q %v", v, ok)
	}
	file := load(t, FileName, "execution.checkpointing.dir: new\ns3.secret-key: hush\n")
	file.Set("state.checkpoints.dir", "x")
	file.Set("s3.secret.key", "hush-hush")
	if v, _ := file.Lookup("state.checkpoints.dir"); v != "new" {
		t.Errorf("got %q", v)
	}
	warnings := strings.Join(file.Warnings(), "\n")
	if !strings.Contains(warnings, "config.yaml:1: execution.checkpointing.dir counts, and not state.checkpoints.dir (-D)") || strings.Contains(warnings, "hush") {
		t.Error(warnings)
	}
}

func TestValues(t *testing.T) {
	c := load(t, LegacyFileName, "size: 20kb\ntime: 10 min\nyes: TRUE\nint: -7\nbad: 1 x\npassword: hush\nhuge: 99999999 tb\n")
	c.Set("bare", "5")
	if v, err := c.Bytes("size", 0); v != 20<<10 || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Bytes("bare", 0); v != 5 || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Duration("time", 0); v != 10*time.Minute || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Duration("bare", 0); v != 5*time.Millisecond || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Bool("yes", false); !v || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Int("int", 0); v != -7 || err != nil {
		t.Error(v, err)
	}
	if v, err := c.Int("absent", 9); v != 9 || err != nil {
		t.Error(v, err)
	}
	for _, key := range []string{"bad", "password", "huge"} {
		_, err := c.Bytes(key, 0)
		var e *Error
		if !errors.As(err, &e) || e.Key != key || !strings.Contains(err.Error(), LegacyFileName+":") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := c.Bool("int", false); err == nil {
		t.Error("-7 is no truth")
	}
}

func TestRedacted(t *testing.T) {
	for key, want := range map[string]bool{
		"s3.secret-key": true, "S3.SECRET.key": true, "fs.azure.account.key.x": true, "security.ssl.keystore-PASSWORD": true,
		"metrics.reporter.dghttp.apikey": true, "s3.access-key": false, "state.checkpoints.dir": false,
	} {
		if Redacted(key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, c := range lines {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Config{entries: map[string]entry{}}
		c.readLines(LegacyFileName, data)
		check(t, c)
	})
}

func FuzzDocuments(f *testing.F) {
	for _, c := range documents {
		f.Add([]byte(c.text))
	}
	for _, text := range []string{"a: &x [*x]", "a: !!binary x", "? {a: b}\n: c", "<<: *a", "%YAML 1.2\n---\n", "a: &", "&a: *a"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &Config{entries: map[string]entry{}}
		if err := c.readYAML(FileName, data); err == nil {
			check(t, c)
		}
	})
}

// check is what holds of each configuration.
func check(t *testing.T, c *Config) {
	_ = c.Warnings()
	for _, key := range c.Keys() {
		if v, ok := c.entries[key]; !ok || v.origin == "" {
			t.Errorf("%q comes from nowhere", key)
		}
		_, _ = c.Bytes(key, 0)
		_, _ = c.Duration(key, 0)
	}
}
