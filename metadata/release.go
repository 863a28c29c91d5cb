package metadata

import "fmt"

// Release is a release line of Flink: 1.20 is {1, 20}.
type Release struct{ Major, Minor int }

// String is the release as people write it.
func (r Release) String() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }

func (r Release) before(o Release) bool {
	return r.Major < o.Major || r.Major == o.Major && r.Minor < o.Minor
}

// Releases are all from First to Last.
type Releases struct{ First, Last Release }

// String is "1.15", or "1.16 to 1.20".
func (r Releases) String() string {
	if r.First == r.Last {
		return r.First.String()
	}
	return r.First.String() + " to " + r.Last.String()
}

// newest is the newest release whose format this package knows.
var newest = Release{2, 2}

// writers are the releases that write each version (MetadataSerializers).
var writers = map[int32]Releases{
	1:        {Release{1, 1}, Release{1, 2}},
	Version2: {Release{1, 3}, Release{1, 10}},
	Version3: {Release{1, 11}, Release{1, 15}},
	Version4: {Release{1, 16}, Release{1, 20}},
	Version5: {Release{2, 0}, Release{2, 0}},
	Version6: {Release{2, 1}, Release{2, 2}},
}

// WrittenBy names the Flink releases that write version v, "" for a version
// that this package does not know.
func WrittenBy(v int32) string {
	if r, ok := writers[v]; ok {
		return r.String()
	}
	return ""
}

// Era finds out which releases can have written a checkpoint, and which can read it,
// from its version and from the handles that it holds. Show it all of them.
type Era struct {
	writers Releases
	readers Releases
}

// NewEra begins with what version v says by itself.
func NewEra(v int32) *Era {
	w := writers[v]
	return &Era{writers: w, readers: Releases{w.First, newest}}
}

// Writers are the releases that can have written what was shown.
func (e *Era) Writers() Releases { return e.writers }

// Readers are the releases that can read what was shown.
func (e *Era) Readers() Releases { return e.readers }

// Operator shows an operator and its sub-tasks, but not their handles.
func (e *Era) Operator(o *OperatorState) {
	if o.FullyFinished {
		e.since(Release{1, 14}) // FLIP-147
	}
}

// Subtask shows a sub-task, but not its handles.
func (e *Era) Subtask(s *SubtaskState) {
	if s.Finished {
		e.since(Release{1, 14})
	}
}

// Handle shows a handle.
func (e *Era) Handle(h Handle) {
	switch h := h.(type) {
	case *KeyGroupsHandle:
		e.tag(h.Tag)
	case *IncrementalHandle:
		e.tag(h.Tag)
	case *ChangelogHandle:
		e.tag(h.Tag)
	case *ChangelogFileHandle:
		e.tag(h.Tag)
	case *ChangelogInlineHandle:
		e.tag(TagChangelogByte)
	case *SegmentHandle:
		e.tag(TagSegmentFile)
	case *EmptySegmentHandle:
		e.tag(TagEmptySegmentFile)
	}
}

func (e *Era) tag(t Tag) {
	switch t {
	case TagKeyGroups, TagIncremental:
		e.until(Release{1, 14})
	case TagSavepointKeyGroups:
		e.since(Release{1, 13})
	case TagChangelog, TagChangelogFile:
		e.since(Release{1, 14})
		e.until(Release{1, 15})
	case TagChangelogByte:
		e.since(Release{1, 14})
	case TagIncrementalV2, TagKeyGroupsV2:
		e.since(Release{1, 15})
	case TagChangelogFileV2, TagChangelogV2:
		e.since(Release{1, 16})
	case TagSegmentFile, TagEmptySegmentFile:
		e.since(Release{1, 20})
	}
}

// since: neither older releases write it, nor do they read it.
func (e *Era) since(r Release) {
	if e.writers.First.before(r) && !e.writers.Last.before(r) {
		e.writers.First = r
	}
	if e.readers.First.before(r) {
		e.readers.First = r
	}
}

// until: newer releases read it, but do not write it. Where the version says that
// one of them did, the version is right.
func (e *Era) until(r Release) {
	if r.before(e.writers.Last) && !r.before(e.writers.First) {
		e.writers.Last = r
	}
}
