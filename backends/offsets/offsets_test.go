package offsets_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/offsets"
)

// written reads testdata/written.txt.
func written(tb testing.TB) map[string][]byte {
	tb.Helper()
	f, err := os.Open("testdata/written.txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	all := map[string][]byte{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, text, ok := strings.Cut(lines.Text(), " ")
		if !ok || name == "#" {
			continue
		}
		if all[name], err = hex.DecodeString(text); err != nil {
			tb.Fatal(name, err)
		}
	}
	if len(all) < 15 {
		tb.Fatalf("%d values", len(all))
	}
	return all
}

func ptr(v int64) *int64 { return &v }

func kafka(format, topic string, partition int32, offset int64) offsets.Position {
	return offsets.Position{
		Connector: "kafka", Format: format, Split: fmt.Sprintf("%s-%d", topic, partition), Source: -1,
		Topic: topic, Partition: partition, Start: -1, Length: -1, Offset: offset, Meaning: offsets.Next,
	}
}

const (
	kafkaFormat = "KafkaPartitionSplitSerializer version 0"
	fileFormat  = "FileSourceSplitSerializer version 1"
	modified    = 1699999999000
)

func file(format, split, path string) offsets.Position {
	return offsets.Position{Connector: "file", Format: format, Split: split, Source: -1, Partition: -1, Path: path, Meaning: offsets.Next}
}

// with changes a position.
func with(p offsets.Position, change func(p *offsets.Position)) offsets.Position {
	change(&p)
	return p
}

// TestPositions: what Flink's connectors wrote is read as they meant it.
func TestPositions(t *testing.T) {
	all := written(t)
	long := strings.Repeat("longtopic_", 25)
	parquet := with(file(fileFormat, "0000000007", "s3://bucket/in/b.parquet"), func(p *offsets.Position) {
		p.Start, p.Length, p.Offset, p.Skip = 100, 900, 300, 12
	})
	for _, c := range []struct {
		name string
		read func([]byte) (offsets.Position, error)
		want offsets.Position
	}{
		{"consumer", offsets.KafkaConsumer, kafka("KafkaTopicPartition", "orders", 3, 42)},
		{"consumer-short", offsets.KafkaConsumer, with(kafka("KafkaTopicPartition", "t", 0, 0), func(p *offsets.Position) { p.Meaning = offsets.Earliest })},
		{"consumer-long", offsets.KafkaConsumer, kafka("KafkaTopicPartition", long[:70], 129, math.MaxInt64)},
		{"consumer-longest", offsets.KafkaConsumer, kafka("KafkaTopicPartition", long[:249], 129, 0)},
		{"kafka-split-stop", offsets.Split, with(kafka(kafkaFormat, "orders", 7, 0), func(p *offsets.Position) {
			p.Meaning, p.Stop, p.StopMeaning = offsets.Committed, ptr(900), offsets.Next
		})},
		{"file-split", offsets.Split, parquet},
		{"hybrid-split", offsets.Split, with(kafka(kafkaFormat, "orders", 1, 77), func(p *offsets.Position) { p.Source = 1 })},
		{"hybrid-file-split", offsets.Split, with(file(fileFormat, "0000000001", "/in/a.txt"), func(p *offsets.Position) { p.Source, p.Length = 0, 10 })},
		{"filesplit-null", offsets.FileReader, with(file("TimestampedFileInputSplit", "hdfs://nn:8020/in/a b.txt#3", "hdfs://nn:8020/in/a b.txt"), func(p *offsets.Position) {
			p.Start, p.Length, p.Offset = 1024, 4096, 1024
		})},
		{"filesplit-long", offsets.FileReader, with(file("TimestampedFileInputSplit", "hdfs://nn:8020/in/a b.txt#3", "hdfs://nn:8020/in/a b.txt"), func(p *offsets.Position) {
			p.Start, p.Length, p.Offset = 1024, 4096, 2048
		})},
	} {
		got, err := c.read(all[c.name])
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// coordinator puts before an enumerator's state what its coordinator does.
func coordinator(framed []byte) []byte { return append([]byte{0, 0, 0, 1}, framed...) }

// framed is a body with its version.
func framed(version uint32, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, version)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

func TestEnumerators(t *testing.T) {
	all := written(t)
	pending := func(format string, p offsets.Position) offsets.Position {
		p.Format, p.Unassigned = format, true
		return p
	}
	const files, kafka3 = "PendingSplitsCheckpointSerializer version 1", "KafkaSourceEnumStateSerializer version 3"
	parquet := with(file(files, "0000000007", "s3://bucket/in/b.parquet"), func(p *offsets.Position) {
		p.Start, p.Length, p.Offset, p.Skip = 100, 900, 300, 12
	})
	split := kafkaBody("orders", 2, 17, math.MinInt64)
	v3 := slices.Concat([]byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, byte(len(split))}, split, []byte{0, 0, 0, 0, 0, 0, 0, byte(len(split))}, split, []byte{0, 0, 0, 1, 1})
	unread := kafka("", "orders", 9, 0)
	unread.Meaning = offsets.Initial
	for _, c := range []struct {
		name string
		data []byte
		want offsets.Coordinator
	}{
		{"kafka 0", framed(0, all["kafka-enum0-body"]), offsets.Coordinator{Connector: "kafka", Format: "KafkaSourceEnumStateSerializer version 0", Assigned: 1}},
		{"kafka 1", all["kafka-enum"], offsets.Coordinator{Connector: "kafka", Format: "KafkaSourceEnumStateSerializer version 1", Assigned: 2}},
		{"kafka 2 new", framed(2, []byte("\x00\x00\x00\x01\x00\x06orders\x00\x00\x00\x09\x00\x00\x00\x01\x00")), offsets.Coordinator{
			Connector: "kafka", Format: "KafkaSourceEnumStateSerializer version 2",
			Unassigned: []offsets.Position{pending("KafkaSourceEnumStateSerializer version 2", unread)},
		}},
		{"kafka 3", framed(3, v3), offsets.Coordinator{Connector: "kafka", Format: kafka3, Assigned: 1, Unassigned: []offsets.Position{pending(kafka3, kafka("", "orders", 2, 17))}}},
		{"file", all["file-enum"], offsets.Coordinator{Connector: "file", Format: files, Processed: 2, Unassigned: []offsets.Position{pending(files, parquet)}}},
		{"sequence", all["seq-enum"], offsets.Coordinator{
			Connector: "sequence", Format: "NumberSequenceSource$CheckpointSerializer version 1",
			Unassigned: []offsets.Position{{
				Connector: "sequence", Format: "NumberSequenceSource$CheckpointSerializer version 1", Split: "2", Unassigned: true, Source: -1, Partition: -1,
				Start: -1, Length: -1, Offset: 51, Meaning: offsets.Next, Last: ptr(100), Left: 50,
			}},
		}},
		{"hybrid", all["hybrid-enum"], offsets.Coordinator{Connector: "file", Format: files, Unassigned: []offsets.Position{
			pending(files, with(file("", "0000000001", "/in/a.txt"), func(p *offsets.Position) { p.Source, p.Length = 0, 10 })),
		}}},
		{"empty, of either", framed(1, []byte{0, 0, 0, 0}), offsets.Coordinator{}},
	} {
		got, err := offsets.Enumerator(coordinator(c.data))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, *got, c.want)
		}
	}
}

