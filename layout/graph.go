package layout

import (
	"context"
	"fmt"
)

// ObjectID numbers the files of all trees of a graph, those of the first tree first.
type ObjectID int32

// NoObject stands for a file that the listing of no tree shows.
const NoObject ObjectID = -1

// Tree is where snapshots lie, and the one listing of it.
type Tree struct {
	Root  string // canonical URL
	Store Store
	// Inventory is nil where only what a snapshot names is looked up.
	*Inventory

	base  ObjectID            // of its first file
	links map[string]string   // symbolic links, and the URLs to which they lead
	jobs  map[JobID][]*JobDir // where the directories of each job lie
}

// NewTree lists all of store. The graph wants the listing to be older than what it
// reads, so that whatever a _metadata names was there before.
func NewTree(ctx context.Context, store Store, progress func(files int, bytes int64)) (*Tree, error) {
	inv, err := Scan(ctx, store, ScanOptions{KeepFiles: true, Progress: progress})
	if err != nil {
		return nil, err
	}
	t := &Tree{Root: store.URL(), Store: store, Inventory: inv, jobs: map[JobID][]*JobDir{}}
	for i := range inv.JobDirs {
		if d := &inv.JobDirs[i]; d.HasJob {
			t.jobs[d.Job] = append(t.jobs[d.Job], d)
		}
	}
	t.followLinks(ctx)
	return t, ctx.Err()
}

// followLinks finds out where links lead.
func (t *Tree) followLinks(ctx context.Context) {
	store, ok := t.Store.(LinkReader)
	if !ok {
		return
	}
	for _, o := range t.Skipped {
		if o.Type != TypeLink {
			continue
		}
		if target, err := store.ReadLink(ctx, o.Key); err == nil {
			if t.links == nil {
				t.links = map[string]string{}
			}
			t.links[o.Key] = target
		}
	}
}

// Link is the URL to which a symbolic link leads, "" where that is not known.
func (t *Tree) Link(key string) string { return t.links[key] }

// Inner tells whether a symbolic link leads to where the tree is listed anyway: if it
// leads on from there, that is by another link, which is listed as well.
func (t *Tree) Inner(key string) bool {
	_, inside := Below(t.Root, t.links[key])
	return inside && t.links[key] != ""
}

// Object is the number of a file in the tree's graph.
func (t *Tree) Object(f FileID) ObjectID { return t.base + ObjectID(f) }

// Graph is which snapshot uses which file: the union over all trees, jobs and
// savepoints (Flink has it in memory only: SharedStateRegistryImpl).
type Graph struct {
	Trees []*Tree
	Nodes []Node // in the order of the trees, and of their snapshots

	// Adopted are snapshots that lie in no tree, and use files of these all the same.
	Adopted []Node

	uses  []int32 // of each object, how many nodes use it
	owner []int32 // the last of these
	build *builder
}

// Node is a snapshot and what it uses.
type Node struct {
	Entry
	Tree *Tree

	// Objects are the files of the trees that the snapshot needs, its _metadata with
	// them, sorted and each once. Empty unless the _metadata was read to its end.
	Objects   []ObjectID
	Exclusive int64    // bytes of those that are its own by their handles, and of its _metadata
	Shared    int64    // bytes of the others
	Unique    int64    // bytes that no other snapshot uses: freed if this one alone is deleted
	Inline    int64    // bytes of state within _metadata
	Outside   Part     // what it refers to that lies in no tree
	Strays    []string // URLs of directories of these, some of them
	Operators OperatorSet
	ByTail    int       // references that were found by the tail of their path
	Managed   []string  // URLs of directories of merged files, which Flink deletes as a whole
	Segments  []Segment // of merged files
	Broken    []Broken  // references with a fault

	followed  bool // the _metadata was read to its end
	finder    *finder
	confirmed map[string]Found // what a second look has shown, by URL
}

// URL is the snapshot's directory.
func (n *Node) URL() string { return Join(n.Tree.Root, n.Dir) }

// Followed tells whether the _metadata was read to its end, so that all that the
// snapshot uses is known.
func (n *Node) Followed() bool { return n.followed }

// GraphOptions say what to build.
type GraphOptions struct {
	Assess AssessOptions
	Maps   []Mapping
	// Aliases are other names of places: what lies below Old is what lies below New.
	Aliases []Mapping
	// Open is for what lies outside of the trees. Where it is nil, nobody looks there.
	Open OpenStore
	// Observe is called for each snapshot and gives the function that is told of its
	// references, in their order. It may give nil. Several snapshots are read at a time.
	Observe func(*Tree, *Snapshot) func(*Reference)
	// Prove asks for each missing file by itself before it is said to be missing. Without
	// it, two listings that agree on very many are believed.
	Prove bool
	// Progress is told how many of the snapshots have been read.
	Progress func(done, of int)
}

// NewGraph reads the _metadata of all snapshots of the trees. No tree may lie within
// another one. What is missing is looked for once more before it is said to be: a
// listing is no moment. The only errors are those of ctx.
func NewGraph(ctx context.Context, trees []*Tree, opts GraphOptions) (*Graph, error) {
	g := &Graph{Trees: trees}
	objects, snapshots := 0, 0
	for _, t := range trees {
		t.base = ObjectID(objects)
		objects += t.Files.Len()
		snapshots += len(t.Snapshots)
	}
	g.uses, g.owner = make([]int32, objects), make([]int32, objects)
	g.Nodes = make([]Node, 0, snapshots)
	b := &builder{opts: opts, finder: newFinder(trees, opts)}
	g.build = b
	for _, t := range trees {
		nodes, err := b.read(ctx, t, t.Snapshots, func(n int) {
			if opts.Progress != nil {
				opts.Progress(len(g.Nodes)+n, snapshots)
			}
		})
		if err != nil {
			return nil, err
		}
		g.Nodes = append(g.Nodes, nodes...)
	}
	if err := b.confirm(ctx, g.Nodes); err != nil {
		return nil, err
	}
	g.connect()
	return g, nil
}

