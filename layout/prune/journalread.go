package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// JournalFile is a journal that a run has left: it was killed, is at work right now, or
// could not delete all.
type JournalFile struct {
	Journal Journal
	Object  layout.Object
	Run     string
	Created time.Time
	Roots   []string
	Entries []Authorised
	// Err is why it cannot be used, a *JournalError. It is a reason to warn, and for
	// nothing else: what it would have authorised counts as any other file.
	Err error
}

// URL is where the journal lies.
func (f *JournalFile) URL() string { return layout.Join(f.Journal.Store.URL(), f.Object.Key) }

// JournalError says that a journal is not what a run has written.
type JournalError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *JournalError) Error() string {
	return fmt.Sprintf("%s: this journal cannot be read: %v", e.Path, e.Err)
}

// Unwrap gives the error behind it.
func (e *JournalError) Unwrap() error { return e.Err }

// ErrPath is the journal.
func (e *JournalError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *JournalError) ErrHint() string {
	return "delete it by hand: what it was for goes as orphans in time"
}

// ReadJournals reads the journals of earlier runs. Its error is that a directory could
// not be listed; one that does not exist has none.
func ReadJournals(ctx context.Context, dirs []Journal) ([]JournalFile, error) {
	var files []JournalFile
	for _, j := range dirs {
		for o, err := range j.Store.Children(ctx, j.Dir) {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			name := o.Name()
			if o.Type == layout.TypeFile && strings.HasPrefix(name, journalPrefix) && strings.HasSuffix(name, linesSuffix) {
				files = append(files, readJournal(ctx, j, o))
			}
		}
	}
	return files, ctx.Err()
}

func readJournal(ctx context.Context, j Journal, o layout.Object) JournalFile {
	f := JournalFile{Journal: j, Object: o}
	var head journalHeader
	err := readLines(ctx, j.Store, o.Key, &head, func(line []byte) error {
		var e journalLine
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		f.Entries = append(f.Entries, Authorised(e))
		return nil
	})
	if err == nil && len(f.Entries) != head.Files {
		err = fmt.Errorf("it has %d of its %d files", len(f.Entries), head.Files)
	}
	f.Run, f.Created, f.Roots = head.Run, head.Created, head.Roots
	if err != nil {
		f.Entries, f.Err = nil, &JournalError{Path: f.URL(), Err: err}
	}
	return f
}

// Authorise gives the files that earlier runs had begun to delete: those whose
// authorising _metadata is gone, from the listing of its tree and when asked for once
// more. Of what lies in no tree nothing is known. Whether a file may go is for [Make] to
// say, which knows who uses it.
func Authorise(ctx context.Context, files []JournalFile, g *layout.Graph) []Authorised {
	gone := goneMetadata(ctx, files, g)
	var all []Authorised
	for i := range files {
		for _, e := range files[i].Entries {
			if gone[e.Metadata] {
				all = append(all, e)
			}
		}
	}
	return all
}

// goneMetadata tells which of the _metadata that the journals name are proved to be gone.
func goneMetadata(ctx context.Context, files []JournalFile, g *layout.Graph) map[string]bool {
	gone := map[string]bool{}
	var asked []string
	for i := range files {
		for _, e := range files[i].Entries {
			if _, ok := gone[e.Metadata]; ok {
				continue
			}
			gone[e.Metadata] = false
			if t, key := treeOf(g, e.Metadata); t != nil && path.Base(key) == layout.MetadataName && t.Files.Find(key) == layout.NoFile {
				asked = append(asked, e.Metadata)
			}
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(requests)
	for _, url := range asked {
		group.Go(func() error {
			t, key := treeOf(g, url)
			_, err := t.Store.Stat(ctx, key)
			mu.Lock()
			defer mu.Unlock()
			gone[url] = errors.Is(err, fs.ErrNotExist)
			return nil
		})
	}
	group.Wait() //nolint:errcheck // there are none
	return gone
}

// treeOf is the tree in which a file lies, nil where it lies in none.
func treeOf(g *layout.Graph, url string) (*layout.Tree, string) {
	for _, t := range g.Trees {
		if key, ok := layout.Below(t.Root, url); ok {
			if clean, err := layout.CleanKey(key); err == nil && clean == key && key != "" {
				return t, key
			}
		}
	}
	return nil, ""
}

// atWork is how long a journal, or a run of the trash, may be that of a run that is still
// at work.
const atWork = time.Hour

// RetireJournals deletes journals of earlier runs that are of no more use: all their files
// are gone, or others by now, or in use as the graph shows. A young one may be that of a
// prune that runs right now; it goes only when all its files are gone. It tells how many
// went.
func RetireJournals(ctx context.Context, files []JournalFile, g *layout.Graph, now time.Time) (retired int, err error) {
	for i := range files {
		f := &files[i]
		if f.Err != nil || !f.done(ctx, g, now.Sub(f.Object.Modified) < atWork) {
			continue
		}
		if e := deleteOne(ctx, f.Journal.Store, f.Object); e != nil {
			err = errors.Join(err, e)
			continue
		}
		retired++
	}
	return retired, err
}

// done tells whether a journal has nothing more to authorise.
func (f *JournalFile) done(ctx context.Context, g *layout.Graph, young bool) bool {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for _, e := range f.Entries {
		group.Go(func() error {
			if e.stays(within, g, young) {
				return errStays
			}
			return nil
		})
		if within.Err() != nil {
			break
		}
	}
	return group.Wait() == nil && ctx.Err() == nil
}

var errStays = errors.New("it is still there")

// stays tells whether a file is still what the journal means, and nobody's.
func (e *Authorised) stays(ctx context.Context, g *layout.Graph, young bool) bool {
	t, key := treeOf(g, e.URL)
	if t == nil {
		return true
	}
	if f := t.Files.Find(key); f != layout.NoFile && !young && g.Users(objectOf(g, t, f)) > 0 {
		return false
	}
	o, err := t.Store.Stat(ctx, key)
	if err == nil && !young && (o.Size != e.Size || !sameTime(o.Modified, e.Modified)) {
		return false
	}
	return !errors.Is(err, fs.ErrNotExist)
}

// objectOf numbers a file of a tree.
func objectOf(g *layout.Graph, of *layout.Tree, f layout.FileID) layout.ObjectID {
	id := layout.ObjectID(f)
	for _, t := range g.Trees {
		if t == of {
			break
		}
		id += layout.ObjectID(t.Files.Len())
	}
	return id
}
