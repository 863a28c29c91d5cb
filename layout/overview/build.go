package overview

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Build reads a _metadata of size bytes from src. url is the checkpoint's directory in
// canonical form, and locate tells where an absolute path lies now. Errors are those
// of metadata.Scan, of locate and of the options' functions.
func Build(src io.Reader, size int64, url string, locate func(path string) (layout.Location, error), opts Options) (*Overview, error) {
	b := &builder{url: url, locate: locate, opts: opts, o: &Overview{OtherJobs: map[layout.JobID]Part{}}}
	if job, ok := layout.JobOf(layout.Join(url, layout.MetadataName)); ok {
		b.job = &job
	}
	c, err := metadata.Scan(src, size, metadata.Visitor{Header: b.header, Operator: b.operator, Subtask: b.subtask})
	if err != nil {
		return nil, err
	}
	b.o.Properties = c.Properties
	b.o.MasterStates = len(c.MasterStates)
	b.o.Findings = b.check.Finish(c)
	b.o.Writers, b.o.Readers = b.era.Writers(), b.era.Readers()
	for i := range b.o.Operators {
		b.o.Sizes.Add(b.o.Operators[i].Sizes)
		b.o.Bytes.Add(b.o.Operators[i].Bytes)
	}
	slices.SortStableFunc(b.o.Operators, func(x, y Operator) int { return cmp.Compare(y.Sizes.State, x.Sizes.State) })
	return b.o, nil
}

type builder struct {
	o      *Overview
	url    string
	job    *layout.JobID // of the checkpoint, as its place says; nil where that says nothing
	locate func(string) (layout.Location, error)
	opts   Options
	check  metadata.Checker
	era    *metadata.Era
	err    error
	rows   bool // whether to list the sub-tasks of the operator at hand

	known   bool   // whether the next two hold anything
	lastDir string // of the last path
	last    fileDir
	misses  int // paths in a row that were not found
}

// fileDir is what is known of the files in one directory.
type fileDir struct {
	job   layout.JobID
	other bool // job is another one than the checkpoint's
	own   bool // it is the checkpoint's own directory
	how   layout.How
	scope layout.Scope // by its name

	elsewhere bool // of another job; or outside of the tree, and not of this job either
}

func (b *builder) header(c *metadata.Checkpoint) error {
	b.o.Version, b.o.ID = c.Version, c.ID
	b.era = metadata.NewEra(c.Version)
	return nil
}

func (b *builder) operator(op *metadata.OperatorState) error {
	b.check.Operator(op)
	b.era.Operator(op)
	row := Operator{Name: strings.Clone(op.Name.String()), UID: strings.Clone(op.UID.String()), ID: op.ID, Parallelism: op.Parallelism,
		MaxParallelism: op.MaxParallelism, FullyFinished: op.FullyFinished}
	if op.Coordinator != nil {
		n := op.Coordinator.StateSize()
		row.Kinds |= CoordinatorState
		row.Bytes.Inline += n
		row.Sizes = metadata.Sizes{State: n, Checkpointed: n}
	}
	b.o.Operators = append(b.o.Operators, row)
	b.rows = b.opts.Rows != nil && b.opts.Rows(op)
	return nil
}

func (b *builder) subtask(op *metadata.OperatorState, s *metadata.SubtaskState) error {
	b.check.Begin(op, s)
	b.era.Subtask(s)
	row := Subtask{Index: s.Index, Finished: s.Finished, Sizes: s.Sizes()}
	if s.ManagedKeyed != nil {
		row.KeyGroups, row.HasGroups = s.ManagedKeyed.KeyGroups(), true
	}
	for p, h := range op.WalkSubtask(s) {
		b.handle(&row, p, h)
	}
	sum := &b.o.Operators[len(b.o.Operators)-1]
	sum.Subtasks++
	if s.Finished {
		sum.Finished++
	}
	sum.Sizes.Add(row.Sizes)
	sum.Bytes.Add(row.Bytes)
	sum.Refs += row.Refs
	sum.Kinds |= row.Kinds
	if b.rows {
		sum.Rows = append(sum.Rows, row)
	}
	return b.err
}

func (b *builder) handle(row *Subtask, p metadata.Place, h metadata.Handle) {
	b.check.Handle(p, h)
	b.era.Handle(h)
	row.Kinds |= kindOf(p, h)
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		b.o.Canonical = b.o.Canonical || h.Tag == metadata.TagSavepointKeyGroups
		return // its delegate comes next
	case *metadata.ChangelogInlineHandle:
		row.Bytes.Inline += h.StateSize()
	case *metadata.OperatorStateHandle:
		if h.Merging != nil {
			b.o.Refs.Merging++
		}
		if b.rows {
			for i := range h.States {
				row.States = append(row.States, strings.Clone(h.States[i].Name.String()))
			}
		}
	}
	if stream, ok := h.(metadata.StreamHandle); ok {
		b.stream(row, p, stream)
	}
}

