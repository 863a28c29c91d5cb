package content

import (
	"github.com/ckpt-tool/ckpt/metadata"
)

// changelog is u8 compression, then change sets one behind the other (Flink:
// StateChangeFsUploader, StateChangeFormat), which tell no length. Offsets count
// uncompressed bytes behind the flag.
func (k *checker) changelog() {
	compressed := k.flag("compression")
	if k.c.short {
		k.ends(nil, "its flag")
	}
	if k.c.short || k.told > 0 {
		return
	}
	b := &body{cursor: k.c, base: k.c.at}
	if compressed {
		b = k.body(k.frames(nil))
	}
	k.changeSets(b, k.setPoints())
	if compressed {
		b.frames.readAll()
	}
}

// setPoints are where the handles' change sets begin, within the body: their positions
// are its offsets.
func (k *checker) setPoints() []point {
	whole := &checker{stretch: &stretch{end: forever, parts: k.parts}, c: k.c, report: k.report}
	var all []point
	for _, p := range k.parts {
		for _, part := range p.Place.Parent.(*metadata.ChangelogFileHandle).Parts {
			if part.File == p.Handle {
				all = append(all, point{at: part.Offset, part: p})
			}
		}
	}
	return whole.points(all, "a change set")
}

// changeSets follows the sets to the end. Each offset must be met.
func (k *checker) changeSets(b *body, points []point) {
	for !b.over() {
		var at *point
		if len(points) > 0 && points[0].at == b.offset() {
			at, points = &points[0], points[1:]
		}
		if !k.changeSet(b, at) {
			return
		}
		if len(points) > 0 && points[0].at < b.offset() {
			k.problem(points[0].part, b.place(), "no change set begins at %d", points[0].at)
			return
		}
	}
	if len(points) > 0 && !b.broken() {
		k.problem(points[0].part, b.place(), "no change set begins at %d, behind the last", points[0].at)
	}
}

// metadataChange is the number that stands for no key group.
const metadataChange = -1

// changeSet is i32 count, then of each key group i32 count of changes, i32 key group,
// and i32 length and bytes of each change. It is false where that cannot be.
func (k *checker) changeSet(b *body, at *point) bool {
	var of *Part
	if at != nil {
		of = at.part
	}
	// Not the handle's range: after a rescale, it is narrower than what was written.
	groupsOf := k.parts[0].Place.Operator.MaxParallelism
	begin, groups := b.place(), b.i32()
	for i := int32(0); i < groups && !b.short; i++ {
		place, changes, group := b.place(), b.i32(), b.i32()
		if !b.short && (changes < 0 || group < metadataChange || group >= groupsOf) {
			k.problem(of, place, "a change set has %d changes of key group %d", changes, group)
			return false
		}
		for j := int32(0); j < changes && !b.short; j++ {
			b.skip(int64(b.i32()))
		}
	}
	if (b.short || groups < 0) && !b.broken() {
		k.problem(of, begin, "a change set of %d key groups does not end", groups)
	}
	return !b.short && groups >= 0
}
