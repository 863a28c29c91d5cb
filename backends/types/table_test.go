package types

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/testdata"
)

// tableVersions are the versions of Flink whose values are in testdata/types, with their Kryo.
var tableVersions = map[string]*backends.Options{"1.20.0": {Kryo: backends.Kryo2}, "2.2.0": {Kryo: backends.Kryo5}}

// tableSamples reads testdata/types/table-<version>.tsv.gz.
func tableSamples(tb testing.TB, version string) []sample {
	tb.Helper()
	f, err := os.Open(filepath.Join(testdata.Root(tb), "types", "table-"+version+".tsv.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	var all []sample
	for lines.Scan() {
		p := strings.Split(lines.Text(), "\t")
		if len(p) != 6 {
			tb.Fatalf("%d columns: %s", len(p), lines.Text())
		}
		s := sample{name: p[0], snapshot: unhex(tb, p[1]), value: unhex(tb, p[2]), hash: p[4], json: p[5]}
		if s.length, err = strconv.Atoi(p[3]); err != nil {
			tb.Fatal(err)
		}
		if len(s.snapshot) == 0 {
			s.snapshot = all[len(all)-1].snapshot
		}
		all = append(all, s)
	}
	if len(all) < 500 || lines.Err() != nil {
		tb.Fatalf("%d values (%v)", len(all), lines.Err())
	}
	return all
}

// eachTableSample calls do for all values with their types.
func eachTableSample(t *testing.T, do func(t *testing.T, s *sample, typ backends.Type)) {
	for version, opts := range tableVersions {
		var typ backends.Type
		var last []byte
		for i, s := range tableSamples(t, version) {
			if !bytes.Equal(s.snapshot, last) {
				var n int
				var err error
				if typ, n, err = ReadSnapshot(s.snapshot, opts); err != nil || n != len(s.snapshot) {
					t.Fatalf("%s %s: the snapshot of %d bytes ends at %d: %v", version, s.name, len(s.snapshot), n, err)
				}
				last = s.snapshot
			}
			t.Run(fmt.Sprintf("%s/%s/%d", version, s.name, i), func(t *testing.T) { do(t, &s, typ) })
		}
	}
}

// TestTable compares with what the serializers of Flink SQL, Avro and Kryo wrote, at every method.
func TestTable(t *testing.T) {
	eachTableSample(t, func(t *testing.T, s *sample, typ backends.Type) {
		if class, unknown := strings.CutPrefix(s.json, "!"); unknown {
			s.checkUnknown(t, typ, class)
			return
		}
		s.checkValue(t, typ)
		s.checkCut(t, typ)
	})
}

func (s *sample) checkUnknown(t *testing.T, typ backends.Type, class string) {
	var opaque *backends.OpaqueError
	if _, err := typ.Size(s.value); !errors.As(err, &opaque) || opaque.Class != class || opaque.Hint == "" {
		t.Errorf("size: %v (%+v)", err, opaque)
	}
	if _, _, err := typ.AppendJSON(nil, s.value); !errors.As(err, &opaque) || opaque.Class != class {
		t.Errorf("JSON: %v", err)
	}
}

func (s *sample) checkValue(t *testing.T, typ backends.Type) {
	if typ.Width() != s.length {
		t.Errorf("the width is %d, not %d", typ.Width(), s.length)
	}
	more := append(bytes.Clone(s.value), 0xAA, 1, 0)
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
	again, err := typ.Encode([]byte("x"), v)
	if err != nil || !bytes.Equal(again[1:], s.value) {
		t.Errorf("%v encodes to %x, not %x: %v", v, again, s.value, err)
	}
	if h, ok := typ.Hash(v); s.hash != "-" && (!ok || strconv.Itoa(int(h)) != s.hash) {
		t.Errorf("hash %d (%t), not %s", h, ok, s.hash)
	}
	s.checkTableJSON(t, typ, out[1:], v)
}

// checkTableJSON reads the JSON back. Of Kryo it does not tell all.
func (s *sample) checkTableJSON(t *testing.T, typ backends.Type, text []byte, v any) {
	if _, ok := typ.(*Kryo); ok {
		if _, err := typ.FromJSON(text); err == nil {
			t.Errorf("%s is of no class", text)
		}
		return
	}
	parsed, err := typ.FromJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	again, err := typ.Encode(nil, parsed)
	_, foreign := v.(*Foreign)
	if foreign != strings.HasSuffix(s.name, "foreign") {
		t.Errorf("%T", v)
	}
	if err != nil || !foreign && !bytes.Equal(again, s.value) {
		t.Errorf("from JSON it is %x, not %x: %v", again, s.value, err)
	}
	if out, _, err := typ.AppendJSON(nil, again); err != nil || !bytes.Equal(out, text) {
		t.Errorf("again %s, not %s: %v", out, text, err)
	}
}
