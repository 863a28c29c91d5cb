package testdata

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// StateOracle is a snapshot and all entries of its state as somebody else knows them: a file of JSON lines, sorted.
type StateOracle struct {
	Case     string // of the tree: "2.2.0/async-forst"
	Name     string // of the snapshot below the tree, with slashes
	Version  string // of Flink, that wrote it
	Dir      string // holds _metadata
	Metadata string // the _metadata itself
	Oracle   string // the file of the entries, .jsonl or .jsonl.gz
	// Expected says that the entries were computed from the input of the job, because the State Processor API reads no
	// changelogs. Otherwise that API read them.
	Expected bool
	// TruthFrom says where entries that are no dump of this snapshot came from: the same job on another backend, with the
	// same keyed state. Where timers lie may differ.
	TruthFrom string
	// Types is the file of the serializers of each state, or "".
	Types string
}

// StateOracles are those of flink/ and of [Fixtures]; a snapshot that both hold comes once. It fails the test where a
// root has none.
func StateOracles(tb testing.TB) []StateOracle {
	tb.Helper()
	roots := []string{filepath.Join(Root(tb), "flink")}
	if dir := Fixtures(tb); dir != "" {
		roots = append(roots, dir)
	}
	var found []StateOracle
	seen := map[string]bool{}
	for _, root := range roots {
		some := false
		for _, s := range Snapshots(tb, root) {
			o, ok, err := s.state()
			if err != nil {
				tb.Fatalf("testdata: %s: %v", s.Name, err)
			}
			some = some || ok
			if key := o.Case + "/" + o.Name; ok && !seen[key] {
				seen[key] = true
				found = append(found, o)
			}
		}
		if !some {
			tb.Fatalf("testdata: no state of a snapshot below %s", root)
		}
	}
	return found
}

// caseNotes is what <case>.case.json says of the oracles.
type caseNotes struct {
	SameStateAs map[string]string // a dump that was left out, and the one that equals it
	TruthFrom   string
}

// state finds the entries beside what Flink's loader read.
func (s Snapshot) state() (StateOracle, bool, error) {
	dir, file := filepath.Split(s.Oracle)
	base := strings.TrimSuffix(file, ".oracle.json")
	name, variant, ok := strings.Cut(filepath.Base(dir), ".oracle")
	o := StateOracle{Version: s.Version, Dir: s.Dir, Metadata: filepath.Join(s.Dir, "_metadata")}
	if !ok {
		return o, false, nil // of Flink's own test jars, which come without entries
	}
	o.Case = s.Version + "/" + name + variant
	o.Name = strings.ReplaceAll(base, "__", "/")
	notes, err := readNotes(filepath.Join(filepath.Dir(filepath.Clean(dir)), name+".case.json"))
	if err != nil {
		return o, false, err
	}
	o.TruthFrom = notes.TruthFrom
	o.Types = firstOf(dir + base + ".types.json")
	o.Oracle = firstOf(dir + base + ".state.jsonl")
	if same := notes.SameStateAs[base+".state.jsonl"]; o.Oracle == "" && same != "" {
		if o.Oracle = firstOf(dir + same); o.Oracle == "" {
			return o, false, errors.New("no " + same)
		}
	}
	if o.Oracle == "" {
		o.Oracle = firstOf(dir + base + ".expected.jsonl")
		o.Expected = o.Oracle != ""
	}
	return o, o.Oracle != "", nil
}

func readNotes(file string) (caseNotes, error) {
	var notes caseNotes
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &notes)
	}
	return notes, err
}

// firstOf is the file, or the file with .gz, or "".
func firstOf(file string) string {
	for _, f := range []string{file, file + ".gz"} {
		if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
			return f
		}
	}
	return ""
}

// ReadUnpacked is the content of a file, unpacked where its name ends in .gz.
func ReadUnpacked(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := readUnpacked(file)
	if err != nil {
		tb.Fatalf("testdata: %s: %v", file, err)
	}
	return data
}

func readUnpacked(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(file, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Entries are the lines of the oracle.
func (o StateOracle) Entries(tb testing.TB) [][]byte {
	tb.Helper()
	data := ReadUnpacked(tb, o.Oracle)
	var lines [][]byte
	for line := range bytes.Lines(data) {
		lines = append(lines, bytes.TrimSuffix(line, []byte("\n")))
	}
	if len(lines) == 0 {
		tb.Fatalf("testdata: %s holds no entries", o.Oracle)
	}
	return lines
}
