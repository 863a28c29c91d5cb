package offsets_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/offsets"
	"github.com/ckpt-tool/ckpt/testdata"
)

func fromHex(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestWriters: the states of writers of connectors 3 and 4, as they wrote them.
func TestWriters(t *testing.T) {
	precommitted := offsets.Transaction{
		Connector: "kafka", Format: "KafkaWriterStateSerializer version 2", ID: "fx-tx-1-2", Producer: -1, Epoch: -1, Checkpoint: 2, Subtask: 1, State: "precommitted",
	}
	for text, want := range map[string]offsets.Writer{
		"0000000100000007000566782d7478":                                 {Format: "KafkaWriterStateSerializer version 1", Prefix: "fx-tx", Doubtful: true, Subtask: -1, Subtasks: -1},
		"0000000200000017000566782d747800000000000000020000000000000000": {Format: "KafkaWriterStateSerializer version 2", Prefix: "fx-tx", Subtasks: 2},
		"000000020000002a000566782d747800000001000000020000000000000001000966782d74782d312d320000000000000002": {
			Format: "KafkaWriterStateSerializer version 2", Prefix: "fx-tx", Subtask: 1, Subtasks: 2, Precommitted: []offsets.Transaction{precommitted},
		},
	} {
		got, err := offsets.KafkaWriter(fromHex(t, text))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s:\n got %+v %v\nwant %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"",
		"00000001 00000002 0000",           // no prefix
		"00000001 00000004 00020001",       // one that nobody can type
		"00000003 00000007 000566782d7478", // of a version to come
		"00000002 00000007 000566782d7478", // cut off
		"00000001 0000000c 0b4b9c5e 00000000 00000000",                         // of a file sink
		"00000002 00000017 000566782d7478 00000000 00000002 00000002 00000000", // an ownership to come
	} {
		if w, err := offsets.KafkaWriter(fromHex(t, text)); !errors.Is(err, offsets.ErrUnknown) {
			t.Errorf("%s: %+v %v", text, w, err)
		}
	}
}

// TestCommitters: what committers of Flink 1.20 and 2.2 wrote, and one of Flink 1.14.
func TestCommitters(t *testing.T) {
	kafka := func(epoch int16, checkpoint int64, subtask int32, state string) []offsets.Transaction {
		return []offsets.Transaction{{
			Connector: "kafka", Format: "KafkaCommittableSerializer version 1", ID: "fx-tx-1-2", Producer: 6, Epoch: epoch,
			Checkpoint: checkpoint, Subtask: subtask, State: state,
		}}
	}

	other := []offsets.Transaction{{Format: "committable of version 3", Producer: -1, Epoch: -1, Checkpoint: -1, Subtask: -1, Raw: []byte("ab")}}
	for _, c := range []struct {
		name, text string
		want       []offsets.Transaction
	}{
		{"1.20 nothing", "0000000200000038b91f252c00000000000000010000002800000000000000020000000000000001000000140000000000000000000000000000000000000000", nil},
		{"1.20", "000000020000008db91f252c0000000000000002000000280000000000000001000000000000000100000014000000000000000000000001000000010000000000000051000000000000000200000000000000010000003d0000000000000001000000250000000100000015000c0000000000000006000966782d74782d312d320000000000000000000000010000000000000000", kafka(12, 2, -1, "received")},
		{"2.2 nothing", "000000020000003cb91f252c00000001000000010000002c0000000000000002000000020000000200000001000000140000000000000000000000000000000000000000", nil},
		{"2.2", "0000000200000065b91f252c00000001000000010000005500000000000000020000000200000002000000010000003d00000001000000000000000100000025000000010000001500120000000000000006000966782d74782d312d3200000000000000000000000100000000", kafka(18, 2, 1, "received")},
		{"before Sink V2", "00000001 00000025 b91f252c 00000001 00000001 00000015 000c 0000000000000006 0009 66782d74782d312d32", kafka(12, -1, -1, "")},
		{"of another sink", "00000001 00000012 b91f252c 00000003 00000001 00000002 6162", other},
	} {
		got, err := offsets.Committer(fromHex(t, c.text))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v %v\nwant %+v", c.name, got, err, c.want)
		}
	}
	for name, text := range map[string]string{
		"another beginning":           "00000002 00000004 b91f252d",
		"a version to come":           "00000003 0000000c b91f252c 00000000 00000000",
		"checkpoints of that version": "00000002 0000000c b91f252c 00000002 00000000",
		"a count beyond the bytes":    "00000002 0000000c b91f252c 00000001 00000001",
	} {
		if got, err := offsets.Committer(fromHex(t, text)); !errors.Is(err, offsets.ErrUnknown) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestProducers: FlinkKafkaProducer wrote its state in two ways, which cannot be taken for each other.
func TestProducers(t *testing.T) {
	all := written(t)
	transaction := func(id string, producer int64, epoch int16, state string, started int64) offsets.Transaction {
		return offsets.Transaction{
			Connector: "kafka", Format: "FlinkKafkaProducer$TransactionStateSerializer", ID: id, Producer: producer, Epoch: epoch,
			Checkpoint: -1, Subtask: -1, State: state, Started: started,
		}
	}
	want := []offsets.Transaction{
		transaction("Sink: out-2", 4002, 0, "open", 1700000000500),
		transaction("Sink: out-1", 4001, 2, "received", 1700000000000),
	}
	for _, name := range []string{"producer-false", "producer-true"} {
		if got, err := offsets.KafkaProducer(all[name]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v %v\nwant %+v", name, got, err, want)
		}
	}
	for _, name := range []string{"producer-plain-false", "producer-plain-true"} {
		if got, err := offsets.KafkaProducer(all[name]); err != nil || len(got) != 0 {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// TestLists: elements as list states hold them.
func TestLists(t *testing.T) {
	add := func(state string, elements ...string) offsets.Found {
		t.Helper()
		l := offsets.NewList(state)
		if l == nil {
			t.Fatalf("%s: not known", state)
		}
		for _, e := range elements {
			if err := l.Add(fromHex(t, e)); err != nil {
				t.Errorf("%s: %v", state, err)
			}
		}
		return l.Found()
	}
	for _, state := range []string{"DataGenerator-sequence-state", "DataGenerator.id-sequence-state", "stateful-sequence-source-state"} {
		f := add(state, "0000000000000005", "0000000000000007", "0000000000000009")
		if p := f.Positions[0]; len(f.Positions) != 1 || p.Offset != 5 || *p.Last != 9 || p.Left != 3 {
			t.Errorf("%s: %+v", state, f)
		}
		if f := add(state); len(f.Positions) != 0 {
			t.Errorf("%s without elements: %+v", state, f)
		}
	}
	if p := add("from-elements-state", "00000003").Positions; len(p) != 1 || p[0].Offset != 3 || p[0].Connector != "elements" {
		t.Errorf("elements: %+v", p)
	}
	if p := add("file-monitoring-state", "0000018bcfe56418").Positions; len(p) != 1 || p[0].Offset != modified || p[0].Meaning != offsets.Modified {
		t.Errorf("files: %+v", p)
	}
	if w := add("writer_raw_states", "0000000f 0000000100000007000566782d7478").Writers; len(w) != 1 {
		t.Errorf("writers: %+v", w)
	}
	for state, element := range map[string]string{
		"SourceReaderState": "00000001", "writer_raw_states": "00", "stateful-sequence-source-state": "0102", "from-elements-state": "ffffffff", "file-monitoring-state": "00",
	} {
		if err := offsets.NewList(state).Add(fromHex(t, element)); !errors.Is(err, offsets.ErrUnknown) {
			t.Errorf("%s: %v", state, err)
		}
	}
	for _, state := range []string{"", "count", "my-sequence-state", "sourcereaderstate"} {
		if offsets.NewList(state) != nil {
			t.Errorf("%q is known", state)
		}
	}
}

// TestDumps: every split, writer and committer that Flink's own dumps of real jobs hold is read, and the splits tell the
// progress of their jobs.
func TestDumps(t *testing.T) {
	seen := map[string]int{}
	for _, o := range testdata.StateOracles(t) {
		for _, line := range o.Entries(t) {
			state, rest, ok := strings.Cut(string(line), `","kind":"list","value":"hex:`)
			if !ok {
				continue
			}
			state = state[strings.LastIndexByte(state, '"')+1:]
			l := offsets.NewList(state)
			if l == nil {
				continue
			}
			element := fromHex(t, strings.TrimSuffix(rest, `"}`))
			if err := l.Add(append([]byte{0, 0, byte(len(element) >> 8), byte(len(element))}, element...)); err != nil {
				t.Errorf("%s/%s %s: %v", o.Case, o.Name, state, err)
			}
			seen[state]++
			for _, p := range l.Found().Positions {
				seen[p.Connector]++
				checkProgress(t, o.Case, p)
			}
		}
	}
	t.Log(seen)
	for _, name := range []string{"SourceReaderState", "writer_raw_states", "streaming_committer_raw_states", "kafka", "file", "sequence"} {
		if seen[name] == 0 {
			t.Errorf("no %s in any dump", name)
		}
	}
}

// checkProgress compares a position with what the jobs of the trees are known to have read: 60 records, two thirds of
// them of partition 0.
func checkProgress(t *testing.T, name string, p offsets.Position) {
	t.Helper()
	switch p.Connector {
	case "kafka":
		want := map[int32]int64{0: 60, 1: 30, 2: 0}[p.Partition]
		if p.Offset != want || (p.Meaning == offsets.Earliest) != (p.Partition == 2) || p.Stop != nil {
			t.Errorf("%s: %+v", name, p)
		}
	case "file":
		if !strings.HasPrefix(p.Path, "file:/") || p.Start != 0 || p.Skip < 400 || p.Skip > 700 || p.Meaning != offsets.Next {
			t.Errorf("%s: %+v", name, p)
		}
	case "sequence":
		first, last := int64(1), int64(499_997)
		if p.Split == "2" {
			first, last = 500_001, 1_000_000
		}
		if *p.Last != last || p.Offset <= first || p.Left != last-p.Offset+1 || p.Meaning != offsets.Next {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
