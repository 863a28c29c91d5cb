package layout

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync"
)

// directories lists single directories, each once, wherever they lie.
type directories struct {
	open  OpenStore
	trees []*Tree // whose stores are open already

	mu    sync.Mutex
	known map[string]*listing // by URL
}

type listing struct {
	once    sync.Once
	objects map[string]Object // by name; nil where there is no such directory
	err     error
}

// errManyDirectories is for a checkpoint with entropy in its paths, each file of which
// has a directory of its own.
var errManyDirectories = errors.New("the files lie in too many directories outside of the tree that was listed; name a root that holds them all")

// list is what lies directly in the directory url, nil where there is none.
func (d *directories) list(ctx context.Context, url string) (map[string]Object, error) {
	d.mu.Lock()
	l := d.known[url]
	if l == nil {
		if len(d.known) >= mostListings {
			d.mu.Unlock()
			return nil, errManyDirectories
		}
		if d.known == nil {
			d.known = map[string]*listing{}
		}
		l = &listing{}
		d.known[url] = l
	}
	d.mu.Unlock()
	l.once.Do(func() { l.objects, l.err = d.read(ctx, url) })
	return l.objects, l.err
}

// read asks the store that url lies in, or opens one.
func (d *directories) read(ctx context.Context, url string) (map[string]Object, error) {
	for _, t := range d.trees {
		if key, ok := Below(t.Root, url); ok {
			return children(ctx, t.Store, key, all)
		}
	}
	store, err := d.open(ctx, url)
	if nothing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer store.Close()
	return children(ctx, store, "", all)
}

func nothing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotDirectory)
}

func children(ctx context.Context, store Store, key string, wanted func(name string) bool) (map[string]Object, error) {
	objects := map[string]Object{}
	for o, err := range store.Children(ctx, key) {
		if nothing(err) && o.Key == key {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if !wanted(path.Base(o.Key)) {
			continue
		}
		if o.Type == TypeLink { // Flink follows it
			followed, err := store.Stat(ctx, o.Key)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				o = followed
			}
		}
		objects[path.Base(o.Key)] = o
	}
	return objects, nil
}

// all wants everything.
func all(string) bool { return true }
