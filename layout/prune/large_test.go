package prune_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// largeStore is a bucket that is made up while it is read: jobs whose checkpoints share
// files, and files that nothing uses.
type largeStore struct {
	layout.Store
	jobs, checkpoints, references, advance, orphans int
	now                                             time.Time
	size                                            int64 // of each _metadata
}

func (s *largeStore) URL() string  { return "s3://large/flink" }
func (s *largeStore) Close() error { return nil }

// uuid is the n-th random name.
func uuid(n uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(b[8:], (n+1)*0xbf58476d1ce4e5b9)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (s *largeStore) job(j int) string { return fmt.Sprintf("%032x", j+1) }

func (s *largeStore) shared(j, i int) string {
	return s.job(j) + "/shared/" + uuid(uint64(j)<<40|uint64(i))
}

func (s *largeStore) List(context.Context, string) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for j := range s.jobs {
			for i := range s.checkpoints*s.advance + s.references + s.orphans {
				if !yield(layout.Object{Key: s.shared(j, i), Size: 1000, Modified: s.now.Add(-1000 * time.Hour)}, nil) {
					return
				}
			}
			for c := range s.checkpoints {
				o := layout.Object{Key: fmt.Sprintf("%s/chk-%d/_metadata", s.job(j), c+1), Size: s.size, Modified: s.modified(c)}
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

func (s *largeStore) modified(c int) time.Time { return s.now.Add(time.Duration(c-900) * time.Hour) }

func (s *largeStore) metadata(j, c int) []byte {
	files := make([]*metadata.FileHandle, s.references)
	for i := range files {
		files[i] = &metadata.FileHandle{Path: metadata.UTF("s3://large/flink/" + s.shared(j, c*s.advance+i)), Size: 1000}
	}
	data, err := metadata.Encode(testdata.ForestCheckpoint(int64(c+1), files))
	if err != nil {
		panic(err)
	}
	return data
}

func (s *largeStore) Open(_ context.Context, key string) (*layout.Content, error) {
	dir, ok := strings.CutSuffix(key, "/_metadata")
	job, chk, _ := strings.Cut(dir, "/chk-")
	j, err1 := strconv.ParseInt(job, 16, 64)
	c, err2 := strconv.Atoi(chk)
	if err := errors.Join(err1, err2); !ok || err != nil {
		return nil, fs.ErrNotExist
	}
	data := s.metadata(int(j)-1, c-1)
	return &layout.Content{ReadCloser: io.NopCloser(bytes.NewReader(data)), Object: layout.Object{Key: key, Size: int64(len(data)), Modified: s.modified(c - 1)}}, nil
}

func (s *largeStore) Stat(context.Context, string) (layout.Object, error) {
	return layout.Object{}, fs.ErrNotExist
}

// BenchmarkPlan plans for a bucket of 10,000,000 objects with 2,000 checkpoints of 5,000
// references each, and tells the most memory that the process had.
func BenchmarkPlan(b *testing.B) {
	now := time.Now()
	store := &largeStore{jobs: 10, checkpoints: 200, references: 5000, advance: 4500, orphans: 94800, now: now}
	store.size = int64(len(store.metadata(0, 0)))
	defer debug.SetGCPercent(debug.SetGCPercent(prune.GCPercent)) // as the command does
	for b.Loop() {
		tree, err := layout.NewTree(b.Context(), store, nil)
		if err != nil {
			b.Fatal(err)
		}
		names := &usage.Names{}
		g, err := layout.NewGraph(b.Context(), []*layout.Tree{tree}, layout.GraphOptions{
			Assess: layout.AssessOptions{Now: now}, Prove: true,
			Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return names.Observe },
		})
		if err != nil {
			b.Fatal(err)
		}
		p := prune.Make(prune.Input{
			Now: now, Graph: g, OtherRoots: true, Outside: names, World: ended, Policy: prune.Policy{Last: 3}, Safety: prune.DefaultSafety(),
			Places: []prune.Place{{URL: store.URL(), Mode: prune.Swept}},
		})
		if p.Stopped() || p.Totals.Snapshots != 1970 || p.Totals.DeleteObjects < 9_000_000 {
			b.Fatalf("%+v, %v", p.Totals, tripped(p))
		}
		b.ReportMetric(float64(g.Len()), "objects")
		b.ReportMetric(float64(p.Totals.DeleteObjects), "deletions")
	}
	b.ReportMetric(peak(b), "peak-MB")
}

// peak is the most memory that the process had so far, in MB.
func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc:", err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	kb, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1000
}
