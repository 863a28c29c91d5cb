package layout

import (
	"path"
	"strings"
	"time"
)

// tree is what the listing has shown so far.
type tree struct {
	opts  ScanOptions
	root  *node
	byKey map[string]*node
	nodes []*node // parents before their children
	last  *node   // listings come by directory
	inv   *Inventory
}

// node is one directory.
type node struct {
	key, name string
	number    int32 // in tree.nodes
	parent    *node
	modified  time.Time
	listed    bool // the store has it, and not only what lies in it

	files   int // directly in it
	bytes   int64
	newest  time.Time
	meta    *Object
	pending *Object
	err     error

	holdsCheckpoints bool // it has a child chk-N or taskowned

	// Filled by classify.
	job           *JobID
	area          Area
	owner         *Snapshot
	home          *JobDir
	metadataBelow bool
}

// newTree starts at the root. What encloses the root counts for it as well: the
// root may be a job's directory or a checkpoint.
func newTree(url string, opts ScanOptions) *tree {
	root := &node{name: path.Base(ParsePlace(url).Path)}
	if id, ok := JobOf(Join(url, MetadataName)); ok {
		root.job = &id
	}
	t := &tree{
		opts:  opts,
		root:  root,
		byKey: map[string]*node{"": root},
		nodes: []*node{root},
		last:  root,
		inv:   &Inventory{Root: url},
	}
	if opts.KeepFiles {
		t.inv.Files = newFiles()
	}
	return t
}

// dir gives the node of a directory, and makes it and those above where the store
// does not list directories.
func (t *tree) dir(key string) *node {
	if key == t.last.key {
		return t.last
	}
	n := t.byKey[key]
	if n == nil {
		parent, name := splitKey(key)
		n = &node{key: key, name: name, parent: t.dir(parent)}
		n.number = int32(len(t.nodes))
		t.byKey[key] = n
		t.nodes = append(t.nodes, n)
		if _, ok := ParseCheckpointDir(name); ok || name == TaskOwnedName {
			n.parent.holdsCheckpoints = true
		}
	}
	t.last = n
	return n
}

// add takes one entry of the listing.
func (t *tree) add(o Object) {
	if o.Type == TypeDir {
		n := t.dir(o.Key)
		n.modified, n.listed = later(n.modified, o.Modified), true
		if n == t.root {
			return
		}
	}
	parent, name := splitKey(o.Key)
	n := t.dir(parent)
	n.newest = later(n.newest, o.Modified)
	if name == MetadataName {
		n.meta = &o
	}
	switch o.Type {
	case TypeLink, TypeSpecial:
		t.inv.Skipped = append(t.inv.Skipped, o)
		t.inv.SkippedBytes += o.Size
	case TypeFile:
		if strings.HasPrefix(name, pendingPrefix) {
			if _, ok := ParsePendingMetadata(name); ok {
				n.pending = &o
			}
		}
		t.addFile(n, name, o)
	}
}

// addFile counts a file.
func (t *tree) addFile(n *node, name string, o Object) {
	n.files++
	n.bytes += o.Size
	t.inv.Count++
	t.inv.Bytes += o.Size
	if t.inv.Files != nil {
		t.inv.Files.add(n, name, o)
	}
	if t.opts.Progress != nil && t.inv.Count%progressStep == 0 {
		t.opts.Progress(t.inv.Count, t.inv.Bytes)
	}
}

// fail notes an entry that could not be read. It makes the directory doubtful, or
// the one above if the entry itself is not known.
func (t *tree) fail(o Object, err error) {
	n := t.byKey[o.Key]
	if n == nil {
		parent, _ := splitKey(o.Key)
		n = t.dir(parent)
	}
	n.err = err
	t.inv.Errors = append(t.inv.Errors, err)
}

// splitKey splits off the last element.
func splitKey(key string) (dir, name string) {
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
