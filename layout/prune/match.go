package prune

import (
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Snapshots finds the snapshots of a graph by what somebody calls them.
type Snapshots struct {
	graph  *layout.Graph
	byName map[string][]int // of the graph's Nodes
}

// NewSnapshots takes all of a graph.
func NewSnapshots(g *layout.Graph) *Snapshots {
	s := &Snapshots{graph: g, byName: map[string][]int{}}
	for i := range g.Nodes {
		for _, name := range nodeNames(&g.Nodes[i]) {
			s.byName[name] = append(s.byName[name], i)
		}
	}
	return s
}

// Find gives those of the graph's Nodes that url, of a snapshot's directory or its
// _metadata, is of: a snapshot is known by its place, or by an end of it that nothing else
// has ({job}/chk-N, the random name of a savepoint), since the tree may have been copied.
func (s *Snapshots) Find(url string) (nodes []int) {
	for _, name := range namesOf(claimed(Claim{URL: url})) {
		nodes = append(nodes, s.byName[name]...)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Known tells whether url is of any snapshot of the graph, or of one that it has adopted.
func (s *Snapshots) Known(url string) bool { return len(s.Find(url)) > 0 || isAdopted(s.graph, url) }

// At tells whether a snapshot that was read lies at url itself. Its end alone is reason
// enough to keep what it fits, and never to take one snapshot for another: with a fixed
// job id, several have it.
func (s *Snapshots) At(url string) bool {
	at := claimed(Claim{URL: url})
	return isAdopted(s.graph, url) || slices.ContainsFunc(s.byName[at], func(i int) bool { return s.graph.Nodes[i].URL() == at })
}

// Moved tells whether url ends as a snapshot of the graph does, of whose job no other can
// have the id: the tree lies at another place than whoever says url knows.
func (s *Snapshots) Moved(url string) bool {
	return slices.ContainsFunc(s.Find(url), func(i int) bool { return hasOwnID(&s.graph.Nodes[i]) })
}

// hasOwnID is false for the id that jobs of application mode share.
func hasOwnID(n *layout.Node) bool { return !n.HasJob || n.Job != layout.JobID{} }

// isAdopted tells whether url is of a snapshot that lies in no tree, and was read.
func isAdopted(g *layout.Graph, url string) bool {
	at := claimed(Claim{URL: url})
	return slices.ContainsFunc(g.Adopted, func(n layout.Node) bool { return n.URL() == at })
}

func nodeNames(n *layout.Node) []string {
	names := []string{n.URL()}
	if tail := tailOf(n); tail != "" {
		names = append(names, tail)
	}
	return names
}

// namesOf are the names by which a snapshot at url is known: its place, the name of its
// directory, and that with the name of the directory around it.
func namesOf(url string) [3]string {
	home := above(url)
	return [3]string{url, url[strings.LastIndexByte(url, '/')+1:], url[strings.LastIndexByte(home, '/')+1:]}
}

// tailOf is the end of a snapshot's place that nothing else has: {job}/chk-N, or the
// random name of a savepoint.
func tailOf(n *layout.Node) string {
	if _, ok := layout.ParseSavepointName(n.Name); ok {
		return n.Name
	}
	if n.Numbered && n.HasJob {
		return n.Job.String() + "/" + n.Name
	}
	return ""
}
