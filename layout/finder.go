package layout

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// finder tells where the files lie that _metadata names. Any number of goroutines
// may use it.
type finder struct {
	trees   []*Tree
	maps    []Mapping
	aliases []Mapping
	// lists knows directories that no tree shows. It is nil where nobody shall look there.
	lists *directories
	// around are the directories that hold the jobs, where a tree is but a part of that:
	// other jobs lie there, whose files a restored job may use.
	around []string
}

// place is where the files of one directory may lie, the likeliest first: a directory
// that was copied may have several.
type place struct {
	from string // URL of the snapshot
	key  placeKey
	how  How
	url  string // canonical: where the directory should be
	dirs []directory
	// others lie in another copy of the tree, and may still be what is meant.
	others []directory
	scope  Scope
	blind  bool  // whether anything is there is not known, and is not to be found out
	err    error // why it could not be found out
}

// directory is one whose files are known: a node of a tree, or a listing of its own.
type directory struct {
	url    string
	tree   *Tree
	node   int32
	listed map[string]Object
}

// file looks a file up.
func (d directory) file(name string) (id ObjectID, size int64, ok bool) {
	if d.tree == nil {
		o, ok := d.listed[name]
		if o.Type == TypeLink {
			return NoObject, -1, ok
		}
		return NoObject, o.Size, ok && o.Type != TypeDir
	}
	f := d.tree.Files.find(d.node, name)
	if f == NoFile {
		return NoObject, 0, false
	}
	return d.tree.base + ObjectID(f), d.tree.Files.Size(f), true
}

// home is where the directory lies, as far as is known.
func (p *place) home() string {
	if len(p.dirs) > 0 {
		return p.dirs[0].url
	}
	return p.url
}

// find looks a file up. Of several copies, the nearest to the snapshot counts; where
// two are equally near, neither does.
func (p *place) find(name string) Found {
	switch {
	case p.err != nil:
		return Found{URL: Join(p.url, name), How: p.how, Object: NoObject, Seen: Unclear, Err: &LookupError{URL: Join(p.url, name), Err: p.err}}
	case p.blind:
		return Found{URL: Join(p.url, name), How: p.how, Object: NoObject}
	}
	for i, d := range p.dirs {
		id, size, ok := d.file(name)
		switch {
		case ok && size < 0:
			return Found{URL: Join(d.url, name), How: p.how, Object: NoObject, Seen: Unclear, Err: &LookupError{URL: Join(d.url, name), Err: errLink}}
		case !ok:
		case i+1 < len(p.dirs) && p.tied(i, name):
			return Found{URL: Join(p.url, name), How: p.how, Object: NoObject, Seen: Unclear, Err: &LookupError{URL: Join(p.url, name), Err: p.ambiguous(name)}}
		case id != NoObject:
			return Found{How: p.how, Object: id, Seen: Present, Size: size}
		default:
			return Found{URL: Join(d.url, name), How: p.how, Object: NoObject, Seen: Present, Size: size}
		}
	}
	for _, d := range p.others {
		if _, _, ok := d.file(name); ok {
			e := &AmbiguousError{Path: Join(p.url, name), Message: "it is not beside the checkpoint, but a file of its name is in another place",
				Hint: "say by --map OLD=NEW whether that is meant", Candidates: []Candidate{{Path: Join(d.url, name)}}}
			return Found{URL: Join(p.url, name), How: p.how, Object: NoObject, Seen: Unclear, Err: &LookupError{URL: Join(p.url, name), Err: e}}
		}
	}
	return Found{URL: Join(p.home(), name), How: p.how, Object: NoObject, Seen: Absent}
}

// tied tells whether another directory that is as near as the i-th has the file, too.
func (p *place) tied(i int, name string) bool {
	for _, d := range p.dirs[i+1:] {
		if commonElements(p.from, d.url) != commonElements(p.from, p.dirs[i].url) {
			return false
		}
		if _, _, ok := d.file(name); ok {
			return true
		}
	}
	return false
}

