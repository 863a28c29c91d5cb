package schema

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// AppendKeyed appends the header of keyed state as Flink 1.7 to 2.2 write it. keyRaw is the snapshot of the serializer of keys as a
// restored header had it; nil for that of key. The errors are those of AppendMeta and of types.AppendSnapshot.
func AppendKeyed(dst []byte, key backends.Type, keyRaw []byte, metas []*backends.Meta, compressed bool) ([]byte, error) {
	w := &appender{b: dst, key: key}
	w.i32(keyedVersion)
	w.flag(compressed)
	if keyRaw != nil {
		w.b = append(w.b, keyRaw...)
	} else {
		w.snapshot("the key serializer", key)
	}
	w.metas(metas)
	return w.done(dst)
}

// AppendOperator appends the header of operator state as Flink 1.18 to 2.2 write it: of list states, of OperatorList and
// Union, and of broadcast states, whose MapKey and Value are the types of their maps.
func AppendOperator(dst []byte, list, broadcast []*backends.Meta, compressed bool) ([]byte, error) {
	w := &appender{b: dst}
	w.i32(flagVersion)
	w.flag(compressed)
	w.metas(list)
	w.metas(broadcast)
	return w.done(dst)
}

// AppendMeta appends the meta of a state: m.Raw where there is one, else as Flink writes it. key is the type of keys, which the metas
// of timers tell. The error tells of a name that is too long, of a kind that no header has, and of types without a snapshot.
func AppendMeta(dst []byte, key backends.Type, m *backends.Meta) ([]byte, error) {
	w := &appender{b: dst, key: key}
	w.meta(m)
	return w.done(dst)
}

// appender writes headers. After an error what it has written is of no use.
type appender struct {
	b   []byte
	key backends.Type
	err error
}

func (w *appender) done(dst []byte) ([]byte, error) {
	if w.err != nil {
		return dst, w.err
	}
	return w.b, nil
}

func (w *appender) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *appender) i32(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }

func (w *appender) flag(v bool) {
	if v {
		w.b = append(w.b, 1)
		return
	}
	w.b = append(w.b, 0)
}

func (w *appender) utf(s string) {
	u := metadata.NewUTF(s)
	if len(u) > math.MaxUint16 {
		w.fail("a name of %d bytes, of which a header takes %d", len(u), math.MaxUint16)
		return
	}
	w.b = append(binary.BigEndian.AppendUint16(w.b, uint16(len(u))), u...)
}

func (w *appender) snapshot(what string, t backends.Type) {
	if t == nil {
		w.fail("%s: there is no type", what)
		return
	}
	b, err := types.AppendSnapshot(w.b, t)
	if w.b = b; err != nil {
		w.fail("%s: %w", what, err)
	}
}

func (w *appender) metas(metas []*backends.Meta) {
	if len(metas) > math.MaxInt16 {
		w.fail("%d states, of which a header takes %d", len(metas), math.MaxInt16)
	}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(metas)))
	for _, m := range metas {
		w.meta(m)
	}
}

func (w *appender) meta(m *backends.Meta) {
	if m.Raw != nil {
		w.b = append(w.b, m.Raw...)
		return
	}
	f := formOf(m, w.key)
	if f.word == "" {
		w.fail("state %q: no header has states of kind %s", m.Name, m.Kind)
		return
	}
	w.utf(m.Name)
	w.i32(int32(f.is))
	if f.option == "" {
		w.i32(0)
	} else {
		w.i32(1)
		w.utf(f.option)
		w.utf(f.word)
	}
	w.i32(int32(len(f.serializers)))
	for _, s := range f.serializers {
		w.utf(s.name)
		w.snapshot("state "+m.Name+": "+s.name, s.t)
	}
}
