package usage

import (
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
)

// Names are the names of files that snapshots use and that are not where they should be:
// outside of the trees, behind a link, or gone. They are random: where the trees have
// files of the same names, they have been copied or moved, and nothing told that the old
// place and the new one are the same.
type Names struct {
	mu   sync.Mutex
	seen map[string]bool
}

// Observe keeps the name of what r refers to, if no listing shows it where it should be.
func (n *Names) Observe(r *layout.Reference) {
	if r.Found.Object != layout.NoObject {
		return
	}
	name := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]bool{}
	}
	if !n.seen[name] {
		n.seen[strings.Clone(name)] = true
	}
}

// Has tells whether a snapshot uses a file of this name outside of the trees.
func (n *Names) Has(files *layout.Files, f layout.FileID) bool {
	return n != nil && len(n.seen) > 0 && n.seen[files.Name(f)]
}
