package compare

import (
	"cmp"
	"slices"
)

// Part is a number of files and their bytes.
type Part struct {
	Files int
	Bytes int64
}

func (p *Part) add(size int64) { p.Files++; p.Bytes += size }

// Files is what became of the files between A and B.
type Files struct {
	Reused  Part // both refer to them
	Added   Part // only B does
	Dropped Part // only A does
	Moved   int  // of the reused ones, those that lie at two places: the tree was copied
	MissedA int  // files that A refers to and that are not there
	MissedB int
}

func compareFiles(a, b map[string]File) Files {
	var f Files
	for key, x := range a {
		y, reused := b[key]
		switch {
		case !reused:
			f.Dropped.add(x.Size)
		case x.URL != y.URL:
			f.Moved++
			fallthrough
		default:
			f.Reused.add(max(x.Size, y.Size))
		}
		f.MissedA += count(x.Missing)
	}
	for key, y := range b {
		if _, reused := a[key]; !reused {
			f.Added.add(y.Size)
		}
		f.MissedB += count(y.Missing)
	}
	return f
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// FileStatus is what became of a file.
type FileStatus string

// The statuses of files.
const (
	FileReused  FileStatus = "reused"
	FileAdded   FileStatus = "added"
	FileDropped FileStatus = "dropped"
)

// FileDiff is one file of an operator.
type FileDiff struct {
	Status   FileStatus
	Operator *OperatorDiff
	A, B     *File // nil where the side does not refer to it
}

// URL is where the file lies, on the side of B where both refer to it.
func (f *FileDiff) URL() string {
	if f.B != nil {
		return f.B.URL
	}
	return f.A.URL
}

// Size of the file.
func (f *FileDiff) Size() int64 {
	n := int64(0)
	for _, side := range []*File{f.A, f.B} {
		if side != nil {
			n = max(n, side.Size)
		}
	}
	return n
}

// List is the files of all operators, operator by operator. One that several of them
// refer to occurs several times.
func (d *Diff) List() []FileDiff {
	var list []FileDiff
	for i := range d.Operators {
		list = append(list, d.Operators[i].list()...)
	}
	return list
}

// list is the files of one operator: those added, then those dropped and reused, by name.
func (o *OperatorDiff) list() []FileDiff {
	var keys []string
	byKey := map[string]*FileDiff{}
	add := func(key string) *FileDiff {
		f := byKey[key]
		if f == nil {
			f = &FileDiff{Operator: o}
			byKey[key] = f
			keys = append(keys, key)
		}
		return f
	}
	if o.A != nil {
		for key, x := range o.A.Files {
			add(key).A = &x
		}
	}
	if o.B != nil {
		for key, y := range o.B.Files {
			add(key).B = &y
		}
	}
	for _, f := range byKey {
		f.Status = f.status()
	}
	slices.SortFunc(keys, func(x, y string) int {
		return cmp.Or(cmp.Compare(byKey[x].Status, byKey[y].Status), cmp.Compare(x, y))
	})
	list := make([]FileDiff, len(keys))
	for i, key := range keys {
		list[i] = *byKey[key]
	}
	return list
}

func (f *FileDiff) status() FileStatus {
	switch {
	case f.A == nil:
		return FileAdded
	case f.B == nil:
		return FileDropped
	}
	return FileReused
}