// Read reads snapshots that have come since, which the graph's own do not count: their
// objects are those of the graph's listings, and what these do not show is not among them.
// Nothing is said of what is missing. Its error is that of ctx.
func (g *Graph) Read(ctx context.Context, tree *Tree, snapshots []Snapshot) ([]Node, error) {
	b := *g.build
	b.opts.Observe = nil
	return b.read(ctx, tree, snapshots, func(int) {})
}

// Adopt reads a snapshot that lies in none of the trees, and counts it among the users of
// their files. What it names elsewhere is not looked at. Where its _metadata is not there
// or cannot be read to its end, that is an error, and nothing is counted.
func (g *Graph) Adopt(ctx context.Context, target *Target) error {
	o, err := target.Store.Stat(ctx, target.Metadata)
	if err != nil {
		return err
	}
	t := &Tree{Root: target.Store.URL(), Store: target.Store}
	b := *g.build
	b.adopting = true
	nodes, err := b.read(ctx, t, []Snapshot{snapshotOf(target, o)}, func(int) {})
	if err != nil {
		return err
	}
	n := nodes[0]
	if !n.followed {
		if n.Err != nil {
			return n.Err
		}
		return &NotCheckpointError{Path: n.URL(), Message: n.Reason}
	}
	for _, id := range n.Objects {
		g.uses[id]++
	}
	g.Adopted = append(g.Adopted, n)
	return nil
}

// Follow reads one snapshot and looks up what it names, directory by directory,
// without a listing of the whole tree. opts.Open must be set.
func Follow(ctx context.Context, target *Target, opts GraphOptions) (*Node, error) {
	o, err := target.Store.Stat(ctx, target.Metadata)
	if err != nil {
		return nil, err
	}
	t := &Tree{Root: target.Store.URL(), Store: target.Store}
	b := &builder{opts: opts, finder: newFinder([]*Tree{t}, opts)}
	nodes, err := b.read(ctx, t, []Snapshot{snapshotOf(target, o)}, func(int) {})
	if err == nil {
		err = b.confirm(ctx, nodes)
	}
	if err != nil {
		return nil, err
	}
	return &nodes[0], nil
}

// snapshotOf is the snapshot that a user named, as a listing would show it.
func snapshotOf(t *Target, meta Object) Snapshot {
	_, name := splitKey(t.Dir)
	s := Snapshot{Dir: t.Dir, Name: name, Metadata: &meta, Files: 1, Bytes: meta.Size, Newest: meta.Modified}
	s.Number, s.Numbered = ParseCheckpointDir(name)
	s.Job, s.HasJob = JobOf(Join(t.URL(), MetadataName))
	return s
}

func newFinder(trees []*Tree, opts GraphOptions) *finder {
	f := &finder{trees: trees, maps: opts.Maps, aliases: opts.Aliases}
	if opts.Open == nil {
		return f
	}
	f.lists = &directories{open: opts.Open, trees: trees}
	for _, t := range trees {
		_, within := JobOf(Join(t.Root, MetadataName))
		if root := treeRoot(t.Root); within && f.within(root) == nil {
			f.around = append(f.around, root)
		}
	}
	return f
}

// Object tells which file of which tree an object is.
func (g *Graph) Object(id ObjectID) (*Tree, FileID) {
	return objectIn(g.Trees, id)
}

// URL is where an object lies.
func (g *Graph) URL(id ObjectID) string {
	t, f := g.Object(id)
	return Join(t.Root, t.Files.Key(f))
}

// Size of an object in bytes.
func (g *Graph) Size(id ObjectID) int64 {
	t, f := g.Object(id)
	return t.Files.Size(f)
}

// Len is how many objects there are.
func (g *Graph) Len() int { return len(g.uses) }

// Users is how many snapshots use the object.
func (g *Graph) Users(id ObjectID) int { return int(g.uses[id]) }

// Doubts are the snapshots and directories whose references are not known: an object
// that nothing else uses may be theirs.
func (g *Graph) Doubts() []error {
	var doubts []error
	for _, t := range g.Trees {
		doubts = append(doubts, t.Errors...)
		for _, o := range t.Skipped {
			if o.Type == TypeLink && !IsDataFile(o.Name()) && !t.Inner(o.Key) {
				doubts = append(doubts, fmt.Errorf("%s: a symbolic link, which is not followed; what lies behind it may use files here", Join(t.Root, o.Key)))
			}
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		switch {
		case n.followed && n.Err == nil || n.State == Incomplete || n.State == InProgress:
		case n.Err != nil:
			doubts = append(doubts, fmt.Errorf("%s: %w", Join(n.Tree.Root, n.MetadataKey()), n.Err))
		default:
			doubts = append(doubts, fmt.Errorf("%s: %s", Join(n.Tree.Root, n.MetadataKey()), n.Reason))
		}
	}
	return doubts
}

// connect counts who uses what.
func (g *Graph) connect() {
	for i := range g.Nodes {
		for _, id := range g.Nodes[i].Objects {
			g.uses[id]++
			g.owner[id] = int32(i)
		}
	}
	for id, n := range g.uses {
		if n == 1 {
			g.Nodes[g.owner[id]].Unique += g.Size(ObjectID(id))
		}
	}
}
