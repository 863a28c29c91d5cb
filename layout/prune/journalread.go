package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// JournalFile is a journal that a run has left: it was killed, is at work right now, or
// could not delete all. One without entries is another file that such a run has left.
type JournalFile struct {
	Journal Journal
	Object  layout.Object
	Record  *layout.Object // of the _metadata that it has deleted, nil where there is none
	Run     string
	Created time.Time
	Roots   []string
	Entries []Authorised
	// Err is why it cannot be used, a *JournalError. It is a reason to warn, and for
	// nothing else: what it would have authorised counts as any other file.
	Err error

	allowed []bool // of the entries: all _metadata that used it are in the record
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
		some, err := listJournals(ctx, j)
		if err != nil {
			return nil, err
		}
		for i := range some {
			some[i].read(ctx)
		}
		files = append(files, some...)
	}
	return files, ctx.Err()
}

// listJournals finds the journals of a directory with their records, and what else runs
// have left there.
func listJournals(ctx context.Context, j Journal) ([]JournalFile, error) {
	var files []JournalFile
	records := map[string]layout.Object{}
	for o, err := range j.Store.Children(ctx, j.Dir) {
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		switch name := o.Name(); {
		case o.Type != layout.TypeFile:
		case strings.HasPrefix(name, probePrefix):
			files = append(files, JournalFile{Journal: j, Object: o})
		case !strings.HasPrefix(name, journalPrefix):
		case strings.HasSuffix(name, doneSuffix):
			records[strings.TrimSuffix(name, doneSuffix)] = o
		case strings.HasSuffix(name, linesSuffix):
			files = append(files, JournalFile{Journal: j, Object: o})
		}
	}
	for i := range files {
		name := strings.TrimSuffix(files[i].Object.Name(), linesSuffix)
		if o, ok := records[name]; ok {
			files[i].Record = &o
			delete(records, name)
		}
	}
	for _, o := range records { // of journals that are gone
		files = append(files, JournalFile{Journal: j, Object: o})
	}
	return files, nil
}

// read reads a journal and its record.
func (f *JournalFile) read(ctx context.Context) {
	if f.rest() {
		return
	}
	if err := f.readEntries(ctx); err != nil {
		f.Entries, f.allowed, f.Err = nil, nil, &JournalError{Path: f.URL(), Err: err}
	}
}

// rest tells whether it is no journal, but something else that a run has left.
func (f *JournalFile) rest() bool {
	name := f.Object.Name()
	return strings.HasPrefix(name, probePrefix) || strings.HasSuffix(name, doneSuffix)
}

// readEntries reads the files of a journal, and which of them may go.
func (f *JournalFile) readEntries(ctx context.Context) error {
	done, run, err := f.readRecord(ctx)
	if err != nil {
		return err
	}
	var head journalHeader
	err = readLines(ctx, f.Journal.Store, f.Object.Key, &head, func(line []byte) error {
		var l journalLine
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		e := Authorised{URL: l.URL, Size: l.Size, Modified: l.Modified, Created: head.Created}
		allowed := len(l.Of) > 0 && run == head.Run
		for _, n := range l.Of {
			if n < 0 || n >= len(head.Metadata) {
				return fmt.Errorf("it has no _metadata %d", n)
			}
			url := head.Metadata[n]
			allowed = allowed && done[url]
			if e.Metadata == "" {
				e.Metadata = url
			} else {
				e.Also = append(e.Also, url)
			}
		}
		f.Entries, f.allowed = append(f.Entries, e), append(f.allowed, allowed)
		return nil
	})
	if err == nil && len(f.Entries) != head.Files {
		err = fmt.Errorf("it has %d of its %d files", len(f.Entries), head.Files)
	}
	f.Run, f.Created, f.Roots = head.Run, head.Created, head.Roots
	return err
}