// kafkaBody is a split of KafkaSource.
func kafkaBody(topic string, partition uint32, start, stop int64) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(topic)))
	b = binary.BigEndian.AppendUint32(append(b, topic...), partition)
	b = binary.BigEndian.AppendUint64(b, uint64(start))
	return binary.BigEndian.AppendUint64(b, uint64(stop))
}

// dynamicBody is a split of DynamicKafkaSource.
func dynamicBody(kept, split []byte) []byte {
	return slices.Concat([]byte("\x00\x02eu"), kept, []byte{0, 0, 0, 0}, split)
}

func TestKafkaSplits(t *testing.T) {
	const none = math.MinInt64
	dynamic := func(version int) offsets.Position {
		p := kafka(fmt.Sprintf("DynamicKafkaSourceSplitSerializer version %d", version), "orders", 1, 5)
		p.Cluster, p.Split = "eu", "eu-orders-1"
		return p
	}
	body := kafkaBody("orders", 1, 5, none)
	for _, c := range []struct {
		version uint32
		body    []byte
		want    func(p *offsets.Position)
	}{
		{0, body, func(*offsets.Position) {}},
		{0, kafkaBody("orders", 1, -1, -1), func(p *offsets.Position) {
			p.Offset, p.Meaning, p.StopMeaning = 0, offsets.Latest, offsets.Latest
		}},
		{0, kafkaBody("orders", 1, -2, -3), func(p *offsets.Position) {
			p.Offset, p.Meaning, p.StopMeaning = 0, offsets.Earliest, offsets.Committed
		}},
		{0, kafkaBody("orders", 1, none, 0), func(p *offsets.Position) {
			p.Offset, p.Meaning, p.Stop, p.StopMeaning = 0, offsets.Initial, ptr(0), offsets.Next
		}},
		{1, dynamicBody(nil, body), func(p *offsets.Position) { *p = dynamic(1) }},
		{2, dynamicBody([]byte{0}, body), func(p *offsets.Position) { *p = dynamic(2) }},
		{2, dynamicBody([]byte{1, 0, 0, 0, 0, 0, 0, 1, 0}, body), func(p *offsets.Position) { *p = dynamic(2) }},
	} {
		want := with(kafka(kafkaFormat, "orders", 1, 5), c.want)
		got, err := offsets.Split(framed(c.version, c.body))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("version %d %x:\n got %+v %v\nwant %+v", c.version, c.body, got, err, want)
		}
	}
}