// stream adds what h refers to.
func (b *builder) stream(row *Subtask, p metadata.Place, h metadata.StreamHandle) {
	n := share(p, h)
	file, relative := layout.PathOf(h)
	if file == "" {
		row.Bytes.Inline += n
		b.tell(Stream{Place: p, Handle: h, Bytes: n, Scope: layout.Inline})
		return
	}
	row.Refs++
	b.o.Refs.All.add(n)
	scope := layout.Exclusive
	switch {
	case relative && metadata.Inside(file):
		row.Bytes.Exclusive += n
	case relative:
		b.refer(file, fileDir{how: layout.Outside}, n)
		row.Bytes.Elsewhere += n
	default:
		dir := b.dirOf(file)
		if scope = layout.FileScope(p.Role, dir.scope); isSegment(h) {
			scope = layout.ScopeOf(p, h)
		}
		b.refer(file, dir, n)
		row.Bytes.count(scope, dir.elsewhere, n)
	}
	if b.opts.Streams != nil {
		b.tell(Stream{Place: p, Handle: h, Bytes: n, Scope: scope, Path: file, Relative: relative, Location: b.location(file, relative)})
	}
}

// location is where a file lies.
func (b *builder) location(file string, relative bool) layout.Location {
	switch {
	case relative && metadata.Inside(file):
		return layout.Location{URL: layout.Join(b.url, file), How: layout.Relative}
	case relative:
		return layout.Location{URL: file, How: layout.Outside}
	}
	loc, err := b.locate(file)
	if err != nil && b.err == nil {
		b.err = err
	}
	return loc
}

// tell passes s on to who asked for it.
func (b *builder) tell(s Stream) {
	if b.opts.Streams != nil && b.err == nil {
		b.err = b.opts.Streams(&s)
	}
}

// count adds n bytes of a file named by an absolute path.
func (b *Bytes) count(scope layout.Scope, elsewhere bool, n int64) {
	switch {
	case elsewhere:
		b.Elsewhere += n
	case scope == layout.Shared || scope == layout.Changelog:
		b.Shared += n
	case scope == layout.TaskOwned:
		b.TaskOwned += n
	default:
		b.Exclusive += n
	}
}

// refer counts a reference by absolute path.
func (b *builder) refer(path string, dir fileDir, n int64) {
	refs := &b.o.Refs
	refs.Absolute.add(n)
	if !dir.own {
		refs.Beside.add(n)
	}
	switch dir.how {
	case layout.Outside:
		if refs.Outside.Refs == 0 {
			refs.Example = strings.Clone(path)
		}
		refs.Outside.add(n)
	case layout.Unasked:
		refs.Unasked.add(n)
	case layout.ByTail:
		refs.ByTail.add(n)
	case layout.Mapped:
		refs.Mapped.add(n)
	}
	if dir.other {
		part := b.o.OtherJobs[dir.job]
		part.add(n)
		b.o.OtherJobs[dir.job] = part
	}
}

// share is the bytes of the stream h that count at its place. A channel's data, and a
// changelog's, is a part of a stream, and only the handle above knows how large a part.
func share(p metadata.Place, h metadata.StreamHandle) int64 {
	switch parent := p.Parent.(type) {
	case metadata.ChannelHandle:
		return parent.StateSize()
	case *metadata.ChangelogFileHandle:
		if parent.Parts[0].File == h {
			return parent.Size
		}
		return 0
	}
	return h.StateSize()
}

// patience is how many files of a directory are asked for before it counts as gone.
const patience = 4

// dirOf tells about the directory of an absolute path. Neighbours mostly share it.
func (b *builder) dirOf(path string) fileDir {
	if rest, ok := strings.CutPrefix(path, b.lastDir); b.err != nil || ok && b.known && rest != "" && rest[0] == '/' && strings.IndexByte(rest[1:], '/') < 0 {
		return b.last
	}
	dir := path[:max(0, strings.LastIndexByte(path, '/'))]
	loc, err := b.locate(path)
	if err != nil {
		b.err = err
		return fileDir{}
	}
	d := fileDir{how: loc.How, scope: layout.DirScope(dir)}
	d.elsewhere = d.how == layout.Outside || d.how == layout.Unasked
	if job, ok := layout.JobOf(path); ok && b.job != nil {
		d.job, d.other = job, job != *b.job
		d.elsewhere = d.other
	}
	_, d.own = layout.Below(b.url, loc.URL)
	// One file that is gone must not speak for its neighbours.
	if b.misses++; d.how != layout.Outside {
		b.misses = 0
	}
	b.known = b.misses == 0 || b.misses > patience
	b.lastDir, b.last = strings.Clone(dir), d
	return d
}

func isSegment(h metadata.StreamHandle) bool {
	_, ok := h.(*metadata.SegmentHandle)
	return ok
}

func kindOf(p metadata.Place, h metadata.Handle) Kinds {
	if _, ok := h.(*metadata.SegmentHandle); ok {
		return MergedFiles
	}
	if p.Role != metadata.Top {
		return 0
	}
	switch p.Slot {
	case metadata.ManagedOperator:
		return OperatorState
	case metadata.RawOperator:
		return RawOperatorState
	case metadata.RawKeyed:
		return RawKeyedState
	case metadata.InputChannel, metadata.ResultSubpartition:
		return ChannelState
	}
	switch h := h.(type) {
	case *metadata.IncrementalHandle:
		return Incremental
	case *metadata.ChangelogHandle:
		return Changelog
	case *metadata.KeyGroupsHandle:
		if h.Tag == metadata.TagSavepointKeyGroups {
			return Canonical
		}
		return KeyGroups
	}
	return 0
}