// readRecord gives the _metadata that the run has deleted, and the run.
func (f *JournalFile) readRecord(ctx context.Context) (done map[string]bool, run string, err error) {
	if f.Record == nil {
		return nil, "", nil
	}
	done = map[string]bool{}
	var head doneHeader
	err = readLines(ctx, f.Journal.Store, f.Record.Key, &head, func(line []byte) error {
		var l doneLine
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		done[l.Metadata] = true
		return nil
	})
	if err == nil && len(done) != head.Files {
		err = fmt.Errorf("it has %d of its %d _metadata", len(done), head.Files)
	}
	if err != nil {
		err = fmt.Errorf("its record %s: %w", f.Record.Name(), err)
	}
	return done, head.Run, err
}

// Authorise gives the files that earlier runs had begun to delete: those whose _metadata
// that run has deleted, all of them where there were several, and which is gone still, from
// the listing of its tree and when asked for once more. Of what lies in no tree nothing is
// known, nor may a run have spoken of roots that it did not look at. Whether a file may go
// is for [Make] to say, which knows who uses it and how old the journal may be.
func Authorise(ctx context.Context, files []JournalFile, g *layout.Graph) []Authorised {
	gone := goneMetadata(ctx, files, g)
	var all []Authorised
	for i := range files {
		f := &files[i]
		for n, e := range f.Entries {
			used := func(url string) bool { return !gone[url] || !f.roots(g, url) }
			if f.allowed[n] && !used(e.Metadata) && !slices.ContainsFunc(e.Also, used) && f.roots(g, e.URL) {
				all = append(all, e)
			}
		}
	}
	return all
}

// roots tells whether the root of the tree in which a file lies is one of the run's.
func (f *JournalFile) roots(g *layout.Graph, url string) bool {
	t, _ := treeOf(g, url)
	return t != nil && slices.Contains(f.Roots, t.Root)
}

// goneMetadata tells which of the _metadata that the journals name are proved to be gone.
func goneMetadata(ctx context.Context, files []JournalFile, g *layout.Graph) map[string]bool {
	gone := map[string]bool{}
	var asked []string
	for i := range files {
		for n, e := range files[i].Entries {
			if !files[i].allowed[n] {
				continue
			}
			for _, url := range append([]string{e.Metadata}, e.Also...) {
				if _, ok := gone[url]; ok {
					continue
				}
				gone[url] = false
				if t, key := treeOf(g, url); t != nil && path.Base(key) == layout.MetadataName && t.Files.Find(key) == layout.NoFile {
					asked = append(asked, url)
				}
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

// JournalValid is how long a journal authorises anything: whoever comes later cannot know
// what has happened since.
const JournalValid = 7 * 24 * time.Hour

// RetireJournals deletes journals of earlier runs that are of no more use: all their files
// are gone, or others by now, or in use as the graph shows; or they authorise nothing, or
// nothing any more. A young one may be that of a prune that runs right now; it goes only when
// all its files are gone. It tells how many went.
func RetireJournals(ctx context.Context, files []JournalFile, g *layout.Graph, now time.Time) (retired int, err error) {
	for i := range files {
		f := &files[i]
		if f.Err != nil || !f.useless(ctx, g, now) {
			continue
		}
		if e := f.remove(ctx); e != nil {
			err = errors.Join(err, e)
			continue
		}
		retired++
	}
	return retired, err
}

// useless tells whether nobody needs a journal any more.
func (f *JournalFile) useless(ctx context.Context, g *layout.Graph, now time.Time) bool {
	young := now.Sub(f.Object.Modified) < atWork
	if f.rest() || !young && (f.Record == nil || now.Sub(f.Created) > JournalValid) {
		return !young
	}
	return f.done(ctx, g, young)
}

// remove deletes a journal, and before it what says that it counts.
func (f *JournalFile) remove(ctx context.Context) error {
	if f.Record != nil {
		if err := deleteOne(ctx, f.Journal.Store, *f.Record); err != nil {
			return err
		}
	}
	return deleteOne(ctx, f.Journal.Store, f.Object)
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
