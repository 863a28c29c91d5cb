package backendtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// dump is all that a snapshot tells: of each entry what it is and where, and its value, in hexadecimal. It is the same whatever
// form the snapshot has, and whoever wrote it.
type dump map[string]string

// line is the key of an entry in a dump.
func line(state string, kg int32, key, namespace, sub []byte) string {
	return fmt.Sprintf("%s %d %x %x %x", state, kg, key, namespace, sub)
}

// timerLine is that of a timer.
func timerLine(state string, kg int32, key, namespace []byte, time int64) string {
	return fmt.Sprintf("%s %d %x %x at %d", state, kg, key, namespace, time)
}

// elements is the value of a list in a dump.
func elements(list [][]byte) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = fmt.Sprintf("%x", e)
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// nullValue is the value of null in a dump.
const nullValue = "null"

// dump reads handles of key groups within r.
func (s *suite) dump(t tester, max int32, handles ...metadata.KeyedHandle) dump {
	t.Helper()
	d := dump{}
	for _, h := range handles {
		if h == nil {
			continue
		}
		if err := s.read(max, h, d); err != nil {
			t.Fatalf("reading a snapshot: %v", err)
		}
	}
	return d
}

func (s *suite) read(max int32, h metadata.KeyedHandle, d dump) error {
	ctx := context.Background()
	o := backends.Origin{MaxParallelism: max, Range: h.KeyGroups()}
	r, err := s.Read(ctx, s.streams, h, o, backends.Options{Verify: true})
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for e, err := range r.Entries(ctx, backends.Everything(o.Range)) {
		if err != nil {
			return err
		}
		if err := d.add(&e); err != nil {
			return err
		}
	}
	return nil
}

func (d dump) add(e *backends.Entry) error {
	at := line(e.State.Name, e.KeyGroup, e.Key, e.Namespace, e.MapKey)
	value := fmt.Sprintf("%x", e.Value)
	switch {
	case e.State.Kind == backends.Timer:
		at, value = timerLine(e.State.Name, e.KeyGroup, e.Key, e.Namespace, e.Time), ""
	case e.State.Kind == backends.List:
		list, err := cutList(e)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		value = elements(list)
	case e.Null:
		value = nullValue
	}
	if _, again := d[at]; again {
		return fmt.Errorf("%s: twice", at)
	}
	d[at] = value
	return nil
}

// cutList is the elements of a list in either of its forms.
func cutList(e *backends.Entry) ([][]byte, error) {
	b, left := e.Value, -1
	if !e.Joined {
		if len(b) < 4 {
			return nil, backends.ErrShort
		}
		left, b = int(int32(binary.BigEndian.Uint32(b))), b[4:]
	}
	var list [][]byte
	for left != 0 && (len(b) > 0 || left > 0 || len(list) == 0) {
		n, err := e.State.Value.Size(b)
		if err != nil {
			return nil, err
		}
		list, b = append(list, b[:n]), b[n:]
		left--
		if e.Joined && len(b) > 0 {
			if b[0] != ',' {
				return nil, fmt.Errorf("0x%02x between elements", b[0])
			}
			b = b[1:]
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the list", len(b))
	}
	return list, nil
}

// compare tells how dumps differ, by up to some lines.
func compare(t tester, what string, got, want dump) {
	t.Helper()
	const most = 5
	var wrong []string
	for _, at := range slices.Sorted(maps.Keys(want)) {
		if v, ok := got[at]; !ok {
			wrong = append(wrong, "missing: "+at+" = "+clip(want[at]))
		} else if v != want[at] {
			wrong = append(wrong, "other: "+at+" = "+clip(v)+", not "+clip(want[at]))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[at]; !ok {
			wrong = append(wrong, "too many: "+at+" = "+clip(got[at]))
		}
	}
	if len(wrong) > 0 {
		t.Errorf("%s: %d entries of %d are wrong:\n%s", what, len(wrong), len(want), strings.Join(wrong[:min(most, len(wrong))], "\n"))
	}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
