package layout

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// Locator tells where the files of one snapshot lie now.
type Locator struct {
	ctx     context.Context
	store   Store
	dir     string // key of the snapshot
	stat    Resolver
	list    Resolver
	anchors map[string]*anchored
	names   map[string]map[string]struct{} // by URL of a directory, what lies in it
	open    OpenStore
	others  map[string]Store // by URL, where mappings lead; nil where nothing is there
}

// anchored is what is known of the paths that begin alike, up to the id of a job or
// the name of a savepoint.
type anchored struct {
	url, key string // where they lie, if found
	found    bool
	tries    int
}

// Bounds on the questions that one snapshot may cost. With entropy in paths, each
// file has a beginning of its own.
const (
	mostTries    = 3
	mostAnchors  = 64
	mostListings = 4096
)

// NewLocator is for the snapshot t; open is for where maps lead. It lives as long as
// ctx, and is to be closed.
func NewLocator(ctx context.Context, open OpenStore, t *Target, maps []Mapping) *Locator {
	l := &Locator{ctx: ctx, store: t.Store, dir: t.Dir, anchors: map[string]*anchored{}, names: map[string]map[string]struct{}{},
		open: open, others: map[string]Store{}}
	l.stat = Resolver{Root: t.Store.URL(), Maps: maps, Exists: l.exists}
	l.list = Resolver{Root: t.Store.URL(), Maps: maps, Exists: l.listed}
	return l
}

// Locate tells where an absolute path is to be looked for, at the cost of a few
// questions in all. Of paths that begin alike, up to the job's id, the first that is
// found by its tail speaks for the rest; that these exist is not asked.
func (l *Locator) Locate(p string) (Location, error) {
	url := Canonical(p)
	if loc, ok := l.stat.direct(url); ok {
		return loc, nil
	}
	prefix, rest, ok := anchorOf(url)
	if !ok {
		return Location{URL: url, How: Outside}, nil
	}
	a := l.anchors[prefix]
	switch {
	case a == nil && len(l.anchors) >= mostAnchors:
		return Location{URL: url, How: Unasked}, nil
	case a == nil:
		a = &anchored{}
		l.anchors[strings.Clone(prefix)] = a
	case a.found:
		return Location{URL: Join(a.url, rest), Key: path.Join(a.key, rest), How: ByTail}, nil
	}
	if a.tries == mostTries {
		return Location{URL: url, How: Outside}, nil
	}
	a.tries++
	loc, err := l.stat.AbsolutePath(l.dir, p)
	if err == nil && loc.How == ByTail {
		a.found = true
		a.url, a.key = strings.TrimSuffix(loc.URL, "/"+rest), strings.TrimSuffix(strings.TrimSuffix(loc.Key, rest), "/")
	}
	return loc, err
}

// anchorOf cuts a URL behind the last element that no other tree has.
func anchorOf(url string) (prefix, rest string, ok bool) {
	elements := strings.Split(url, "/")
	i, _ := lastAnchor(elements)
	if i < 0 {
		return "", "", false
	}
	rest = strings.Join(elements[i+1:], "/")
	return strings.TrimSuffix(url, "/"+rest), rest, true
}

// exists asks for one file.
func (l *Locator) exists(key string) (bool, error) {
	o, err := l.store.Stat(l.ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && o.Type != TypeDir, err
}

// Resolved is the URL where the file p was found, "" where it stands so in _metadata,
// or where no such file exists. It lists each directory once.
func (l *Locator) Resolved(p string) (string, error) {
	loc, err := l.list.AbsolutePath(l.dir, p)
	if err != nil || loc.How != ByTail && loc.How != Mapped {
		return "", err
	}
	if loc.How == Mapped {
		if ok, err := l.mappedExists(loc); !ok {
			return "", err
		}
	}
	return loc.URL, nil
}

// mappedExists looks a mapped file up, in the tree or where else the mapping leads.
func (l *Locator) mappedExists(loc Location) (bool, error) {
	if loc.Key != "" {
		return l.listed(loc.Key)
	}
	for _, m := range l.list.Maps {
		key, ok := Below(m.New, loc.URL)
		if !ok {
			continue
		}
		store, err := l.other(m.New)
		if store == nil || err != nil {
			return false, err
		}
		return l.listedIn(store, key)
	}
	return false, nil
}

// other is the tree at url, nil where there is none.
func (l *Locator) other(url string) (Store, error) {
	store, known := l.others[url]
	if known {
		return store, nil
	}
	store, err := l.open(l.ctx, url)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotDirectory) {
		store, err = nil, nil
	}
	if err == nil {
		l.others[url] = store
	}
	return store, err
}

// Close closes what the locator has opened itself.
func (l *Locator) Close() error {
	var errs []error
	for _, s := range l.others {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// listed looks key up in the listing of its directory.
func (l *Locator) listed(key string) (bool, error) { return l.listedIn(l.store, key) }

func (l *Locator) listedIn(store Store, key string) (bool, error) {
	dir, name := path.Split(key)
	dir = strings.TrimSuffix(dir, "/")
	url := Join(store.URL(), dir)
	names, ok := l.names[url]
	if !ok {
		if len(l.names) >= mostListings {
			return false, nil
		}
		names = map[string]struct{}{}
		for o, err := range store.Children(l.ctx, dir) {
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				return false, err
			}
			names[o.Name()] = struct{}{}
		}
		l.names[url] = names
	}
	_, exists := names[name]
	return exists, nil
}
