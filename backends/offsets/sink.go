package offsets

import (
	"fmt"
	"unicode/utf8"
)

// KafkaWriter reads an element of writer_raw_states, without the length that its list state puts before it. Sinks of
// all kinds keep such elements: the error is ErrUnknown where it cannot be Kafka's.
func KafkaWriter(element []byte) (*Writer, error) {
	r := &reader{b: element}
	version, body := r.framed()
	r.end()
	if !r.ok() || version != 1 && version != 2 {
		return nil, fmt.Errorf("%w: writer state of version %d %s", ErrUnknown, version, r.why)
	}
	r = &reader{b: body}
	w := &Writer{Format: versioned("KafkaWriterStateSerializer", version), Prefix: r.utf(), Doubtful: version == 1, Subtask: -1, Subtasks: -1}
	if !printable(w.Prefix) {
		r.fail("%q is no prefix", w.Prefix)
	}
	if version == 2 {
		w.ownership(r)
	}
	if r.end(); !r.ok() {
		return nil, fmt.Errorf("%w: writer state of version %d: %s", ErrUnknown, version, r.why)
	}
	return w, nil
}

// ownership reads which transactional ids the writer owns, and those that it has pre-committed.
func (w *Writer) ownership(r *reader) {
	w.Subtask, w.Subtasks = r.i32(), r.i32()
	if kind := r.i32(); kind < 0 || kind > 1 || w.Subtask < -1 || w.Subtasks < -1 {
		r.fail("sub-task %d of %d, ownership %d", w.Subtask, w.Subtasks, kind)
	}
	for n := r.count(10); n > 0 && r.ok(); n-- {
		t := newTransaction("kafka", w.Format)
		t.ID, t.Checkpoint, t.Subtask, t.State = r.utf(), r.i64(), w.Subtask, "precommitted"
		if !printable(t.ID) || t.Checkpoint < 0 {
			r.fail("transactional id %q of checkpoint %d", t.ID, t.Checkpoint)
		}
		w.Precommitted = append(w.Precommitted, t)
	}
}

func newTransaction(connector, format string) Transaction {
	return Transaction{Connector: connector, Format: format, Producer: -1, Epoch: -1, Checkpoint: -1, Subtask: -1}
}

// printable tells whether s is a text that people could have chosen.
func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return false
		}
	}
	return s != ""
}

// collectorMagic begins the states of committers.
const collectorMagic = 0xb91f252c

// The words for a request (Flink: CommitRequestState).
var requestStates = [...]string{"received", "retry", "failed", "committed"}

// Committer reads an element of streaming_committer_raw_states, without the length that its list state puts before it.
// Committables of sinks that are not known come as they are. The error is ErrUnknown.
func Committer(element []byte) ([]Transaction, error) {
	r := &reader{b: element}
	version, body := r.framed()
	r.end()
	c := &collector{reader: reader{b: body, why: r.why}}
	if magic := uint32(c.i32()); magic != collectorMagic {
		c.fail("%08x at its beginning", magic)
	}
	switch version {
	case 1:
		c.committables()
	case 2:
		c.checkpoints()
	default:
		c.fail("not a version that is known")
	}
	if c.end(); !c.ok() {
		return nil, fmt.Errorf("%w: committer state of version %d: %s", ErrUnknown, version, c.why)
	}
	return c.found, nil
}

// collector reads a CommittableCollector.
type collector struct {
	reader
	found []Transaction
}

// list reads a list of framed items, whose version each has to know.
func (c *collector) list(last int32, each func(version int32)) {
	version := c.i32()
	if version < 0 || version > last {
		c.fail("items of version %d", version)
	}
	for n := c.count(4); n > 0 && c.ok(); n-- {
		c.within(c.sized(), func() { each(version) })
	}
}

// within reads bytes that lie within others, to their end.
func (c *collector) within(b []byte, read func()) {
	if !c.ok() {
		return
	}
	outer := c.reader
	c.reader = reader{b: b}
	read()
	c.end()
	outer.why = c.why
	c.reader = outer
}

// committables reads those of a sink before Sink V2 (Flink: SinkV1CommittableDeserializer).
func (c *collector) committables() {
	version := c.i32()
	for n := c.count(4); n > 0 && c.ok(); n-- {
		c.found = append(c.found, committable(version, c.sized()))
	}
}

func (c *collector) checkpoints() {
	c.list(1, func(version int32) {
		id := c.i64()
		if version > 0 && c.i32() < 0 {
			c.fail("a negative number of sub-tasks")
		}
		c.list(2, func(version int32) { c.subtask(id, version) })
	})
}

// subtask reads what one writer has handed over for one checkpoint. The counts are of committables that are
// no longer here as well.
func (c *collector) subtask(checkpoint int64, version int32) {
	index, counts := int32(-1), 3
	if version > 0 {
		index = c.i32()
	}
	if version > 1 {
		counts = 2
	}
	c.list(0, func(int32) { c.request(checkpoint, index) })
	for range counts {
		if n := c.i32(); n < 0 {
			c.fail("a count is %d", n)
		}
	}
}

func (c *collector) request(checkpoint int64, subtask int32) {
	t := committable(c.framed())
	t.Checkpoint, t.Subtask, t.Retries = checkpoint, subtask, c.i32()
	state := c.i32()
	if state < 0 || int(state) >= len(requestStates) || t.Retries < 0 {
		c.fail("a request of state %d after %d retries", state, t.Retries)
		return
	}
	t.State = requestStates[state]
	c.found = append(c.found, t)
}

// committable reads what a sink commits, as far as its sink is known (Flink: KafkaCommittable).
func committable(version int32, body []byte) Transaction {
	if version == 1 {
		r := &reader{b: body}
		t := newTransaction("kafka", versioned("KafkaCommittableSerializer", version))
		t.Epoch, t.Producer, t.ID = int16(r.u16()), r.i64(), r.utf()
		if r.end(); r.ok() && t.Epoch >= -1 && t.Producer >= -1 && printable(t.ID) {
			return t
		}
	}
	t := newTransaction("", fmt.Sprintf("committable of version %d", version))
	t.Raw = body
	return t
}
