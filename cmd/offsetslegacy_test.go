package cmd

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// writtenStates makes a checkpoint of operators that hold the streams of these names, which Flink's older sources and sinks
// wrote.
func writtenStates(t *testing.T, names ...string) string {
	t.Helper()
	f, err := os.Open(filepath.FromSlash("../backends/offsets/testdata/states.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	streams := map[string]*metadata.OperatorStateHandle{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Split(lines.Text(), " "); words[0] != "#" {
			streams[words[0]] = stream(t, words[1], words[2])
		}
	}
	c := &metadata.Checkpoint{Version: 3, ID: 1}
	for _, name := range names {
		if streams[name] == nil {
			t.Fatalf("no stream %q", name)
		}
		c.Operators = append(c.Operators, metadata.OperatorState{
			ID: metadata.OperatorIDOf(name), Parallelism: 1, MaxParallelism: 128, Subtasks: []metadata.SubtaskState{{ManagedOperator: streams[name]}},
		})
	}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "_metadata"), data)
	return dir
}

func stream(t *testing.T, states, text string) *metadata.OperatorStateHandle {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	h := &metadata.OperatorStateHandle{Delegate: &metadata.InlineHandle{Name: "written", Data: data}}
	for _, s := range strings.Split(states, ",") {
		words := strings.Split(s, ":")
		meta := metadata.OperatorStateMeta{Name: metadata.NewUTF(words[0])}
		for i, w := range words[1:] {
			n, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				meta.Mode = metadata.DistributionMode(n)
				continue
			}
			meta.Offsets = append(meta.Offsets, n)
		}
		h.States = append(h.States, meta)
	}
	return h
}

// TestOffsetsOfOlderSources: what the sources and sinks before FLIP-27 and Sink V2 keep.
func TestOffsetsOfOlderSources(t *testing.T) {
	dir := writtenStates(t, "consumer", "files", "sequence", "own")
	r := ckpt(t, "offsets", dir, "--uids", "consumer,files,sequence,own").want(t, OK)
	want := strings.Join([]string{
		"position\tconsumer\t0\ttopic-partition-offset-states\tkafka\torders-0\t42\tnext\t\t\t\t\t",
		"position\tconsumer\t0\ttopic-partition-offset-states\tkafka\torders-1\t\tcommitted\t\t\t\t\t",
		"position\tfiles\t0\tsplits\tfile\thdfs://nn:8020/in/a b.txt#3\t2048\tnext\t0\t\t\thdfs://nn:8020/in/a b.txt\t",
		"position\tsequence\t0\tfrom-elements-state\telements\t\t3\tnext\t\t\t\t\t",
		"position\tsequence\t0\tfile-monitoring-state\tfile\t\t1699999999000\tmodified\t0\t\t\t\t",
		"position\tsequence\t0\tstateful-sequence-source-state\tsequence\t\t5\tnext\t\t\t49\t\t",
		"",
	}, "\n")
	if r.out != want {
		t.Errorf("got:\n%swant:\n%s", r.out, want)
	}
	table := ckpt(t, "offsets", dir, "-o", "table", "--uids", "consumer,files,sequence,own").want(t, OK).out
	for _, line := range []string{"files changed after 2023-11-14T22:13:19Z", "1 operator with list state that no source known to ckpt has: --operator shows it (own)"} {
		if !strings.Contains(table, line) {
			t.Errorf("no %q in\n%s", line, table)
		}
	}
}

// TestOffsetsOfOwnStates: a job's own states of names that sources have as well are what their types say.
func TestOffsetsOfOwnStates(t *testing.T) {
	dir := writtenStates(t, "own")
	want := "raw\town\t0\tsplits\tlist\t\"a\"\nraw\town\t0\tstate\tlist\t7\n"
	if r := ckpt(t, "offsets", dir, "--uids", "own").want(t, OK); r.out != want {
		t.Errorf("got:\n%swant:\n%s", r.out, want)
	}
	if r := ckpt(t, "offsets", dir, "--state", "splits").want(t, OK); strings.Count(r.out, "\n") != 1 {
		t.Error(r.out)
	}
	ckpt(t, "offsets", dir, "--state", "nothing").want(t, NotFound)
}

// TestOffsetsOfOlderSink: the transactions of FlinkKafkaProducer. What else it keeps is not shown, as it is no source's.
func TestOffsetsOfOlderSink(t *testing.T) {
	r := ckpt(t, "offsets", writtenStates(t, "producer"), "--uids", "producer").want(t, OK)
	want := "transaction\tproducer\t0\tstate\tkafka\tSink: out-2\t4002\t0\t\t\topen\ntransaction\tproducer\t0\tstate\tkafka\tSink: out-1\t4001\t2\t\t\treceived\n"
	if r.out != want {
		t.Errorf("got:\n%swant:\n%s", r.out, want)
	}
	r = ckpt(t, "state", "cat", writtenStates(t, "producer"), "--uids", "producer").want(t, OK)
	for _, want := range []string{`"transactionalId":{"some":"Sink: out-2"},"producerId":4002,"epoch":0`, `"nextFreeTransactionalId":`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %s in %s", want, r.out)
		}
	}
}
