package channel_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/channel"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// tree opens the files of a snapshot on disk.
type tree struct{ *layout.Blobs }

func (f tree) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := f.Blobs.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// snapshot is a checkpoint with in-flight data.
type snapshot struct {
	name    string
	content *metadata.Checkpoint
	files   tree
}

// unaligned are all checkpoints that have in-flight data.
func unaligned(tb testing.TB) []snapshot {
	tb.Helper()
	roots := []string{filepath.Join(testdata.Root(tb), "flink")}
	if dir := testdata.Fixtures(tb); dir != "" {
		roots = append(roots, dir)
	}
	var found []snapshot
	for _, root := range roots {
		for _, s := range testdata.Snapshots(tb, root) {
			data, err := os.ReadFile(filepath.Join(s.Dir, "_metadata"))
			if err != nil {
				tb.Fatal(err)
			}
			c, err := metadata.Decode(data)
			if err != nil {
				tb.Fatal(err)
			}
			if len(subtasks(c)) == 0 {
				continue
			}
			opener := storage.New(storage.Settings{}).Open
			target, err := layout.Find(context.Background(), opener, s.Dir, layout.FindOptions{})
			if err != nil {
				tb.Fatal(err)
			}
			blobs := layout.NewBlobs(context.Background(), opener, target, nil)
			tb.Cleanup(func() { _, _ = blobs.Close(), target.Store.Close() })
			found = append(found, snapshot{s.Name, c, tree{blobs}})
		}
	}
	return found
}

// subtask is the channels of a sub-task, of one direction.
type subtask struct {
	operator *metadata.OperatorState
	handles  []metadata.ChannelHandle
}

func subtasks(c *metadata.Checkpoint) []subtask {
	var all []subtask
	for i := range c.Operators {
		for _, s := range c.Operators[i].Subtasks {
			for _, list := range [][]metadata.ChannelHandle{s.InputChannels, s.OutputChannels} {
				if len(list) > 0 {
					all = append(all, subtask{&c.Operators[i], list})
				}
			}
		}
	}
	return all
}

// channelOf is one channel with its bytes.
type channelOf struct {
	*metadata.SingleChannelHandle
	operator metadata.OperatorID
	data     [][]byte
}

func (s *snapshot) channels(t *testing.T) []*channelOf {
	t.Helper()
	var all []*channelOf
	for _, sub := range subtasks(s.content) {
		r, err := channel.Open(t.Context(), s.files, sub.handles, backends.Origin{Operator: sub.operator.ID}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var found []*channelOf
		for e, err := range r.Entries(t.Context(), backends.Selection{}) {
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			if e.KeyGroup != -1 || !slices.Contains(r.States(), e.State) || e.State.Kind != backends.Channel || e.State.Operator != sub.operator.ID {
				t.Errorf("%s: an entry of %+v", s.name, e.State)
			}
			i := slices.IndexFunc(found, func(c *channelOf) bool { return c.SingleChannelHandle == e.Channel })
			if i < 0 {
				i = len(found)
				found = append(found, &channelOf{e.Channel, sub.operator.ID, nil})
			}
			found[i].data = append(found[i].data, bytes.Clone(e.Value))
		}
		for _, c := range found {
			if len(c.data) != len(c.Offsets) {
				t.Errorf("%s: %d buffers at %d offsets", s.name, len(c.data), len(c.Offsets))
			}
		}
		all = append(all, found...)
	}
	return all
}

// TestChannelsOfFlink: the buffers of every input, and of the output that feeds it, are records from front to back.
func TestChannelsOfFlink(t *testing.T) {
	snapshots := unaligned(t)
	if len(snapshots) < 3 {
		t.Fatalf("%d snapshots", len(snapshots))
	}
	elements, pairs, alone := 0, 0, 0
	for _, s := range snapshots {
		all := s.channels(t)
		fed := map[*channelOf]bool{}
		for _, in := range all {
			if in.Direction != metadata.Input {
				continue
			}
			n := records(in.data)
			for _, out := range all {
				if out.Direction == metadata.Output && out.Subtask == in.Info.B && out.Info.B == in.Subtask && out.operator != in.operator && !fed[out] {
					if both := records(append(slices.Clone(in.data), out.data...)); both > 0 {
						fed[out], n = true, both
						break
					}
				}
			}
			if n < 0 {
				t.Errorf("%s: gate %d, channel %d of sub-task %d holds no records", s.name, in.Info.A, in.Info.B, in.Subtask)
			}
			elements, pairs = elements+n, pairs+1
		}
		for _, out := range all {
			if out.Direction == metadata.Output && !fed[out] {
				n := records(out.data)
				if n < 0 {
					t.Errorf("%s: partition %d, sub-partition %d of sub-task %d holds no records", s.name, out.Info.A, out.Info.B, out.Subtask)
				}
				elements, alone = elements+n, alone+1
			}
		}
	}
	t.Logf("%d snapshots, %d inputs, %d outputs alone, %d elements", len(snapshots), pairs, alone, elements)
	if elements < 1000 {
		t.Errorf("%d elements", elements)
	}
}

// records is how many the parts hold, -1 where they are not records from front to back.
func records(parts [][]byte) int {
	n := 0
	for _, err := range channel.Records(parts...) {
		if err != nil {
			return -1
		}
		n++
	}
	return n
}
