package types

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/testdata"
)

// sample is a line of testdata/types: a value as Flink's serializer wrote it.
type sample struct {
	name     string
	snapshot []byte
	value    []byte
	length   int
	hash     string // "-" where none is known
	json     string
}

// samples reads testdata/types/<version>.tsv.
func samples(tb testing.TB, version string) []sample {
	tb.Helper()
	f, err := os.Open(filepath.Join(testdata.Root(tb), "types", version+".tsv"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var all []sample
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p := strings.Split(lines.Text(), "\t")
		if len(p) != 6 {
			tb.Fatalf("%d columns: %s", len(p), lines.Text())
		}
		s := sample{name: p[0], hash: p[4], json: p[5]}
		s.snapshot, s.value = unhex(tb, p[1]), unhex(tb, p[2])
		if s.length, err = strconv.Atoi(p[3]); err != nil {
			tb.Fatal(err)
		}
		if len(s.snapshot) == 0 {
			s.snapshot = all[len(all)-1].snapshot
		}
		all = append(all, s)
	}
	if len(all) < 100 || lines.Err() != nil {
		tb.Fatalf("%d values (%v)", len(all), lines.Err())
	}
	return all
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestFlink compares with what Flink's own serializers wrote, at every method.
func TestFlink(t *testing.T) {
	for _, version := range []string{"1.20.0", "2.2.0"} {
		reader := NewReader(&backends.Options{})
		var last []byte
		var typ backends.Type
		all := samples(t, version)
		for i := range all { // the snapshots of a header are read before its values
			if bytes.Equal(all[i].snapshot, last) {
				continue
			}
			last = all[i].snapshot
			_, n, err := reader.ReadSnapshot(last)
			if err != nil || n != len(last) {
				t.Errorf("%s %s: the snapshot of %d bytes ends at %d: %v", version, all[i].name, len(last), n, err)
			}
		}
		for i, s := range all {
			if !bytes.Equal(s.snapshot, last) {
				last = s.snapshot
				typ, _, _ = reader.ReadSnapshot(last)
			}
			t.Run(fmt.Sprintf("%s/%s/%d", version, s.name, i), func(t *testing.T) { s.check(t, typ) })
		}
	}
}

func (s *sample) check(t *testing.T, typ backends.Type) {
	if w := flinkLength(typ); w != s.length {
		t.Errorf("the width is %d, not %d", w, s.length)
	}
	more := append(append([]byte{}, s.value...), 0xAA, 1, 0)
	if n, err := typ.Size(more); n != len(s.value) || err != nil {
		t.Errorf("size %d, not %d: %v", n, len(s.value), err)
	}
	out, n, err := typ.AppendJSON([]byte("x"), more)
	if n != len(s.value) || err != nil {
		t.Fatalf("JSON of %d bytes, not %d: %v", n, len(s.value), err)
	}
	sameJSON(t, out[1:], s.json)
	v, n, err := typ.Decode(more)
	if n != len(s.value) || err != nil {
		t.Fatalf("decoded %d bytes, not %d: %v", n, len(s.value), err)
	}
	if again, err := typ.Encode([]byte("x"), v); err != nil || !bytes.Equal(again[1:], s.value) {
		t.Errorf("%v encodes to %x, not %x: %v", v, again, s.value, err)
	}
	if h, ok := typ.Hash(v); ok != (s.hash != "-") && v != nil || ok && v != nil && strconv.Itoa(int(h)) != s.hash {
		t.Errorf("hash %d (%t), not %s", h, ok, s.hash)
	}
	s.checkParsed(t, typ, out[1:])
	s.checkCut(t, typ)
}

// checkParsed reads the JSON back.
func (s *sample) checkParsed(t *testing.T, typ backends.Type, text []byte) {
	if _, ok := typ.(*javaValue); ok && !strings.Contains(`"tfn`, string(text[0])) {
		return // which class it was of is not in the JSON
	} else if ok && s.value[4] != 't' && text[0] == '"' {
		return
	}
	v, err := typ.FromJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if again, err := typ.Encode(nil, v); err != nil || !bytes.Equal(again, s.value) {
		t.Errorf("from JSON %v it is %x, not %x: %v", v, again, s.value, err)
	}
}

// checkCut reads all beginnings of the value.
func (s *sample) checkCut(t *testing.T, typ backends.Type) {
	for i := range min(len(s.value), 64) {
		if n, err := typ.Size(s.value[:i]); err != backends.ErrShort {
			t.Errorf("the first %d of %d bytes: size %d, %v", i, len(s.value), n, err)
		}
		if _, _, err := typ.AppendJSON(nil, s.value[:i]); err != backends.ErrShort {
			t.Errorf("the first %d of %d bytes: %v", i, len(s.value), err)
		}
		if _, _, err := typ.Decode(s.value[:i]); err != backends.ErrShort {
			t.Errorf("the first %d of %d bytes: %v", i, len(s.value), err)
		}
	}
}

// sameJSON compares what the texts mean, and numbers to the last digit.
func sameJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	a, b := meaning(t, got), meaning(t, []byte(want))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s\nis not\n%s", got, want)
	}
}

func meaning(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		t.Fatalf("%s is not JSON: %v", text, err)
	}
	return normal(v)
}

// normal makes numbers equal that are written differently.
func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(string(v), ".eE") {
			return f
		}
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = normal(v[k])
		}
	}
	return v
}
