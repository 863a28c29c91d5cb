package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// How tells by what rule a path was resolved.
type How string

// The rules, in the order in which they are tried.
const (
	Relative How = "relative" // below the snapshot's own directory
	Mapped   How = "mapped"   // by --map
	Exact    How = "exact"    // it stands so in _metadata
	ByTail   How = "tail"     // the part from the job id on exists below the root
	Outside  How = "outside"  // not below the root: only its URL is known
	Unasked  How = "unasked"  // not below the root, and not looked for
)

// Location is where a path of a _metadata lies now.
type Location struct {
	URL string // canonical
	Key string // below the root; "" where it is not
	How How
}

// Mapping reads what lay below Old at New.
type Mapping struct{ Old, New string }

// ParseMapping reads OLD=NEW.
func ParseMapping(s string) (Mapping, error) {
	before, after, ok := strings.Cut(s, "=")
	m := Mapping{Old: Canonical(before), New: Canonical(after)}
	if !ok || m.Old == "" || m.New == "" {
		return Mapping{}, fmt.Errorf("%q: want OLD=NEW", s)
	}
	return m, nil
}

// Resolver finds what the paths in a _metadata mean for a tree that may have been
// copied since.
type Resolver struct {
	Root    string               // canonical URL of the tree
	Maps    []Mapping            // the longest Old that fits counts
	JobDirs func(JobID) []string // keys of a job's directories, may be nil
	Exists  func(key string) (bool, error)
}

// RelativePath resolves the path of a RelativeFileHandle of the snapshot in dir.
// Flink resolves it against the exclusive directory; one that leaves it is refused.
func (r *Resolver) RelativePath(dir, p string) (Location, error) {
	key, err := CleanKey(p)
	if err != nil || key == "" {
		return Location{}, &NotCheckpointError{
			Path:    Join(r.Root, dir),
			Message: fmt.Sprintf("relative path %q leaves the checkpoint's directory", p),
		}
	}
	key = path.Join(dir, key)
	return Location{URL: Join(r.Root, key), Key: key, How: Relative}, nil
}

// AbsolutePath resolves an absolute path that the snapshot in dir names. A path
// below the root is taken as it stands, whether it exists or not. Several tails
// that exist, none of them beside the snapshot, are an *AmbiguousError.
func (r *Resolver) AbsolutePath(dir, p string) (Location, error) {
	url := Canonical(p)
	if loc, ok := r.direct(url); ok {
		return loc, nil
	}
	keys, err := r.tails(url)
	switch {
	case err != nil:
		return Location{}, err
	case len(keys) == 0:
		return Location{URL: url, How: Outside}, nil
	}
	key, ok := beside(dir, keys)
	if !ok {
		e := &AmbiguousError{Path: url, Message: "its tail exists at several places", Hint: "say by --map OLD=NEW which is meant"}
		for _, k := range keys {
			e.Candidates = append(e.Candidates, Candidate{Path: Join(r.Root, k)})
		}
		return Location{}, e
	}
	return Location{URL: Join(r.Root, key), Key: key, How: ByTail}, nil
}

// direct is for what is mapped, if only to a place outside of the root, and for what
// stands below the root as it is.
func (r *Resolver) direct(url string) (Location, bool) {
	how := Exact
	mapped, ok := r.mapped(url)
	if ok {
		url, how = mapped, Mapped
	}
	key, below := Below(r.Root, url)
	if !below {
		key = ""
	}
	return Location{URL: url, Key: key, How: how}, ok || below
}

// mapped applies the mapping with the longest Old.
func (r *Resolver) mapped(url string) (string, bool) { return MapURL(r.Maps, url) }

// MapURL tells where the canonical url is to be read by the mappings, and whether one of
// them is for it. Of several, that with the longest Old counts.
func MapURL(maps []Mapping, url string) (string, bool) {
	var best *Mapping
	for i, m := range maps {
		if _, ok := Below(m.Old, url); ok && (best == nil || len(m.Old) > len(best.Old)) {
			best = &maps[i]
		}
	}
	if best == nil {
		return "", false
	}
	key, _ := Below(best.Old, url)
	return Join(best.New, key), true
}

// mostElements is how many elements above a job's directory a tail may have: a path of
// 64 KB has 32,000, each of which would cost a question.
const mostElements = 32

// tails are the keys below the root that end like url, from a job id or the name of
// a savepoint on, and that exist. These names are random, so nothing else has them.
func (r *Resolver) tails(url string) ([]string, error) {
	elements := strings.Split(strings.TrimPrefix(ParsePlace(url).Path, "/"), "/")
	anchor, job := lastAnchor(elements)
	if anchor < 0 {
		return nil, nil
	}
	var keys []string
	for i := max(0, anchor-mostElements); i <= anchor; i++ {
		keys = append(keys, strings.Join(elements[i:], "/"))
	}
	if job != nil && r.JobDirs != nil {
		for _, dir := range r.JobDirs(*job) {
			keys = append(keys, path.Join(dir, strings.Join(elements[anchor+1:], "/")))
		}
	}
	slices.Sort(keys)
	var exist []string
	for _, key := range slices.Compact(keys) {
		ok, err := r.Exists(key)
		if err != nil {
			return nil, err
		}
		if ok {
			exist = append(exist, key)
		}
	}
	return exist, nil
}

// lastAnchor is the position of the last element, other than the file itself, that
// no other tree has; -1 where there is none.
func lastAnchor(elements []string) (int, *JobID) {
	for i := len(elements) - 2; i >= 0; i-- {
		if id, err := ParseJobID(elements[i]); err == nil {
			return i, &id
		}
		if _, ok := ParseSavepointName(elements[i]); ok {
			return i, nil
		}
	}
	return -1, nil
}

// beside chooses among the keys the one in the same copy of the tree as the
// snapshot in dir: that which shares the most leading elements with it, if only one
// does.
func beside(dir string, keys []string) (string, bool) {
	best, most, tie := "", -1, false
	for _, key := range keys {
		n := commonElements(dir, key)
		switch {
		case n > most:
			best, most, tie = key, n, false
		case n == most:
			tie = true
		}
	}
	return best, !tie
}

func commonElements(a, b string) int {
	n := 0
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		if x != y {
			return n
		}
		if n++; !moreA || !moreB {
			return n
		}
		a, b = restA, restB
	}
}
