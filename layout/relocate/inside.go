package relocate

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// check reads the metadata that was made once more, and holds it against the list of
// files: every reference must be to one of them, and of its size. Whatever else may be
// wrong with a plan, no copy depends on anything outside of it.
func (p *Plan) check() error {
	c, err := metadata.Decode(p.Metadata)
	if err != nil {
		return fmt.Errorf("the metadata of the copy of %s cannot be read back: %w", p.Source, err)
	}
	files := map[string]int64{}
	for i := range p.Files {
		files[p.Files[i].Key] = p.Files[i].Size
	}
	for place, h := range c.Walk() {
		if err := p.checkHandle(files, place, h); err != nil {
			by := "state"
			if s, ok := h.(metadata.StreamHandle); ok {
				r := layout.ReferrerOf(place, s)
				by = r.String()
			}
			return fmt.Errorf("the copy of %s would not be whole: %s: %w", p.Source, by, err)
		}
	}
	return nil
}

func (p *Plan) checkHandle(files map[string]int64, place metadata.Place, h metadata.Handle) error {
	switch h := h.(type) {
	case *metadata.RelativeFileHandle:
		if !metadata.Inside(h.Path.String()) {
			return fmt.Errorf("the path %q leaves its directory", h.Path)
		}
		return checkSize(files, join(p.Dir, h.Path.String()), h.Size)
	case *metadata.FileHandle:
		key, err := p.keyOf(h.Path)
		if err != nil {
			return err
		}
		if place.Role == metadata.ChangelogLog {
			return checkSize(files, key, -1) // what it records is not the file's length
		}
		return checkSize(files, key, h.Size)
	case *metadata.SegmentHandle:
		key, err := p.keyOf(h.Path)
		if err != nil {
			return err
		}
		if size, ok := files[key]; !ok || p.Form != KeepLayout || h.Start+h.Size > size {
			return fmt.Errorf("no such segment of %q", h.Path)
		}
	case *metadata.OperatorStateHandle:
		return p.checkDirs(h.Merging)
	}
	return nil
}

func (p *Plan) checkDirs(dirs *metadata.MergingDirs) error {
	if dirs == nil {
		return nil
	}
	for _, d := range []metadata.UTF{dirs.Shared, dirs.TaskOwned} {
		if d == "" {
			continue
		}
		if _, err := p.keyOf(d); err != nil {
			return err
		}
	}
	return nil
}

// keyOf is the key of a file of the copy that has an absolute path.
func (p *Plan) keyOf(path metadata.UTF) (string, error) {
	key, ok := strings.CutPrefix(path.String(), strings.TrimSuffix(p.Root, "/")+"/")
	if !ok {
		return "", fmt.Errorf("the path %q leads out of it", path)
	}
	return layout.CleanKey(key)
}

// checkSize compares with what a handle records, -1 where it records nothing.
func checkSize(files map[string]int64, key string, want int64) error {
	size, ok := files[key]
	switch {
	case !ok:
		return fmt.Errorf("no file %q in it", key)
	case want != -1 && want != size:
		return fmt.Errorf("the file %q has %d bytes, and should have %d", key, size, want)
	}
	return nil
}