func (p *place) ambiguous(name string) error {
	e := &AmbiguousError{Path: Join(p.url, name), Message: "its tail exists at several places", Hint: "say by --map OLD=NEW which is meant"}
	for _, d := range p.dirs {
		if _, _, ok := d.file(name); ok {
			e.Candidates = append(e.Candidates, Candidate{Path: Join(d.url, name)})
		}
	}
	return e
}

// locate finds the directory that a snapshot names.
func (f *finder) locate(ctx context.Context, from string, key placeKey) *place {
	p := &place{from: from, key: key, how: Relative, scope: DirScope(key.dir)}
	if key.relative {
		p.url = from
		if dir := path.Clean(key.dir); dir != "." {
			p.url = Join(from, dir)
		}
		f.look(ctx, p)
		return p
	}
	p.url = Canonical(key.dir)
	r := Resolver{Maps: f.maps}
	if mapped, ok := r.mapped(p.url); ok {
		p.how, p.url = Mapped, mapped
		f.look(ctx, p)
		return p
	}
	if real, ok := MapURL(f.aliases, p.url); ok {
		p.url = real
	}
	p.how = Exact
	if f.within(p.url) != nil {
		if f.look(ctx, p); len(p.dirs) > 0 || p.err != nil || p.blind {
			return p
		}
	}
	p.how = ByTail
	tails, rest, own := f.tails(from, p.url)
	f.lookAtTails(ctx, p, tails, own)
	if len(p.dirs) > 0 || p.err != nil {
		return p
	}
	if p.how = Outside; f.within(p.url) != nil {
		p.how = Exact
	}
	if f.look(ctx, p); len(p.dirs) == 0 && !p.blind && p.err == nil {
		f.expect(ctx, p, tails, rest)
	}
	return p
}

// lookAtTails takes the nearest directories. What one copy of a tree has lost must not be
// found in another: those in other copies count only as a doubt, and only where they are
// more like what _metadata names than this copy is.
func (f *finder) lookAtTails(ctx context.Context, p *place, tails []tail, own int) {
	near := -1
	for _, c := range tails {
		other := near >= 0 && c.near < near
		if other && c.like <= own {
			continue
		}
		at := &place{}
		f.lookAt(ctx, at, c.url)
		if p.err == nil {
			p.err = at.err
		}
		switch {
		case len(at.dirs) == 0:
		case !other && !f.othersCopy(p.from, c.url):
			p.dirs, near = append(p.dirs, at.dirs...), c.near
		case c.like > own:
			p.others = append(p.others, at.dirs...)
		}
	}
}

// expect is for a directory that is nowhere: where the directory of its job, or its
// savepoint, lies in a tree, that is where it should be.
func (f *finder) expect(ctx context.Context, p *place, tails []tail, rest string) {
	for _, c := range tails {
		above := &place{}
		f.lookAt(ctx, above, strings.TrimSuffix(c.url, rest))
		if len(above.dirs) > 0 && !f.othersCopy(p.from, c.url) {
			p.how, p.url = ByTail, c.url
			return
		}
	}
}

// within is the tree that url lies in, nil where it is none.
func (f *finder) within(url string) *Tree {
	for _, t := range f.trees {
		if _, ok := Below(t.Root, url); ok {
			return t
		}
	}
	return nil
}

// look looks where the place should be.
func (f *finder) look(ctx context.Context, p *place) {
	p.blind = !f.lookAt(ctx, p, p.url)
}

// lookAt adds the directory url to the place if it exists. It tells whether that could
// be looked up at all.
func (f *finder) lookAt(ctx context.Context, p *place, url string) bool {
	if t := f.within(url); t != nil && t.Inventory != nil {
		key, _ := Below(t.Root, url)
		if err := t.Files.hidden(key); err != nil && p.err == nil {
			p.err = err
		}
		if n := t.Files.byKey[key]; n != nil {
			p.dirs = append(p.dirs, directory{url: url, tree: t, node: n.number})
		}
		return true
	}
	if f.lists == nil {
		return false
	}
	listed, err := f.lists.list(ctx, url)
	switch {
	case err != nil:
		p.err = fmt.Errorf("%s could not be listed: %w", url, err)
	case listed != nil:
		p.dirs = append(p.dirs, directory{url: url, listed: listed})
	}
	return true
}

