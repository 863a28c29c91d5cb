package prune

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stop asks the guards that stop everything.
func (p *planner) stop() {
	for _, s := range p.World.Stops {
		p.guards.trip(s.Guard, s.Message)
	}
	if p.Policy.Deletes() && !p.OtherRoots {
		p.guards.trip(GuardOtherRoots, "checkpoints elsewhere may use files here: name the roots where they lie by --also-root URL, or say --no-other-roots")
	}
	for _, t := range p.Graph.Trees {
		p.stopListing(t)
	}
	for i := range p.Graph.Nodes {
		n := &p.Graph.Nodes[i]
		p.stopMetadata(n)
		if !p.named(n) { // nothing but what goes with it depends on what it means
			p.stopReferences(n)
		}
	}
}

// stopNamed asks after the references of snapshots that the user named and that stay.
func (p *planner) stopNamed() {
	for i := range p.Graph.Nodes {
		if n := &p.Graph.Nodes[i]; p.named(n) && !p.plan.nodes[i] {
			p.stopReferences(n)
		}
	}
}

// stopListing looks for what a listing has not shown.
func (p *planner) stopListing(t *layout.Tree) {
	for _, err := range t.Errors {
		if !hidesNothing(err) {
			p.guards.trip(GuardListing, err.Error())
		}
	}
	for _, o := range t.Skipped {
		url := layout.Join(t.Root, o.Key)
		switch {
		case o.Type != layout.TypeLink:
		case layout.IsDataFile(o.Name()):
			p.guards.trip(GuardListing, url+" is a symbolic link in place of a file of state: which file a checkpoint uses by it is not known")
		case !t.Inner(o.Key) && !p.declared(t.Link(o.Key)):
			p.guards.trip(GuardListing, url+" is a symbolic link that leads out of the roots: what lies behind it may use files here; declare that place by --also-root, or remove the link")
		}
	}
}

// declared tells whether a place lies below one that was declared.
func (p *planner) declared(url string) bool {
	for _, place := range p.places {
		if _, ok := layout.Below(place.URL, url); ok && url != "" {
			return true
		}
	}
	return false
}

// hidesNothing is for directories that not everybody may read, and in which Flink has
// nothing: that which mkfs makes, and what is ckpt's own.
func hidesNothing(err error) bool {
	var at *fs.PathError
	return errors.As(err, &at) && (path.Base(at.Path) == "lost+found" || isTools(at.Path+"/"))
}

// stopMetadata looks for what could not be read to its end. Half of a _metadata that is
// being written looks corrupt, too, where storage shows files before they are whole.
func (p *planner) stopMetadata(n *layout.Node) {
	var format *metadata.Error
	at := layout.Join(n.Tree.Root, n.MetadataKey())
	switch n.State {
	case layout.Corrupt, layout.Unsupported, layout.Unreadable:
		guard := GuardMetadata
		if errors.As(n.Err, &format) {
			if format.Parquet && !n.Numbered && tailOf(n) == "" {
				p.guards.trip(GuardNames, at+" is a file of Parquet")
				return
			}
			if format.UnknownHandle {
				guard = GuardHandle
			}
		}
		p.guards.trip(guard, at+": "+n.Reason)
	default:
		if n.Snapshot.Err != nil {
			p.guards.trip(GuardListing, n.URL()+": "+n.Snapshot.Err.Error())
		}
		if n.Metadata == nil && n.Followed() {
			p.guards.trip(GuardMetadata, at+" is gone")
		}
	}
}

// stopReferences looks for references of which it is not known what they mean. If they
// mean a file here, that looks like one that nothing uses.
func (p *planner) stopReferences(n *layout.Node) {
	for _, dir := range n.Strays {
		p.guards.trip(GuardReference, fmt.Sprintf("%s names files in %s, which lies in no root: declare it by --also-root, or say by --map where it is now", n.URL(), dir))
	}
	if n.Outside.Refs > 0 && len(n.Strays) == 0 {
		p.guards.trip(GuardReference, fmt.Sprintf("%s names %d files that lie in no root", n.URL(), n.Outside.Refs))
	}
	for i := range n.Broken {
		if why := unresolved(&n.Broken[i]); why != "" {
			p.guards.trip(GuardReference, fmt.Sprintf("%s names %s: %s", n.URL(), n.Broken[i].Path, why))
		}
	}
}

// unresolved tells why it is not known what a broken reference means, "" where it is.
func unresolved(b *layout.Broken) string {
	switch {
	case b.Fault == layout.FaultPath:
		return "that is no path of a file"
	case b.Fault == layout.FaultDoubt:
		return strings.TrimPrefix(b.Found.Err.Error(), b.Path+": ")
	case b.Fault == layout.FaultAbsent && b.Found.How == layout.Mapped:
		return "there is no such file at " + b.Found.URL + ", where --map leads"
	}
	return ""
}
