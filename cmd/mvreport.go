package cmd

import "fmt"

// removal is what deleting the source of a move rests on, and what it frees.
type removal struct {
	basis  pruneBasis
	looked string // the same for people
	frees  cpFrees
}

// cpFrees counts what deleting the source frees, or has freed.
type cpFrees struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// removal is what a plan of rm comes to, for mv.
func (r *pruneRun) removal() *removal {
	t := r.made.Totals
	return &removal{r.basis(), r.looked(r.env), cpFrees{t.DeleteObjects, t.DeleteBytes}}
}

// before stands above the report of a move.
func (m *removal) before() string { return m.looked + "\n" }

// after tells what becomes of the source.
func (m *removal) after(env *Env, removed, dryRun bool) string {
	freed := fmt.Sprintf("%s in %s", env.bytes(m.frees.Bytes), plural(m.frees.Files, "file"))
	switch {
	case removed:
		return fmt.Sprintf("  the source is deleted, which frees %s\n", freed)
	case dryRun:
		return fmt.Sprintf("  deleting the source would free %s\nNothing was changed (--dry-run).\n", freed)
	}
	return fmt.Sprintf("  deleting the source would free %s\nNothing was changed. Add --apply to do it.\n", freed)
}