// longestPath is what file systems take. _metadata may have paths of 64 KB.
const longestPath = 4096

// errLink is for a file that a listing shows as a link, and that cannot be asked for.
var errLink = errors.New("a symbolic link that leads out of the tree")

// tail is a directory that ends like one that a snapshot names.
type tail struct {
	url  string
	near int // leading elements that it shares with the snapshot
	like int // elements above the job's, or the savepoint's, that are as in _metadata
}

// tails are the directories below the trees that end like url, from a job id or the
// name of a savepoint on; those nearest to the snapshot first. These names are random,
// so nothing else has them. rest is what follows the id or name, and own is how much
// the snapshot's own copy is like what _metadata names.
func (f *finder) tails(from, url string) (found []tail, rest string, own int) {
	if len(url) > longestPath {
		return nil, "", 0
	}
	elements := strings.Split(strings.TrimPrefix(ParsePlace(url).Path, "/"), "/")
	anchor, job := lastAnchor(append(elements, "")) // the directory itself may be the job's
	if anchor < 0 {
		return nil, "", 0
	}
	if anchor+1 < len(elements) {
		rest = "/" + strings.Join(elements[anchor+1:], "/")
	}
	above := "/" + strings.Join(elements[:anchor], "/")
	for _, u := range f.ending(elements, anchor, job, rest) {
		home := strings.TrimSuffix(u, rest)
		base, _, _ := splitLast(home)
		found = append(found, tail{u, commonElements(from, f.withoutEntropy(home, job)+rest), commonEnd(base, above)})
	}
	slices.SortStableFunc(found, func(a, b tail) int { return b.near - a.near })
	return found, rest, commonEnd(treeRoot(from), above)
}

// withoutEntropy is the directory of a job that belongs to one with entropy in its path.
func (f *finder) withoutEntropy(home string, job *JobID) string {
	for _, t := range f.trees {
		if job == nil {
			break
		}
		for _, d := range t.jobs[*job] {
			if d.EntropyOf != "" && Join(t.Root, d.Dir) == home {
				return Join(t.Root, d.EntropyOf)
			}
		}
	}
	return home
}

// ending are all URLs that come into question.
func (f *finder) ending(elements []string, anchor int, job *JobID, rest string) []string {
	var urls []string
	for _, t := range f.trees {
		for i := max(0, anchor-mostElements); i <= anchor; i++ {
			urls = append(urls, Join(t.Root, strings.Join(elements[i:], "/")))
		}
		if job != nil {
			for _, d := range t.jobs[*job] {
				urls = append(urls, Join(t.Root, d.Dir)+rest)
			}
		}
	}
	for _, root := range f.around {
		urls = append(urls, Join(root, strings.Join(elements[anchor:], "/")))
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// commonEnd is how many trailing elements two places share.
func commonEnd(a, b string) int {
	n := 0
	for a != "" && b != "" {
		i, j := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
		if a[i+1:] != b[j+1:] {
			break
		}
		n++
		a, b = a[:max(i, 0)], b[:max(j, 0)]
	}
	return n
}

// othersCopy tells whether a directory belongs to another copy of the snapshot's tree:
// one in which the job's own directory lies nearer to it. What this copy has lost must
// not be found there.
func (f *finder) othersCopy(from, url string) bool {
	job, ok := JobOf(Join(from, MetadataName))
	if !ok {
		return false
	}
	mine := commonElements(from, url)
	for _, t := range f.trees {
		for _, d := range t.jobs[job] {
			if d.EntropyOf != "" || d.Changelog && !d.Shared && !d.TaskOwned {
				continue
			}
			home := Join(t.Root, d.Dir)
			if _, own := Below(home, from); !own && commonElements(home, url) > mine {
				return true
			}
		}
	}
	return false
}
