package prune

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Whole are the snapshots of a run of which the trash still has the _metadata: none of them
// was restored. They are in the order of their manifests.
func (t *Trash) Whole(ctx context.Context, r *TrashRun) ([]string, error) {
	var whole []string
	for i := range r.manifests {
		head := &trashHeader{}
		err := readLines(ctx, t.Store, r.manifests[i].object.Key, head, func(line []byte) error {
			l := &trashLine{}
			if err := json.Unmarshal(line, l); err != nil {
				return err
			}
			url, _ := strings.CutSuffix(l.URL, "/"+layout.MetadataName)
			if _, kept := r.files[l.N]; kept && l.Metadata && slices.Contains(r.Snapshots, url) {
				whole = append(whole, url)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return whole, nil
}
