package offsets

import (
	"fmt"
	"math"
	"unicode/utf16"
)

// What stands for an offset in the state of FlinkKafkaConsumer (Flink: KafkaTopicPartitionStateSentinel).
const (
	consumerUnset     = -915623761776
	consumerEarliest  = -915623761775
	consumerLatest    = -915623761774
	consumerCommitted = -915623761773
)

// KafkaConsumer reads an element of topic-partition-offset-states, of FlinkKafkaConsumer. What it keeps is the last offset
// read; the position is the one behind. The error is ErrUnknown.
func KafkaConsumer(element []byte) (Position, error) {
	r := &reader{b: element}
	p := newPosition("kafka", "KafkaTopicPartition")
	p.partitionByKryo(r)
	switch last := r.i64(); {
	case last >= -1 && last < math.MaxInt64:
		p.Offset = last + 1
	case last == consumerUnset:
		p.Meaning = Initial
	case last == consumerEarliest:
		p.Meaning = Earliest
	case last == consumerLatest:
		p.Meaning = Latest
	case last == consumerCommitted:
		p.Meaning = Committed
	default:
		r.fail("offset %d", last)
	}
	if r.end(); !r.ok() {
		return Position{}, fmt.Errorf("%w: position of FlinkKafkaConsumer: %s", ErrUnknown, r.why)
	}
	return p, nil
}

// partitionByKryo reads the object that Kryo wrote: its class, by number or by name, and its fields in
// alphabetical order: cachedHash, partition, topic. The first one proves the others.
func (p *Position) partitionByKryo(r *reader) {
	switch class := r.varint(); class {
	case 0:
		r.fail("null instead of a partition")
	case 1:
		if n := r.varint(); n != 0 {
			r.fail("a class of number %d", n)
		}
		if name := r.kryoString(); name != "org.apache.flink.streaming.connectors.kafka.internals.KafkaTopicPartition" {
			r.fail("a %q", name)
		}
	}
	newObject(r)
	hash := zigzag(r.varint())
	p.Partition = zigzag(r.varint())
	newObject(r)
	p.Topic = r.kryoString()
	p.Split = fmt.Sprintf("%s-%d", p.Topic, p.Partition)
	if !topicName(p.Topic) || p.Partition < 0 || hash != 31*javaHash(p.Topic)+p.Partition {
		r.fail("partition %d of topic %q with hash code %d", p.Partition, p.Topic, hash)
	}
}

// newObject passes over the mark of Kryo's references.
func newObject(r *reader) {
	if mark := r.u8(); mark != 1 {
		r.fail("a mark of %d where an object begins", mark)
	}
}

func zigzag(v uint32) int32 { return int32(v>>1) ^ -int32(v&1) }

// javaHash is String.hashCode.
func javaHash(s string) int32 {
	var h int32
	for _, c := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(c)
	}
	return h
}

// kryoString reads a text as Kryo's Output.writeString has it: ASCII whose last byte has the high bit, or the number of
// characters plus one and then the characters, of which those of topics and classes are ASCII as well.
func (r *reader) kryoString() string {
	if r.at < len(r.b) && r.b[r.at]&0x80 == 0 {
		return r.kryoASCII()
	}
	c := r.u8()
	n, more := uint64(c&0x3f), c&0x40 != 0
	for shift := 6; more && shift < 32 && r.ok(); shift += 7 {
		c = r.u8()
		n |= uint64(c&0x7f) << shift
		more = c&0x80 != 0
	}
	if n == 0 || n > uint64(len(r.b)-r.at)+1 {
		r.fail("a text of %d characters", int64(n)-1)
		return ""
	}
	b := r.take(int(n - 1))
	for _, c := range b {
		if c >= 0x80 {
			r.fail("a text is not ASCII")
			return ""
		}
	}
	return string(b)
}

func (r *reader) kryoASCII() string {
	var b []byte
	for r.ok() {
		c := r.u8()
		b = append(b, c&0x7f)
		if c >= 0x80 {
			return string(b)
		}
	}
	return ""
}

// KafkaProducer reads an element of the state of FlinkKafkaProducer, which every TwoPhaseCommitSinkFunction calls
// "state". The error is ErrUnknown.
func KafkaProducer(element []byte) ([]Transaction, error) {
	var t trial[[]Transaction]
	for _, nullable := range []bool{true, false} {
		r := &reader{b: element}
		found := producerState(r, nullable)
		t.add(r, "FlinkKafkaProducer", found)
	}
	return t.result("producer", 0)
}

// producerState reads the transaction that is open, if there is one, and those to be committed.
func producerState(r *reader, nullable bool) []Transaction {
	var found []Transaction
	add := func(t Transaction) {
		if t.ID != "" {
			found = append(found, t) // without an id it is a producer without transactions
		}
	}
	if !nullable || r.bool() {
		add(producerTransaction(r, "open"))
	}
	for n := r.count(19); n > 0 && r.ok(); n-- {
		add(producerTransaction(r, "received"))
	}
	if r.bool() {
		for n := r.count(2); n > 0 && r.ok(); n-- {
			if id := r.utf(); !printable(id) {
				r.fail("transactional id %q", id)
			}
		}
	}
	return found
}

func producerTransaction(r *reader, state string) Transaction {
	t := newTransaction("kafka", "FlinkKafkaProducer$TransactionStateSerializer")
	t.State = state
	if r.bool() {
		if t.ID = r.utf(); !printable(t.ID) {
			r.fail("transactional id %q", t.ID)
		}
	}
	t.Producer, t.Epoch, t.Started = r.i64(), int16(r.u16()), r.i64()
	if t.Producer < -1 || t.Epoch < -1 || t.Started < 0 || t.Started > latestTime {
		r.fail("producer %d, epoch %d, begun at %d", t.Producer, t.Epoch, t.Started)
	}
	return t
}

// latestTime is a time in milliseconds that no checkpoint of ours reaches: the year 2200.
const latestTime = 7258118400000
