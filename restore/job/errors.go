package job

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a job file.
type Error struct {
	File         string
	Line, Column int // from 1 on; 0 where there is none to tell
	Message      string
	Hint         string // may be empty
}

// Error implements error.
func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d:%d", e.Line, e.Column)
	}
	s += ": " + e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Errors are all mistakes of a job file, in the order of the file.
type Errors []*Error

// Error implements error.
func (e Errors) Error() string {
	var lines []string
	for _, one := range e {
		lines = append(lines, one.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// ErrPath is the file.
func (e Errors) ErrPath() string { return e[0].File }

// mistakes gathers errors.
type mistakes struct {
	file string
	all  Errors
}

func (m *mistakes) add(at position, hint, format string, args ...any) {
	m.all = append(m.all, &Error{m.file, at.line, at.column, fmt.Sprintf(format, args...), hint})
}

// err is nil where there are none. One that was told twice is told once.
func (m *mistakes) err() error {
	if len(m.all) == 0 {
		return nil
	}
	sorted := slices.Clone(m.all)
	slices.SortStableFunc(sorted, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(sorted, func(a, b *Error) bool { return *a == *b })
}

// position is a place in the file, from 1 on.
type position struct{ line, column int }

// didYouMean is a hint at the word of known that is like word, "" where none is.
func didYouMean(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// oneOf is the hint of what there is.
func oneOf(word string, known []string) string {
	if hint := didYouMean(word, known); hint != "" {
		return hint
	}
	if len(known) == 0 {
		return "there is none"
	}
	return "there are " + strings.Join(known, ", ")
}

// distance counts the letters to add, drop, replace or swap with the next, whatever their case.
func distance(a, b string) int {
	from, to := strings.ToLower(a), strings.ToLower(b)
	var before []int
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		next := make([]int, len(row))
		next[0] = i + 1
		for j := range len(to) {
			replace := row[j]
			if from[i] != to[j] {
				replace++
			}
			next[j+1] = min(replace, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(to)]
}
