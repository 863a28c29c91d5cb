package offsets

import "fmt"

// Coordinator is what the enumerator of a source keeps.
type Coordinator struct {
	Connector string // "" where nothing is in it that would tell
	Format    string
	// Assigned counts the splits that readers have, of connectors that keep them. Whether a reader is done
	// with one does not show here.
	Assigned int
	// Processed counts the files that were seen already.
	Processed  int
	Unassigned []Position
}

func (c *Coordinator) unassigned(p Position) {
	p.Unassigned = true
	c.Unassigned = append(c.Unassigned, p)
}

// empty tells that nothing is in it: then formats cannot be told apart, and need not be.
func (c *Coordinator) empty() bool {
	return c.Assigned == 0 && c.Processed == 0 && len(c.Unassigned) == 0
}

// enumerator is how a connector lays out an enumerator's state of one version.
type enumerator struct {
	version         int32
	connector, name string
	read            func(*reader, *Coordinator)
}

var enumerators = []enumerator{
	{0, "kafka", "KafkaSourceEnumStateSerializer", kafkaEnumerator0},
	{1, "kafka", "KafkaSourceEnumStateSerializer", kafkaEnumerator1},
	{2, "kafka", "KafkaSourceEnumStateSerializer", kafkaEnumerator2},
	{3, "kafka", "KafkaSourceEnumStateSerializer", kafkaEnumerator3},
	{1, "file", "PendingSplitsCheckpointSerializer", fileEnumerator},
	{1, "sequence", "NumberSequenceSource$CheckpointSerializer", sequenceEnumerator},
}

// Enumerator reads the state of a source's coordinator, as metadata.OperatorState has it. The
// error is ErrUnknown, with what was tried: operators that are no sources have coordinators as well.
func Enumerator(data []byte) (*Coordinator, error) {
	r := &reader{b: data}
	serde := r.i32()
	version, body := r.framed()
	r.end()
	if !r.ok() || serde != 0 && serde != 1 {
		return nil, fmt.Errorf("%w: no coordinator of a source", ErrUnknown)
	}
	return enumeratorBody(version, body, true)
}

// enumeratorBody tries all formats of the version. A HybridSource holds no other one.
func enumeratorBody(version int32, body []byte, outer bool) (*Coordinator, error) {
	var t trial[*Coordinator]
	for _, e := range enumerators {
		if e.version == version {
			r := &reader{b: body}
			c := &Coordinator{Connector: e.connector, Format: versioned(e.name, version)}
			e.read(r, c)
			t.add(r, e.name, c)
			c.format()
		}
	}
	if version == 0 && outer {
		r := &reader{b: body}
		c := hybridEnumerator(r)
		t.add(r, hybridEnumeratorName, c)
	}
	if allEmpty(t.found) {
		return &Coordinator{}, nil
	}
	return t.result("enumerator", version)
}

func (c *Coordinator) format() {
	for i := range c.Unassigned {
		c.Unassigned[i].Format = c.Format
	}
}

// allEmpty tells that several formats fit, and that none found anything.
func allEmpty(found []*Coordinator) bool {
	for _, c := range found {
		if !c.empty() {
			return false
		}
	}
	return len(found) > 1
}

// hybridEnumerator reads the enumerator of the source that a HybridSource has come to.
func hybridEnumerator(r *reader) *Coordinator {
	source := r.i32()
	version, body := r.framed()
	r.end()
	if source < 0 {
		r.fail("source %d", source)
	}
	if !r.ok() {
		return nil
	}
	c, err := enumeratorBody(version, body, false)
	if err != nil {
		r.fail("of source %d: %v", source, err)
		return nil
	}
	for i := range c.Unassigned {
		c.Unassigned[i].Source = source
	}
	return c
}
