package offsets

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Found is what list states tell of sources and sinks.
type Found struct {
	Positions    []Position
	Transactions []Transaction
	Writers      []Writer
}

// List reads the elements of one list state of one sub-task.
type List struct {
	state string
	read  func(l *List, element []byte) error
	found Found

	// of numbers still to be emitted: how many, the first and the last
	numbers     int64
	first, last int64
}

// lists are the list states by their names. Elements of bytes lie behind their length.
var lists = map[string]func(l *List, element []byte) error{
	"SourceReaderState":              lengthFirst(one(Split)),
	"writer_raw_states":              lengthFirst((*List).writer),
	"streaming_committer_raw_states": lengthFirst(many(Committer)),
	"topic-partition-offset-states":  one(KafkaConsumer),
	"state":                          many(KafkaProducer),
	"splits":                         one(splits),
	"file-monitoring-state":          one(fileMonitor),
	"from-elements-state":            one(fromElements),
	"stateful-sequence-source-state": (*List).number,
	"DataGenerator" + sequenceState:  (*List).number,
}

// sequenceState ends the names of states of SequenceGenerator, which a DataGeneratorSource names after its fields.
const sequenceState = "-sequence-state"

// NewList makes a reader of the list state of that name; nil where no source or sink that is known has one. A name alone is
// no proof: jobs choose names as well.
func NewList(state string) *List {
	read := lists[state]
	if strings.HasPrefix(state, "DataGenerator.") && strings.HasSuffix(state, sequenceState) {
		read = (*List).number
	}
	if read == nil {
		return nil
	}
	return &List{state: state, read: read}
}

// Certain tells whether no job would think of that name itself: then an element that is not understood is still of a source
// or sink. Otherwise it speaks against all elements.
func (l *List) Certain() bool { return l.state != "state" && l.state != "splits" }

// Add reads one element, as its serializer wrote it. The error is ErrUnknown: the element is of something else.
func (l *List) Add(element []byte) error { return l.read(l, element) }

// Found is what all elements added tell. Nothing of it aliases them.
func (l *List) Found() Found {
	f := l.found
	if l.numbers > 0 {
		p := newPosition("sequence", "SequenceGenerator")
		p.Offset, p.Last, p.Left = l.first, &l.last, l.numbers
		f.Positions = append(f.Positions, p)
	}
	return f
}

// lengthFirst strips the length that a list state of byte arrays puts before each element.
func lengthFirst(read func(*List, []byte) error) func(*List, []byte) error {
	return func(l *List, element []byte) error {
		if len(element) < 4 || int64(binary.BigEndian.Uint32(element)) != int64(len(element)-4) {
			return fmt.Errorf("%w: no array of bytes", ErrUnknown)
		}
		return read(l, element[4:])
	}
}

func one(read func([]byte) (Position, error)) func(*List, []byte) error {
	return func(l *List, element []byte) error {
		p, err := read(element)
		if err == nil {
			l.found.Positions = append(l.found.Positions, p)
		}
		return err
	}
}

func many(read func([]byte) ([]Transaction, error)) func(*List, []byte) error {
	return func(l *List, element []byte) error {
		found, err := read(element)
		for _, t := range found {
			t.Raw = slices.Clone(t.Raw)
			l.found.Transactions = append(l.found.Transactions, t)
		}
		return err
	}
}

func (l *List) writer(element []byte) error {
	w, err := KafkaWriter(element)
	if err == nil {
		l.found.Writers = append(l.found.Writers, *w)
	}
	return err
}

// number takes one number of those still to be emitted.
func (l *List) number(element []byte) error {
	var v int64
	switch len(element) {
	case 8:
		v = int64(binary.BigEndian.Uint64(element))
	case 4:
		v = int64(int32(binary.BigEndian.Uint32(element)))
	default:
		return fmt.Errorf("%w: no number", ErrUnknown)
	}
	if l.numbers == 0 {
		l.first = v
	}
	l.last = v
	l.numbers++
	return nil
}

// fileMonitor reads the state of ContinuousFileMonitoringFunction: files changed later are yet to be read.
func fileMonitor(element []byte) (Position, error) {
	p := newPosition("file", "ContinuousFileMonitoringFunction")
	if len(element) != 8 {
		return p, fmt.Errorf("%w: no number", ErrUnknown)
	}
	p.Offset, p.Meaning = int64(binary.BigEndian.Uint64(element)), Modified
	return p, nil
}

// fromElements reads the state of FromElementsFunction: how many elements are behind.
func fromElements(element []byte) (Position, error) {
	p := newPosition("elements", "FromElementsFunction")
	if len(element) != 4 {
		return p, fmt.Errorf("%w: no number", ErrUnknown)
	}
	p.Offset = int64(int32(binary.BigEndian.Uint32(element)))
	if p.Offset < 0 {
		return p, fmt.Errorf("%w: %d elements", ErrUnknown, p.Offset)
	}
	return p, nil
}