// TestRefused: what no connector could have written is no position.
func TestRefused(t *testing.T) {
	all := written(t)
	good := kafkaBody("orders", 1, 5, 9)
	java := func(b []byte) error { _, err := offsets.FileReader(b); return err }
	split := func(b []byte) error { _, err := offsets.Split(b); return err }
	consumer := func(b []byte) error { _, err := offsets.KafkaConsumer(b); return err }
	enumerator := func(b []byte) error { _, err := offsets.Enumerator(b); return err }
	for _, c := range []struct {
		name string
		read func([]byte) error
		data []byte
		want string
	}{
		{"a longer body", split, framed(0, append(good, 0)), "bytes are left over"},
		{"a shorter one", split, framed(0, good[:len(good)-1]), "bytes wanted of"},
		{"behind the frame", split, append(framed(0, good), 0), "left over"},
		{"a topic that Kafka refuses", split, framed(0, kafkaBody("or ders", 1, 5, 9)), "no topic"},
		{"no topic", split, framed(0, kafkaBody("", 1, 5, 9)), "no topic"},
		{"a negative partition", split, framed(0, kafkaBody("t", math.MaxUint32, 5, 9)), "partition -1"},
		{"a negative offset", split, framed(0, kafkaBody("t", 1, -4, 9)), "starting offset -4"},
		{"a stop at the beginning", split, framed(0, kafkaBody("t", 1, 5, -2)), "stopping offset -2"},
		{"a version to come", split, framed(7, good), "a split of version 7"},
		{"another format of that version", split, framed(1, good), "version 1"},
		{"a split of a sequence with a name", split, framed(1, []byte("\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02")), "no split of a sequence"},
		{"a sequence backwards", split, framed(1, []byte("\x00\x011\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x02")), "from 3 to 2"},
		{"one hybrid source in another", split, framed(0, slices.Concat([]byte("\x00\x00\x00\x00\x00\x01x"), all["hybrid-split"])), "of source 0: not a format"},
		{"a hash code that does not fit", consumer, slices.Concat(all["consumer"][:7], []byte{8}, all["consumer"][8:]), "hash code"},
		{"an offset that is none", consumer, slices.Concat(all["consumer"][:15], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}), "offset -2"},
		{"no object", consumer, append([]byte{0}, all["consumer"][1:]...), "null"},
		{"text", java, []byte("splits"), "no Java object"},
		{"another object", java, []byte("\xac\xed\x00\x05t\x00\x01a"), "no TimestampedFileInputSplit"},
		{"a coordinator of version 2", enumerator, append([]byte{0, 0, 0, 2}, all["kafka-enum"]...), "no coordinator of a source"},
		{"no coordinator of a source", enumerator, []byte("{}"), "no coordinator of a source"},
		{"a status to come", enumerator, coordinator(framed(2, []byte("\x00\x00\x00\x01\x00\x06orders\x00\x00\x00\x09\x00\x00\x00\x02\x00"))), "status 2"},
		{"a count beyond the bytes", enumerator, coordinator(framed(2, []byte("\x7f\xff\xff\xff\x00"))), "count of 2147483647"},
	} {
		err := c.read(c.data)
		if !errors.Is(err, offsets.ErrUnknown) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestCutAndFlipped: no prefix is taken for the whole, and no changed byte goes by where another byte would tell.
func TestCutAndFlipped(t *testing.T) {
	for name, data := range written(t) {
		read := readerOf(name)
		if read == nil {
			t.Fatalf("no reader of %s", name)
		}
		if _, err := read(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range data {
			if v, err := read(data[:i]); err == nil {
				t.Errorf("%s: its first %d bytes are taken for %+v", name, i, v)
			}
		}
		if v, err := read(append(bytes.Clone(data), 0)); err == nil {
			t.Errorf("%s: with a byte behind it is taken for %+v", name, v)
		}
		for i := range data {
			for bit := range 8 {
				changed := bytes.Clone(data)
				changed[i] ^= 1 << bit
				_, _ = read(changed) // must not panic
			}
		}
	}
}

// readerOf is what reads the value of that name.
func readerOf(name string) func([]byte) (any, error) {
	prefix, _, _ := strings.Cut(name, "-")
	switch {
	case prefix == "consumer":
		return func(b []byte) (any, error) { return offsets.KafkaConsumer(b) }
	case prefix == "producer":
		return func(b []byte) (any, error) { return offsets.KafkaProducer(b) }
	case prefix == "filesplit":
		return func(b []byte) (any, error) { return offsets.FileReader(b) }
	case strings.HasSuffix(name, "enum0-body"):
		return func(b []byte) (any, error) { return offsets.Enumerator(coordinator(framed(0, b))) }
	case strings.HasSuffix(name, "-enum"):
		return func(b []byte) (any, error) { return offsets.Enumerator(coordinator(b)) }
	case strings.Contains(name, "split"):
		return func(b []byte) (any, error) { return offsets.Split(b) }
	}
	return nil
}
