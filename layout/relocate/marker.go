package relocate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// markerSchema names the form of a marker.
const markerSchema = "ckpt.copy/v1"

// mostMarker is how large a marker may be: some hundred bytes for each of a million files.
const mostMarker = 256 << 20

// markerInterval is how often a marker is written while files are copied. What happened
// since is compared byte by byte when a copy goes on.
const markerInterval = 5 * time.Second

// Marker says what is being copied into its directory, and how far that has come.
type Marker struct {
	Schema string `json:"schema"`
	Ckpt   string `json:"ckpt"` // version of the program that began
	Identity
	Form  Form              `json:"form"`
	Root  string            `json:"root"`  // as absolute paths of the copy begin
	Files map[string]Digest `json:"files"` // those that are done, by their keys below the destination
}

// Digest is what was written to a file.
type Digest struct {
	Size   int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"` // "" where the bytes did not come by here
}

// ReadMarker reads the marker at key.
func ReadMarker(ctx context.Context, store layout.Store, key string) (*Marker, error) {
	o, err := store.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	url := layout.Join(store.URL(), key)
	if o.Type != layout.TypeFile || o.Size > mostMarker {
		return nil, refuse(url, "", "it is no marker of a copy")
	}
	data, _, err := readWhole(ctx, store, key)
	if err != nil {
		return nil, err
	}
	m := &Marker{}
	if err := json.Unmarshal(data, m); err != nil || m.Schema != markerSchema {
		return nil, refuse(url, "look at it, and remove what was begun there", "it is no marker of a copy that this ckpt can go on with")
	}
	return m, nil
}

// ledger is the marker of a copy that is under way.
type ledger struct {
	mu      sync.Mutex
	store   layout.MutableStore
	key     string
	marker  Marker
	written time.Time
	now     func() time.Time
	idle    bool // the copy is finished, and stays without a marker
}

// done notes a file, and writes the marker where that was not done for a while.
func (l *ledger) done(ctx context.Context, key string, d Digest) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marker.Files[key] = d
	if l.idle || l.now().Sub(l.written) < markerInterval {
		return nil
	}
	return l.write(ctx)
}

// leave writes the marker as it is, if it is still there: another run may have finished
// the copy.
func (l *ledger) leave(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.store.Stat(ctx, l.key); l.idle || err != nil {
		return err
	}
	return l.write(ctx)
}

func (l *ledger) write(ctx context.Context) error {
	data, err := json.Marshal(&l.marker)
	if err != nil {
		return err
	}
	l.written = l.now()
	return l.store.Replace(ctx, l.key, data)
}

// before is what is known of a file from a run before this one.
func (l *ledger) before(key string) (Digest, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, ok := l.marker.Files[key]
	return d, ok
}

// clear removes the marker: the copy is finished.
func (l *ledger) clear(ctx context.Context) error { return remove(ctx, l.store, l.key) }

// attempts is how often something is tried that another run of the same copy may have
// got in the way of.
const attempts = 4

// remove deletes one file, if it is there.
func remove(ctx context.Context, store layout.MutableStore, key string) (err error) {
	for range attempts {
		var o layout.Object
		if o, err = store.Stat(ctx, key); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			store.Delete(ctx, []layout.Object{o}, func(_ int, e error) { err = e })
		}
		if !errors.Is(err, layout.ErrChanged) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("removing %s: %w", layout.Join(store.URL(), key), err)
	}
	return nil
}

// files are those that were done, of which the plan knows.
func (m *Marker) files(p *Plan) map[string]Digest {
	known := map[string]Digest{}
	for i := range p.Files {
		f := &p.Files[i]
		if d, ok := m.Files[f.Key]; ok && d.Size == f.Size {
			known[f.Key] = d
		}
	}
	return known
}
