package operator

import (
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// packed is the elements of a list: their bytes one after the other, and where each ends. More may be added behind; what is
// there does not change.
type packed struct {
	data []byte
	ends []int
}

// at is the element i.
func (e *packed) at(i int) []byte {
	from := 0
	if i > 0 {
		from = e.ends[i-1]
	}
	return e.data[from:e.ends[i]:e.ends[i]]
}

func (e *packed) add(b []byte) {
	e.data = append(e.data, b...)
	e.ends = append(e.ends, len(e.data))
}

// list is a backends.OperatorListState.
type list struct {
	state
	elements packed
	values   []any // of all elements, once the job has asked for the state
}

// decode makes values of what was restored, for a job that asks for the state.
func (l *list) decode(d *backends.OperatorDescriptor) error {
	if l.asked {
		return nil
	}
	values := make([]any, len(l.elements.ends))
	for i := range values {
		b := l.elements.at(i)
		v, n, err := d.Value.Decode(b)
		if err == nil && n != len(b) {
			err = fmt.Errorf("%d of its %d bytes are left over", len(b)-n, len(b))
		}
		if err != nil {
			return fmt.Errorf("operator state %q, element %d: %w", d.Name, i, err)
		}
		values[i] = v
	}
	l.values, l.asked, l.meta.Value = values, true, d.Value
	return nil
}

// Get implements backends.OperatorListState.
func (l *list) Get() []any { return slices.Clone(l.values) }

// Add implements backends.OperatorListState.
func (l *list) Add(v any) error {
	data, err := l.meta.Value.Encode(l.elements.data, v)
	if err == nil {
		err = readable(len(data) - len(l.elements.data))
	}
	if err != nil {
		return l.wrong(err)
	}
	l.elements = packed{data, append(l.elements.ends, len(data))}
	l.values = append(l.values, v)
	return nil
}

// Update implements backends.OperatorListState. Where it fails, the list is what it was.
func (l *list) Update(vs []any) error {
	was := *l
	l.Clear()
	for _, v := range vs {
		if err := l.Add(v); err != nil {
			*l = was
			return err
		}
	}
	return nil
}

// Clear implements backends.OperatorListState. A snapshot under way keeps what it has noted.
func (l *list) Clear() { l.elements, l.values = packed{}, nil }
