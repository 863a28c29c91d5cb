package types_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// openState opens the snapshot in dir.
func openState(t *testing.T, dir string) *snapshot.Snapshot {
	t.Helper()
	s, _ := statedump.Open(t, storage.New(storage.Settings{}).Open, dir, backends.Options{})
	return s
}

// TestKeysOfSQL: the hashes of all keys of SQL jobs give the key groups that Flink put them into, and all that is in their state
// and in that of Avro jobs is encoded as Flink wrote it.
func TestKeysOfSQL(t *testing.T) {
	keys, values := 0, 0
	for _, o := range testdata.StateOracles(t) {
		if !strings.Contains(o.Case, "sql-") && !strings.Contains(o.Case, "ds-avro") {
			continue
		}
		s := openState(t, o.Dir)
		for _, h := range s.Handles {
			for e, err := range h.Whole().Entries(t.Context(), func(st *backends.State) bool { return st.Kind < backends.Timer && st.Kind != backends.List }) {
				if err != nil {
					t.Fatalf("%s %s: %v", o.Case, o.Name, err)
				}
				if checkKey(t, &e, h.Operator.MaxParallelism) {
					keys++
				}
				if !e.Null {
					same(t, e.State.Value, e.Value)
					values++
				}
			}
		}
	}
	if keys < 1000 || values < 1000 {
		t.Errorf("%d keys and %d values", keys, values)
	}
	t.Logf("%d keys, %d values", keys, values)
}

// checkKey compares the key group of a key of SQL.
func checkKey(t *testing.T, e *backends.Entry, maxParallelism int32) bool {
	t.Helper()
	row, ok := e.State.Key.(*types.RowData)
	if !ok {
		return false
	}
	hash, ok := row.HashBytes(e.Key)
	if kg := keygroups.Of(hash, maxParallelism); !ok || kg != e.KeyGroup {
		t.Errorf("%s: %x is of key group %d, not %d", e.State.Name, e.Key, e.KeyGroup, kg)
	}
	same(t, e.State.Key, e.Key)
	json, _, err := row.AppendJSON(nil, e.Key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := row.FromJSON(json)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := row.Encode(nil, v); err != nil || !bytes.Equal(again, e.Key) {
		t.Errorf("%s: from %s it is %x, not %x: %v", e.State.Name, json, again, e.Key, err)
	}
	return true
}

// same decodes and encodes b.
func same(t *testing.T, typ backends.Type, b []byte) {
	t.Helper()
	v, n, err := typ.Decode(b)
	if err != nil || n != len(b) {
		t.Fatalf("%s: %d of %d bytes: %v", typ, n, len(b), err)
	}
	if again, err := typ.Encode(nil, v); err != nil || !bytes.Equal(again, b) {
		t.Errorf("%s: %x, not %x: %v", typ, again, b, err)
	}
}
