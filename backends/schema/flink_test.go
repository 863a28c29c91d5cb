package schema_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// header is one that Flink wrote: the beginning of its file.
type header struct {
	name  string
	keyed bool
	data  []byte
	blob  backends.Blob
	// distribution is the modes of an operator's states, by their names.
	distribution map[string]metadata.DistributionMode
}

// read reads the header at the beginning of b. States are the keyed ones, or those of both lists.
func (h *header) read(b []byte) (states []schema.Meta, size int, err error) {
	if h.keyed {
		k, err := schema.ReadKeyed(b, nil)
		return k.States, k.Size, err
	}
	o, err := schema.ReadOperator(b, nil)
	return append(o.List, o.Broadcast...), o.Size, err
}

// headers are those of all trees, of some bytes each.
func headers(tb testing.TB, most int64) []header {
	tb.Helper()
	roots := []string{filepath.Join(testdata.Root(tb), "flink")}
	if dir := testdata.Fixtures(tb); dir != "" {
		roots = append(roots, dir)
	}
	var all []header
	for _, root := range roots {
		for _, s := range testdata.Snapshots(tb, root) {
			all = append(all, headersOf(tb, s, most)...)
		}
	}
	return all
}

func headersOf(tb testing.TB, s testdata.Snapshot, most int64) []header {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, "_metadata"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	opener := storage.New(storage.Settings{}).Open
	target, err := layout.Find(context.Background(), opener, s.Dir, layout.FindOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	blobs := layout.NewBlobs(context.Background(), opener, target, nil)
	tb.Cleanup(func() { _, _ = blobs.Close(), target.Store.Close() })
	var found []header
	for place, h := range c.Walk() {
		hd := header{name: s.Name, keyed: true}
		var at metadata.StreamHandle
		switch h := h.(type) {
		case *metadata.KeyGroupsHandle:
			at = h.Delegate
		case *metadata.IncrementalHandle:
			at = h.Meta
		case *metadata.OperatorStateHandle:
			at, hd.keyed, hd.distribution = h.Delegate, false, map[string]metadata.DistributionMode{}
			for _, st := range h.States {
				hd.distribution[st.Name.String()] = st.Mode
			}
		}
		if _, empty := at.(*metadata.EmptySegmentHandle); at == nil || empty || place.Slot == metadata.RawKeyed || place.Slot == metadata.RawOperator {
			continue
		}
		b, err := blobs.Open(context.Background(), at)
		if err != nil {
			continue // some files are gone, as the trees say
		}
		hd.blob, hd.data = b, make([]byte, min(most, b.Size()))
		if n, err := b.ReadAt(hd.data, 0); err != nil && !(errors.Is(err, io.EOF) && n == len(hd.data)) {
			continue
		}
		found = append(found, hd)
	}
	return found
}

// TestHeadersOfFlink: every header is read to its end, and every state has a kind. What
// blocks some is a serializer of Flink's own tests.
func TestHeadersOfFlink(t *testing.T) {
	all := headers(t, 1<<20)
	blocked, kinds, versions := map[string]int{}, map[backends.Kind]int{}, map[int32]int{}
	for _, h := range all {
		states, size, err := h.read(h.data)
		var opaque *backends.OpaqueError
		switch {
		case errors.As(err, &opaque):
			blocked[opaque.Class]++
			continue
		case err != nil:
			t.Errorf("%s: %v", h.name, err)
			continue
		case size <= 0 || size > len(h.data):
			t.Errorf("%s: a header of %d bytes", h.name, size)
		}
		versions[int32(h.data[3])]++
		for i := range states {
			st := states[i].State(backends.Origin{Subtask: 7}, nil)
			kinds[st.Kind]++
			if mode, ok := h.distribution[st.Name]; ok && kindOf(mode) != st.Kind {
				t.Errorf("%s: state %q is %s here, and %s in _metadata", h.name, st.Name, st.Kind, mode)
			}
			if st.Kind == backends.UnknownKind || st.Subtask != 7 || st.Name != states[i].Name {
				t.Errorf("%s: state %q of kind %s", h.name, st.Name, st.Kind)
			}
		}
	}
	t.Logf("%d headers, kinds %v, versions %v, blocked by %v", len(all), kinds, versions, blocked)
}

func kindOf(m metadata.DistributionMode) backends.Kind {
	return [...]backends.Kind{backends.OperatorList, backends.Union, backends.Broadcast}[m]
}
