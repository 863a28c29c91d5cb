package cmd

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/inventory"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// tagManifest writes the data files of ended jobs that would go to file, if one is named,
// so that S3 tags them and a lifecycle rule deletes what is tagged.
func (r *pruneRun) tagManifest(file string) error {
	if file == "" {
		return nil
	}
	buckets := map[string]bool{}
	for _, t := range r.graph.Trees {
		if place := layout.ParsePlace(t.Root); place.Scheme == "s3" {
			buckets[place.Authority] = true
		}
	}
	if len(buckets) > 1 {
		return usagef("run it once for each bucket", "--emit-tag-manifest: the roots lie in several buckets, and a manifest is of one")
	}
	if len(buckets) == 0 {
		return usagef("elsewhere, --apply deletes", "--emit-tag-manifest is for roots in S3")
	}
	return streamFile(file, func(w io.Writer) error {
		for bucket := range buckets {
			if err := inventory.WriteTagManifest(w, bucket, r.tagged(bucket)); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		return nil
	})
}

// tagged are the keys of what may be tagged: a lifecycle rule asks nobody before it
// deletes, so that only what is of ended jobs will do.
func (r *pruneRun) tagged(bucket string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range r.made.Batches {
			if b := &r.made.Batches[i]; r.hasEnded(b) && !r.tagBatch(b, bucket, yield) {
				return
			}
		}
	}
}

func (r *pruneRun) hasEnded(b *prune.Batch) bool {
	return b.HasJob && (len(b.Snapshots) > 0 || r.known.Of(b.Job, true, time.Time{}, r.env.Now()).Life == prune.Ended)
}

func (r *pruneRun) tagBatch(b *prune.Batch, bucket string, yield func(string) bool) bool {
	lists := [][]prune.Item{b.Shared, b.Orphans}
	for _, s := range b.Snapshots {
		lists = append(lists, s.Files)
	}
	for _, items := range lists {
		for _, item := range items {
			t, f := r.graph.Object(item.Object)
			place := layout.ParsePlace(layout.Join(t.Root, t.Files.Key(f)))
			if t.Files.Name(f) == layout.MetadataName || place.Scheme != "s3" || place.Authority != bucket {
				continue
			}
			if !yield(strings.TrimPrefix(place.Path, "/")) {
				return false
			}
		}
	}
	return true
}
