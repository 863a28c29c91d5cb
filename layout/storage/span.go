package storage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// span is a part of the keys with a prefix, in their order: those behind from, up to and
// with end. Wherever it is cut in two, each key is in one of them.
type span struct {
	prefix string
	from   string
	after  string // the last key that has come, or from
	end    string // "" is the end of the prefix
	token  string // of the next page

	levels []level // where to cut it
	first  string  // key of the last page

	// known is the deepest directory whose children are among the levels, or were, and
	// more is how to ask for further ones.
	known     string
	more      query
	explored  bool // there is a known
	exploring bool
	flat      bool   // the last page was files of one directory with hexadecimal names
	sliced    string // the directory that was cut by such names
}

// level is places to cut a span, ascending, all between its after and end: the children
// of a directory.
type level struct {
	cuts []string
	// passed is how many of them some pages have passed: how much lies between two.
	passed, pages int
}

// take moves the span behind a page, and gives those items that are in it. It fails on
// keys that are not in order, because then others may be missing.
func (s *span) take(p page) ([]item, error) {
	s.token = p.next
	for i, o := range p.items {
		if o.key <= s.after {
			return nil, errOrder
		}
		if s.end != "" && o.key > s.end {
			s.token = ""
			return p.items[:i], nil
		}
		s.after = o.key
	}
	if s.after == s.end {
		s.token = ""
	}
	s.flat = isFlat(p.items)
	if len(p.items) > 0 {
		s.first = p.items[0].key
	}
	for i, l := range s.levels {
		n := l.upTo(s.after)
		s.levels[i] = level{l.cuts[n:], l.passed + n, l.pages + 1}
	}
	s.levels = slices.DeleteFunc(s.levels, func(l level) bool { return len(l.cuts) == 0 })
	return p.items, nil
}

// upTo is how many of the cuts do not lie behind key.
func (l level) upTo(key string) int {
	i, found := slices.BinarySearch(l.cuts, key)
	if found {
		i++
	}
	return i
}

// left is about how many pages the cuts of the level stand for, 0 where nothing says so.
func (l level) left() int {
	return 2 * len(l.cuts) * l.pages / max(2*l.passed, 1)
}

// widest is the level that stands for the most pages.
func (s *span) widest() level {
	var most level
	for _, l := range s.levels {
		if l.left() > most.left() {
			most = l
		}
	}
	return most
}

// split cuts the span in the middle of its widest level, and gives the upper part.
func (s *span) split() *span {
	cuts := s.widest().cuts
	at := cuts[len(cuts)/2]
	upper := *s
	upper.from, upper.after, upper.token, upper.first = at, at, "", ""
	upper.exploring, upper.flat, upper.levels = false, false, nil
	var lower []level
	for _, l := range s.levels {
		n := l.upTo(at)
		if n < len(l.cuts) {
			upper.levels = append(upper.levels, level{l.cuts[n:], l.passed, l.pages})
		}
		if l.cuts = l.cuts[:n:n]; n > 0 && l.cuts[n-1] == at {
			l.cuts = l.cuts[:n-1]
		}
		if len(l.cuts) > 0 {
			lower = append(lower, l)
		}
	}
	s.end, s.levels, s.more = at, lower, query{}
	return &upper
}

// slice cuts a directory of files with random hexadecimal names, as Flink gives them:
// only the names themselves say how many of them lie where.
func (s *span) slice() {
	dir := dirOf(s.after)
	if !s.flat || s.sliced == dir {
		return
	}
	s.sliced = dir
	cuts := make([]string, 0, 257)
	for i := range 256 {
		cuts = append(cuts, fmt.Sprintf("%s%02x", dir, i))
	}
	if dir != s.prefix {
		cuts = append(cuts, behindAll(dir))
	}
	s.add(cuts)
}

// add makes a level of those of the cuts that lie within the span.
func (s *span) add(cuts []string) {
	cuts = slices.DeleteFunc(cuts, func(c string) bool { return c <= s.after || s.end != "" && c >= s.end })
	slices.Sort(cuts)
	if len(cuts) > 0 {
		s.levels = append(s.levels, level{cuts: slices.Compact(cuts)})
	}
}

// unexplored asks for places to cut: for the further children of the highest directory on
// the way to the span's last key of which they are not known, and which fills a page. The
// one in which that key lies is left out below the top: its files are coming already.
func (s *span) unexplored() (q query, ok bool) {
	if s.exploring || s.after == s.from {
		return q, false
	}
	if s.more.token != "" && strings.HasPrefix(s.after, s.more.prefix) {
		return s.more, true
	}
	if !s.explored {
		return s.children(s.prefix), true
	}
	for !strings.HasPrefix(s.after, s.known) {
		s.known = dirOf(strings.TrimSuffix(s.known, separator))
	}
	dir := childOf(s.known, s.after)
	if dir == "" || dir == dirOf(s.after) || !strings.HasPrefix(s.first, dir) {
		return q, false
	}
	return s.children(dir), true
}

// children is the query for the further children of dir.
func (s *span) children(dir string) query {
	return query{prefix: dir, delimiter: separator, after: cmp.Or(behindAll(childOf(dir, s.after)), s.after)}
}

// learn takes the children of dir for cuts.
func (s *span) learn(dir string, children []string) {
	if !s.explored || len(dir) > len(s.known) {
		s.explored, s.known = true, dir
	}
	s.add(slices.Clone(children))
}

// covers tells whether the key is still to come in the span.
func (s *span) covers(key string) bool {
	return key > s.after && (s.end == "" || key <= s.end)
}

// doubtful are the directories of which something is missing when the rest of the span
// is: the one in which all of it lies, and those at its ends.
func (s *span) doubtful() []string {
	top := s.prefix
	if s.end != "" {
		top = dirOf(common(s.after, s.end))
	}
	if len(top) <= len(s.prefix) {
		return []string{s.prefix}
	}
	dirs := []string{top}
	for _, key := range []string{s.after, strings.TrimSuffix(s.end, separator)} {
		for dir := childOf(top, key); dir != ""; dir = childOf(dir, key) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func common(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// dirOf is the directory of a key, with a slash at the end.
func dirOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// childOf is the directory in dir in which key lies, with a slash at the end, "" where
// key lies in dir itself.
func childOf(dir, key string) string {
	i := strings.IndexByte(key[len(dir):], '/')
	if i < 0 {
		return ""
	}
	return key[:len(dir)+i+1]
}

// behindAll lies behind all keys in a directory, "" where dir is "".
func behindAll(dir string) string {
	if dir == "" {
		return ""
	}
	return dir[:len(dir)-1] + "0" // which comes after the slash
}

// isFlat tells whether all items are files of one directory with names that begin with
// two hexadecimal digits.
func isFlat(items []item) bool {
	if len(items) == 0 {
		return false
	}
	dir := dirOf(items[0].key)
	for _, i := range items {
		name, ok := strings.CutPrefix(i.key, dir)
		if !ok || len(name) < 2 || !isHex(name[0]) || !isHex(name[1]) || strings.Contains(name, separator) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
