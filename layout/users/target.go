package users

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// New looks the files and directories at urls up, which are canonical. Its error is
// that of ctx.
func New(ctx context.Context, trees []*layout.Tree, urls []string) (*Finder, error) {
	f := &Finder{trees: trees, byName: map[string][]*target{}}
	for _, url := range urls {
		t := &target{url: url}
		f.locate(ctx, t)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f.targets = append(f.targets, t)
		if t.dir || !t.exists { // what is gone may have been a directory
			f.dirs = append(f.dirs, t)
		}
		if !t.dir {
			name := nameOf(url)
			f.byName[name] = append(f.byName[name], t)
		}
	}
	return f, nil
}

func nameOf(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// locate finds out what lies at the target's place, in the listings where they know.
func (f *Finder) locate(ctx context.Context, t *target) {
	first := layout.ObjectID(0) // a graph numbers the files in the order of the trees
	for _, tree := range f.trees {
		if key, ok := layout.Below(tree.Root, t.url); ok {
			t.tree, t.key = tree, key
			t.look(ctx, first)
			return
		}
		first += layout.ObjectID(tree.Files.Len())
	}
}

func (t *target) look(ctx context.Context, first layout.ObjectID) {
	if id := t.tree.Files.Find(t.key); id != layout.NoFile && t.key != "" {
		t.exists, t.objects = true, []layout.ObjectID{first + layout.ObjectID(id)}
		return
	}
	if t.link = slices.ContainsFunc(t.tree.Skipped, func(o layout.Object) bool { return o.Key == t.key }); t.link {
		t.exists = true
		return
	}
	for id := range layout.FileID(t.tree.Files.Len()) {
		if _, within := layout.Below(t.url, layout.Join(t.tree.Root, t.tree.Files.Key(id))); within {
			t.objects = append(t.objects, first+layout.ObjectID(id))
		}
	}
	if t.dir = len(t.objects) > 0; t.dir {
		t.exists = true
		return
	}
	// What came after the listing, an empty directory, or nothing.
	o, err := t.tree.Store.Stat(ctx, t.key)
	switch {
	case err == nil:
		t.exists, t.dir = true, o.Type == layout.TypeDir
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, layout.ErrNotDirectory):
		t.err = err
	}
}

// Root is the directory that is to be listed for the users of url: the one above the
// nearest job's, else above the nearest directory that Flink makes for a job, else "".
func Root(url string) string {
	p := layout.ParsePlace(url)
	elements := strings.Split(p.Path, "/")
	at := lastIndex(elements, func(e string) bool { _, err := layout.ParseJobID(e); return err == nil })
	if at < 0 {
		at = lastIndex(elements, isFlinks)
	}
	if at < 0 {
		return ""
	}
	if p.Path = strings.Join(elements[:at], "/"); p.Path == "" {
		p.Path = "/"
	}
	return p.String()
}

func lastIndex(elements []string, is func(string) bool) int {
	for i := len(elements) - 1; i >= 0; i-- {
		if is(elements[i]) {
			return i
		}
	}
	return -1
}

// isFlinks tells whether Flink gives directories this name.
func isFlinks(name string) bool {
	switch name {
	case layout.SharedName, layout.TaskOwnedName, layout.ChangelogName:
		return true
	}
	_, checkpoint := layout.ParseCheckpointDir(name)
	_, savepoint := layout.ParseSavepointName(name)
	return checkpoint || savepoint
}
