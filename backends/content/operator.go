package content

import (
	"bytes"

	"github.com/ckpt-tool/ckpt/metadata"
)

// elements are the offsets of the elements of all states, with their modes.
func (k *checker) elements() []point {
	var all []point
	for _, p := range k.parts {
		for _, s := range p.Place.Parent.(*metadata.OperatorStateHandle).States {
			for _, o := range s.Offsets {
				all = append(all, point{at: k.start + o, id: int32(s.Mode), part: p})
			}
		}
	}
	return k.points(all, "an element")
}

// operator checks operator state. What an element looks like only its serializer
// knows; broadcast state begins with an i32 count.
func (k *checker) operator() {
	header := k.c.peek(fileBuffer)
	points := k.elements()
	if len(points) > 0 && points[0].at-k.start <= int64(len(header)) {
		k.names(header[:points[0].at-k.start])
	}
	compressed, ok := k.operatorHeader()
	switch {
	case !ok || len(points) == 0:
	case compressed:
		k.operatorFrames(points)
	default:
		k.operatorPoints(points)
	}
}

// names compares the header with the names of states in the handles.
func (k *checker) names(header []byte) {
	for _, p := range k.parts {
		if name, ok := namesStates(header, p.Place.Parent.(*metadata.OperatorStateHandle).States); !ok {
			k.problem(p, k.start, "the header does not name the state %q", name)
		}
	}
}

// namesStates tells whether a header names all the states, by a utf.
func namesStates(header []byte, states []metadata.OperatorStateMeta) (missing metadata.UTF, ok bool) {
	for _, s := range states {
		named := append([]byte{byte(len(s.Name) >> 8), byte(len(s.Name))}, s.Name...)
		if !bytes.Contains(header, named) {
			return s.Name, false
		}
	}
	return "", true
}

func (k *checker) operatorPoints(points []point) {
	for i, p := range points {
		if !k.seek(p, "an element") || metadata.DistributionMode(p.id) != metadata.Broadcast {
			continue
		}
		n := k.c.i32()
		switch left := k.until(points, i) - k.c.at; {
		case k.c.short:
			k.ends(p.part, "the count of broadcast state")
		case n < 0 || n > 1 && int64(n) > left:
			k.problem(p.part, p.at, "broadcast state of %d entries in %d bytes", n, left)
		}
	}
}

// operatorFrames checks the one framed stream that begins right before the first
// element. The writer ends a chunk before it takes an offset.
func (k *checker) operatorFrames(points []point) {
	begin := point{at: points[0].at - int64(len(identifier)), part: points[0].part}
	if !k.seek(begin, "the snappy stream") {
		return
	}
	f := k.frames(begin.part)
	for f.err == nil {
		f.next()
		for len(points) > 0 && points[0].at <= k.c.at {
			if points[0].at != k.c.at {
				k.problem(points[0].part, points[0].at, "an element begins within a snappy chunk")
			}
			points = points[1:]
		}
	}
}

// rawOperator checks no more than that offsets lie within the stream.
func (k *checker) rawOperator() { k.elements() }

// timersMarker is what InternalTimerServiceSerializationProxy begins with in each key group.
const timersMarker = "\xf1\xcd\x85\x9f"

// notStarted is the offset of a key group of raw state that was not begun.
const notStarted = -1

// rawKeyed checks that heap timers, known by their marker in the first key group,
// are in all of them. Other raw state is an operator's own.
func (k *checker) rawKeyed() {
	timers := false
	for i, p := range k.keyGroups(notStarted) {
		if !k.seek(p, "a key group") {
			continue
		}
		is := string(k.c.take(len(timersMarker))) == timersMarker
		if i == 0 {
			timers = is
		}
		if timers && !is && !k.c.cut() {
			k.problem(p.part, p.at, "key group %d does not begin with the marker of timers", p.id)
		}
	}
}
