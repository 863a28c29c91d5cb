package offsets

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknown says that no decoder fits, or that several do. What it is about can be shown as bytes only.
var ErrUnknown = errors.New("not a format that is known")

// format is how a connector lays out splits of one version.
type format struct {
	version int32
	name    string
	read    func(r *reader) Position
}

var splitFormats = []format{
	{0, "KafkaPartitionSplitSerializer", kafkaSplit},
	{1, "DynamicKafkaSourceSplitSerializer", dynamicSplit},
	{2, "DynamicKafkaSourceSplitSerializer", dynamicSplit2},
	{1, "FileSourceSplitSerializer", fileSplit},
	{1, "NumberSequenceSource$SplitSerializer", sequenceSplit},
}

// hybrid is the serializer of HybridSource's splits and, with another ending, of its enumerator.
const (
	hybridSplitName      = "HybridSourceSplitSerializer"
	hybridEnumeratorName = "HybridSourceEnumeratorStateSerializer"
)

// Split reads an element of SourceReaderState, without the length that its list state puts before it. The error
// is ErrUnknown, with what was tried.
func Split(element []byte) (Position, error) {
	r := &reader{b: element}
	version, body := r.framed()
	r.end()
	if !r.ok() {
		return Position{}, fmt.Errorf("%w: no framed split: %s", ErrUnknown, r.why)
	}
	return splitBody(version, body, true)
}

// splitBody tries all formats of the version. A HybridSource holds no other one.
func splitBody(version int32, body []byte, outer bool) (Position, error) {
	var t trial[Position]
	for _, f := range splitFormats {
		if f.version == version {
			r := &reader{b: body}
			p := f.read(r)
			p.Format = versioned(f.name, version)
			t.add(r, f.name, p)
		}
	}
	if version == 0 && outer {
		r := &reader{b: body}
		p := hybridSplit(r)
		t.add(r, hybridSplitName, p)
	}
	return t.result("split", version)
}

// hybridSplit reads the split of the source that a HybridSource has come to.
func hybridSplit(r *reader) Position {
	source, id := r.i32(), r.utf()
	version, body := r.framed()
	r.end()
	if source < 0 || id == "" {
		r.fail("source %d, split %q", source, id)
	}
	if !r.ok() {
		return Position{}
	}
	p, err := splitBody(version, body, false)
	if err != nil {
		r.fail("of source %d: %v", source, err)
	}
	p.Source = source
	return p
}

// trial is what several decoders made of the same bytes.
type trial[T any] struct {
	found []T
	names []string
	why   []string
}

// add takes the value if its reader came to the end of its bytes.
func (t *trial[T]) add(r *reader, name string, v T) {
	if r.end(); r.ok() {
		t.found, t.names = append(t.found, v), append(t.names, name)
		return
	}
	t.why = append(t.why, name+": "+r.why)
}

// result is the one value that fits.
func (t *trial[T]) result(what string, version int32) (T, error) {
	var none T
	switch {
	case len(t.found) == 1:
		return t.found[0], nil
	case len(t.found) > 1:
		return none, fmt.Errorf("%w: a %s of version %d could be of %s", ErrUnknown, what, version, strings.Join(t.names, " and of "))
	case len(t.why) == 0:
		return none, fmt.Errorf("%w: a %s of version %d", ErrUnknown, what, version)
	}
	return none, fmt.Errorf("%w: a %s of version %d (%s)", ErrUnknown, what, version, strings.Join(t.why, "; "))
}

func versioned(name string, version int32) string { return fmt.Sprintf("%s version %d", name, version) }
