package offsets

import (
	"errors"
	"testing"
)

func TestEngineSplit(t *testing.T) {
	for _, c := range []struct {
		id       string
		position int64
		finished bool
	}{{"7", 1234, false}, {"file:/data/x.json", 99, true}} {
		b, err := engineSplit.Encode(nil, []any{c.id, c.position, int64(3), c.finished})
		if err != nil {
			t.Fatal(err)
		}
		l := NewList("splits")
		if err := l.Add(b); err != nil {
			t.Fatal(err)
		}
		p := l.Found().Positions[0]
		if p.Connector != "ckpt" || p.Split != c.id || p.Offset != c.position || (p.Stop != nil) != c.finished {
			t.Errorf("%+v", p)
		}
		for n := range b {
			if _, err := EngineSplit(b[:n]); !errors.Is(err, ErrUnknown) {
				t.Errorf("%d of %d bytes: %v", n, len(b), err)
			}
		}
	}
}
