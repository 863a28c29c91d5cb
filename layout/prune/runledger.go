package prune

import (
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// ledger keeps who uses what while a plan is executed. It begins with all snapshots of
// the graph, also those that are to go: a file is free only when the _metadata of each
// snapshot that uses it is gone. That one rule keeps what belongs to a snapshot which
// could not be deleted, has left the plan, or has come since.
type ledger struct {
	graph   *layout.Graph
	base    map[*layout.Tree]layout.ObjectID // of its first file
	users   []int32                          // of each object
	managed map[string]int                   // URLs of directories of merged files, and how many snapshots have them
	names   map[string]bool                  // of files that new snapshots use and no listing has shown
	claimed map[string]string                // URLs of which somebody says by now that he holds them, and who
}

func newLedger(g *layout.Graph) *ledger {
	l := &ledger{graph: g, base: map[*layout.Tree]layout.ObjectID{}, users: make([]int32, g.Len()),
		managed: map[string]int{}, names: map[string]bool{}, claimed: map[string]string{}}
	first := 0
	for _, t := range g.Trees {
		l.base[t] = layout.ObjectID(first)
		first += t.Files.Len()
	}
	for i := range g.Nodes {
		l.count(&g.Nodes[i], 1)
	}
	for i := range g.Adopted {
		l.count(&g.Adopted[i], 1)
	}
	return l
}

// count adds the uses of a snapshot, or takes them off.
func (l *ledger) count(n *layout.Node, by int32) {
	for _, id := range n.Objects {
		l.users[id] += by
	}
	for _, url := range n.Managed {
		l.managed[url] += int(by)
	}
}

// add takes in a snapshot that has come since. What it uses may have a listing older than
// its files, and then goes by name.
func (l *ledger) add(n *layout.Node) {
	l.count(n, 1)
	for i := range n.Broken {
		p := n.Broken[i].Path
		l.names[p[strings.LastIndexByte(p, '/')+1:]] = true
	}
}

// object is the number of a listed file.
func (l *ledger) object(t *layout.Tree, key string) (layout.ObjectID, bool) {
	f := t.Files.Find(key)
	return l.base[t] + layout.ObjectID(f), f != layout.NoFile
}

// inUse tells why a file must stay, "" where nothing speaks for it.
func (l *ledger) inUse(id layout.ObjectID) string {
	t, f := l.graph.Object(id)
	switch {
	case l.users[id] > 0:
		return "a checkpoint uses it"
	case len(l.names) > 0 && l.names[t.Files.Name(f)]:
		return "a new checkpoint uses a file of its name"
	}
	if len(l.managed) == 0 && len(l.claimed) == 0 {
		return ""
	}
	return l.inUseAt(layout.Join(t.Root, t.Files.Key(f)))
}

// inUseAt is inUse for a place: it, or what it lies in, may be claimed or managed.
func (l *ledger) inUseAt(url string) string {
	for at := url; ; {
		if by, ok := l.claimed[at]; ok {
			return "it is claimed by now: " + by
		}
		if l.managed[at] > 0 {
			return "a checkpoint has the directory of merged files"
		}
		i := strings.LastIndexByte(at, '/')
		if i <= 0 {
			return ""
		}
		at = at[:i]
	}
}

// sameTime tells whether two answers of a store can be of one time. Some tell it in whole
// seconds at one request, and more exactly at another.
func sameTime(a, b time.Time) bool {
	if a.Equal(b) {
		return true
	}
	whole := a.Nanosecond() == 0 || b.Nanosecond() == 0
	return whole && !a.IsZero() && !b.IsZero() && a.Truncate(time.Second).Equal(b.Truncate(time.Second))
}

// sameObject tells whether two answers of a store are of the same version of a file.
func sameObject(a, b *layout.Object) bool {
	switch {
	case a == nil || b == nil:
		return a == b
	case a.Size != b.Size || a.Type != b.Type:
		return false
	case a.Tag != "" && b.Tag != "":
		return a.Tag == b.Tag
	}
	return sameTime(a.Modified, b.Modified)
}
