package types

import (
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// FuzzTableValue reads values of the types of Flink SQL, Avro and Kryo, which the first byte chooses.
func FuzzTableValue(f *testing.F) {
	var types []backends.Type
	known := map[string]int{}
	for version, opts := range tableVersions {
		for _, s := range tableSamples(f, version) {
			key := version + string(s.snapshot)
			i, ok := known[key]
			if !ok {
				t, _, err := ReadSnapshot(s.snapshot, opts)
				if err != nil {
					f.Fatal(err)
				}
				i = len(types)
				known[key] = i
				types = append(types, t)
			}
			f.Add(uint16(i), s.value)
		}
	}
	f.Fuzz(func(t *testing.T, i uint16, b []byte) { agreed(t, types[int(i)%len(types)], b) })
}

// FuzzTableSnapshot reads snapshots, and a value of whatever comes out.
func FuzzTableSnapshot(f *testing.F) {
	for version := range tableVersions {
		for _, s := range tableSamples(f, version) {
			if len(s.snapshot) < 20<<10 {
				f.Add(s.snapshot, s.value)
			}
		}
	}
	f.Fuzz(func(t *testing.T, snapshot, value []byte) {
		typ, n, err := ReadSnapshot(snapshot, nil)
		if err != nil || n > len(snapshot) {
			if err == nil {
				t.Fatalf("%d of %d bytes", n, len(snapshot))
			}
			return
		}
		_ = typ.String()
		_ = typ.Width()
		agreed(t, typ, value)
	})
}
