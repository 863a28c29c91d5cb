package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// Trash is a directory to which files are moved. Below it, each run has a directory:
//
//	{run}/manifest-{batch}.jsonl   what of a batch lies here, and where it was
//	{run}/{n}                      a file: numbers, so that nothing looks like Flink's
//	{run}/end                      the run has ended
//
// A manifest is there before the first file of its batch, and goes after the last.
type Trash struct {
	Store layout.MutableStore
	Dir   string // key in Store
}

const (
	trashSchema    = "ckpt.trash/v1"
	manifestPrefix = "manifest-"
	endName        = "end"
)

// trashHeader is the first line of a manifest.
type trashHeader struct {
	Schema    string    `json:"schema"`
	Run       string    `json:"run"`
	Version   string    `json:"version"`
	Created   time.Time `json:"created"`
	Roots     []string  `json:"roots"`
	Snapshots []string  `json:"snapshots"` // URLs of directories
	First     int       `json:"first"`     // number of the first file
	Files     int       `json:"files"`
}

func (h *trashHeader) schema() (string, string) { return h.Schema, trashSchema }

// trashLine is a file of a manifest.
type trashLine struct {
	N        int       `json:"n"`
	URL      string    `json:"url"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Why      string    `json:"why"`
	Metadata bool      `json:"metadata,omitempty"`
	Of       []int     `json:"of,omitempty"` // snapshots of the header that need it
}

// TrashPlace fails where a trash or a journal must not lie at url: within a root it would
// be swept as what nobody knows, and look like a part of somebody's tree, unless it lies
// in the directory that is ckpt's own.
func TrashPlace(url string, roots []string) error {
	url = layout.Canonical(url)
	for _, root := range roots {
		own := layout.Join(root, layout.ToolDirName)
		if _, within := layout.Below(own, url); within {
			continue
		}
		if _, within := layout.Below(root, url); within {
			return &PlaceError{Path: url, Message: "it lies within " + root, Hint: "choose a place elsewhere, or below " + own}
		}
		if _, around := layout.Below(url, root); around {
			return &PlaceError{Path: url, Message: root + " lies within it", Hint: "choose a directory that is used for nothing else, such as one below " + own}
		}
	}
	return nil
}

// PlaceError says that trash or journals must not lie at a place.
type PlaceError struct{ Path, Message, Hint string }

// Error implements error.
func (e *PlaceError) Error() string { return e.Path + ": " + e.Message }

// ErrPath is the place.
func (e *PlaceError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *PlaceError) ErrHint() string { return e.Hint }

// Private is a store whose directories have rights of their own.
type Private interface {
	// MakePrivate makes a directory that is nobody's but the owner's, and those above it as
	// Create does. One that is there stays as it is.
	MakePrivate(ctx context.Context, dir string) error
}

// make makes the directory of a run. What lies in it was behind the rights of directories
// that are not here, and must not be read by more people than before.
func (t *Trash) make(ctx context.Context, run string) error {
	if s, ok := t.Store.(Private); ok {
		return s.MakePrivate(ctx, path.Join(t.Dir, run))
	}
	return nil
}

// announce writes the manifest of a batch.
func (t *Trash) announce(ctx context.Context, b *batch, users *users) error {
	head := trashHeader{Schema: trashSchema, Run: b.out.Run, Version: b.e.Version, Created: b.e.Now().UTC(), Roots: b.roots(), First: b.first, Files: len(b.entries)}
	number := map[int]int{}
	for i := range b.entries {
		for _, node := range users.of(i) {
			if _, ok := number[node]; !ok {
				number[node] = len(number)
				head.Snapshots = append(head.Snapshots, b.plan.Graph.Nodes[node].URL())
			}
		}
	}
	if err := t.make(ctx, b.out.Run); err != nil {
		return err
	}
	key := path.Join(t.Dir, b.out.Run, fmt.Sprintf("%s%d%s", manifestPrefix, b.number, linesSuffix))
	_, err := createLines(ctx, t.Store, key, func(put func(any) error) error {
		if err := put(&head); err != nil {
			return err
		}
		for i := range b.entries {
			e, o := &b.entries[i], b.file(int32(i))
			line := trashLine{N: b.first + i, URL: b.url(int32(i)), Size: o.Size, Modified: o.Modified.UTC(), Why: e.why.String(), Metadata: e.meta}
			for _, node := range users.of(i) {
				line.Of = append(line.Of, number[node])
			}
			if err := put(&line); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// end marks a run as ended.
func (t *Trash) end(ctx context.Context, out *Executed, moved int) error {
	if moved == 0 {
		return nil
	}
	data, err := json.Marshal(map[string]any{"schema": trashSchema, "run": out.Run, "objects": out.Objects, "bytes": out.Bytes})
	if err != nil {
		return err
	}
	return t.Store.Replace(ctx, path.Join(t.Dir, out.Run, endName), append(data, '\n'))
}

// move copies files to the trash, and deletes those of which the copy is whole. It calls
// done as [layout.Deleter] does, and with errGone for what somebody else has deleted.
func (t *Trash) move(ctx context.Context, from layout.MutableStore, files []layout.Object, key func(i int) string, done func(i int, err error)) {
	errs := make([]error, len(files))
	var group errgroup.Group
	group.SetLimit(requests)
	for i := range files {
		group.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = t.keep(ctx, from, files[i], key(i))
			}
			return nil
		})
	}
	group.Wait() //nolint:errcheck // they are in errs
	var copied []layout.Object
	var index []int
	for i, err := range errs {
		switch {
		case err == nil:
			copied, index = append(copied, files[i]), append(index, i)
		case errors.Is(err, fs.ErrNotExist) && gone(ctx, from, files[i]):
			done(i, errGone)
		default:
			done(i, err)
		}
	}
	from.Delete(ctx, copied, func(n int, err error) { done(index[n], err) })
}

// gone tells whether it is the file that was not found, and not the way to its copy.
func gone(ctx context.Context, from layout.Store, file layout.Object) bool {
	_, err := from.Stat(ctx, file.Key)
	return errors.Is(err, fs.ErrNotExist)
}

// keep copies one file to the trash.
func (t *Trash) keep(ctx context.Context, from layout.Store, file layout.Object, key string) error {
	if !utf8.ValidString(file.Key) {
		return fmt.Errorf("%q: a manifest cannot hold a name like this", file.Key)
	}
	return copyFile(ctx, t.Store, key, from, file)
}

// TrashRun is what a run has moved to the trash.
type TrashRun struct {
	Run       string
	Created   time.Time
	Ended     bool // it was neither killed nor is it at work
	Roots     []string
	Snapshots []string // URLs of directories
	Files     int      // that lie in the trash
	Bytes     int64
	// Err is why a manifest cannot be read: then the run is left alone.
	Err error

	manifests []manifest
	files     map[int]layout.Object // by number
	others    []layout.Object       // the end, and what writing has left
	dir       string
}

// manifest is one of a run.
type manifest struct {
	trashHeader
	object layout.Object
}

// Runs are the runs whose files lie in the trash, the oldest first.
func (t *Trash) Runs(ctx context.Context) ([]TrashRun, error) {
	var runs []TrashRun
	for o, err := range t.Store.Children(ctx, t.Dir) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case o.Type == layout.TypeDir && o.Key != t.Dir:
			r, err := t.run(ctx, o)
			if err != nil {
				return nil, err
			}
			if len(r.manifests) > 0 || r.Ended || r.Err != nil {
				runs = append(runs, *r)
			}
		}
	}
	sortRuns(runs)
	return runs, ctx.Err()
}

// run lists the directory of a run, and reads the headers of its manifests.
func (t *Trash) run(ctx context.Context, dir layout.Object) (*TrashRun, error) {
	r := &TrashRun{Run: dir.Name(), files: map[int]layout.Object{}, dir: dir.Key}
	for o, err := range t.Store.Children(ctx, dir.Key) {
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r.take(o)
	}
	for i := range r.manifests {
		m := &r.manifests[i]
		err := readLines(ctx, t.Store, m.object.Key, &m.trashHeader, func([]byte) error { return errHeaderOnly })
		if err != nil && !errors.Is(err, errHeaderOnly) {
			r.Err = fmt.Errorf("%s: this manifest cannot be read: %w", layout.Join(t.Store.URL(), m.object.Key), err)
			return r, ctx.Err()
		}
	}
	r.sum()
	return r, nil
}

// errHeaderOnly ends the reading of a manifest behind its header.
var errHeaderOnly = errors.New("enough")

// take sorts what lies in the directory of a run.
func (r *TrashRun) take(o layout.Object) {
	name := o.Name()
	switch n, number := trashNumber(name); {
	case o.Type != layout.TypeFile:
	case number:
		r.files[n] = o
	case strings.HasPrefix(name, manifestPrefix) && strings.HasSuffix(name, linesSuffix):
		r.manifests = append(r.manifests, manifest{object: o})
	case name == endName:
		r.Ended = true
		r.others = append(r.others, o)
	case strings.HasPrefix(name, layout.ToolDirName+"-"):
		r.others = append(r.others, o)
	}
}
