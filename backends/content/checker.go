package content

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// checker checks one stretch of a file. Offsets of handles count from its start,
// positions of the cursor from the start of the file.
type checker struct {
	*stretch
	c       *cursor
	buffers *buffers
	report  func(Problem)
	told    int
}

// problem tells what is wrong at a position of the file, of p, or of the first part
// where p is nil.
func (k *checker) problem(p *Part, at int64, format string, args ...any) {
	k.tell(Problem{Part: p, Offset: max(at, 0), Message: fmt.Sprintf(format, args...)})
}

func (k *checker) tell(p Problem) {
	if k.told++; k.told > mostProblems {
		return
	}
	if p.Part == nil {
		p.Part = k.parts[0]
	}
	if k.told == mostProblems {
		p.Message += "; no more is told of this stream"
	}
	k.report(p)
}

// ends tells that the stream ends too early, where it is not the file that does.
func (k *checker) ends(p *Part, what string) {
	if !k.c.cut() {
		k.problem(p, k.c.at, "the stream ends within %s", what)
	}
}

// run checks the stretch and leaves the cursor at its end.
func (k *checker) run() {
	k.c.skipTo(k.start)
	if k.c.end = k.end; !k.c.short {
		checks[k.kind](k)
	}
	k.c.end = k.end
	k.c.skipTo(k.end)
	k.c.end = forever
}

// fileEnds tells that the file ends before the stream does, if so.
func (k *checker) fileEnds(size int64) bool {
	ends := k.c.at < k.end && k.c.err == io.EOF
	if ends {
		k.report(Problem{Part: k.parts[0], Offset: k.c.at, Message: fmt.Sprintf("the file ends here, not at %d, before the stream does", size)})
	}
	return ends
}

// point is where, by a handle, something begins.
type point struct {
	at   int64 // position in the file
	id   int32 // what begins there: a key group, a mode of distribution
	part *Part
}

// points puts those within the stream in order, each once. The others are problems;
// what names them, with the id where it has a verb for it.
func (k *checker) points(all []point, what string) []point {
	slices.SortStableFunc(all, func(a, b point) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	all = slices.CompactFunc(all, func(a, b point) bool { return a.at == b.at && a.id == b.id })
	return slices.DeleteFunc(all, func(p point) bool {
		outside := p.at < k.start || p.at > k.end
		if outside {
			name := strings.Replace(what, "%d", strconv.Itoa(int(p.id)), 1)
			k.problem(p.part, p.at, "%s would begin at %d, not within the %d bytes of the stream", name, p.at-k.start, k.end-k.start)
		}
		return outside
	})
}

// dropBefore leaves out the points before the cursor, and tells of them.
func (k *checker) dropBefore(points []point, what string) []point {
	for len(points) > 0 && points[0].at < k.c.at {
		k.problem(points[0].part, points[0].at, "%s begins within what is before it", what)
		points = points[1:]
	}
	return points
}

// seek goes on at a point, which must not be behind.
func (k *checker) seek(p point, what string) bool {
	if p.at < k.c.at {
		k.problem(p.part, p.at, "%s begins within what is before it", what)
		return false
	}
	k.c.end = k.end
	k.c.skipTo(p.at)
	return !k.c.short
}

// until is where the i-th point's data ends: at the next one.
func (k *checker) until(points []point, i int) int64 {
	if i+1 < len(points) {
		return points[i+1].at
	}
	return k.end
}
