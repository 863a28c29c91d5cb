package offsets

import (
	"fmt"
	"math"
)

// What stands for an offset in a Kafka split (Flink: KafkaPartitionSplit).
const (
	kafkaLatest    = -1
	kafkaEarliest  = -2
	kafkaCommitted = -3
	kafkaNone      = math.MinInt64 // no stopping offset; as a starting offset: not yet known
)

// kafkaSplit reads a split of KafkaSource.
func kafkaSplit(r *reader) Position {
	p := kafkaPartition(r)
	p.start(r, r.i64())
	p.stop(r, r.i64())
	return p
}

// kafkaPartition reads a topic and a partition.
func kafkaPartition(r *reader) Position {
	p := newPosition("kafka", "")
	p.Topic, p.Partition = r.utf(), r.i32()
	if !topicName(p.Topic) {
		r.fail("%q is no topic", p.Topic)
	}
	if p.Partition < 0 {
		r.fail("partition %d", p.Partition)
	}
	p.Split = fmt.Sprintf("%s-%d", p.Topic, p.Partition)
	return p
}

// topicName tells whether Kafka would allow a topic of that name (Kafka: Topic.validate).
func topicName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= 249 && s != "." && s != ".."
}

func (p *Position) start(r *reader, offset int64) {
	switch {
	case offset >= 0:
		p.Offset = offset
	case offset == kafkaLatest:
		p.Meaning = Latest
	case offset == kafkaEarliest:
		p.Meaning = Earliest
	case offset == kafkaCommitted:
		p.Meaning = Committed
	case offset == kafkaNone:
		p.Meaning = Initial
	default:
		r.fail("starting offset %d", offset)
	}
}

func (p *Position) stop(r *reader, offset int64) {
	switch {
	case offset >= 0:
		p.Stop, p.StopMeaning = &offset, Next
	case offset == kafkaLatest:
		p.StopMeaning = Latest
	case offset == kafkaCommitted:
		p.StopMeaning = Committed
	case offset != kafkaNone:
		r.fail("stopping offset %d", offset)
	}
}

// dynamicSplit reads a split of DynamicKafkaSource, which reads topics of several clusters.
func dynamicSplit(r *reader) Position {
	return clusterSplit(r, r.utf())
}

// dynamicSplit2 reads one that also tells how long it is kept after its cluster is gone.
func dynamicSplit2(r *reader) Position {
	cluster := r.utf()
	if r.bool() {
		if kept := r.i64(); kept < 0 {
			r.fail("kept until %d", kept)
		}
	}
	return clusterSplit(r, cluster)
}

func clusterSplit(r *reader, cluster string) Position {
	if v := r.i32(); v != 0 {
		r.fail("a Kafka split of version %d", v)
	}
	if cluster == "" {
		r.fail("no cluster")
	}
	p := kafkaSplit(r)
	p.Cluster = cluster
	p.Split = cluster + "-" + p.Split
	return p
}

// The versions of KafkaSource's enumerator (Flink: KafkaSourceEnumStateSerializer). Assigned partitions are
// counted only: where they go on their readers know.

func kafkaEnumerator0(r *reader, c *Coordinator) {
	subtasks := r.count(8)
	if v := r.i32(); v != 0 {
		r.fail("a Kafka split of version %d", v)
	}
	for i := 0; i < subtasks && r.ok(); i++ {
		if r.i32() < 0 {
			r.fail("a negative sub-task")
		}
		for n := r.count(4); n > 0 && r.ok(); n-- {
			inner(r, r.sized(), kafkaSplit)
			c.Assigned++
		}
	}
}

func kafkaEnumerator1(r *reader, c *Coordinator) {
	for n := r.count(6); n > 0 && r.ok(); n-- {
		kafkaPartition(r)
		c.Assigned++
	}
}

func kafkaEnumerator2(r *reader, c *Coordinator) {
	for n := r.count(10); n > 0 && r.ok(); n-- {
		p := kafkaPartition(r)
		p.Meaning = Initial
		c.assign(r, p)
	}
	r.bool()
}

func kafkaEnumerator3(r *reader, c *Coordinator) {
	n := r.count(8)
	if v := r.i32(); v != 0 {
		r.fail("a Kafka split of version %d", v)
	}
	for ; n > 0 && r.ok(); n-- {
		c.assign(r, inner(r, r.sized(), kafkaSplit))
	}
	r.bool()
}

// assign takes a partition and its status.
func (c *Coordinator) assign(r *reader, p Position) {
	switch status := r.i32(); status {
	case 0:
		c.Assigned++
	case 1:
		c.unassigned(p)
	default:
		r.fail("status %d", status)
	}
}

// inner reads a split that lies within other bytes, to its end.
func inner(r *reader, b []byte, read func(*reader) Position) Position {
	in := &reader{b: b}
	p := read(in)
	if in.end(); !in.ok() {
		r.fail("a split: %s,", in.why)
	}
	return p
}
