package prune

// watch keeps what the guards have come to.
type watch struct{ results map[Name]*Result }

func newWatch() *watch {
	w := &watch{map[Name]*Result{}}
	for _, g := range Guards {
		w.results[g.Name] = &Result{Guard: g}
	}
	return w
}

// trip notes that a guard has found something. The first message stays.
func (w *watch) trip(name Name, message string) {
	r := w.results[name]
	r.Count++
	if r.Outcome = r.Class; r.Message == "" {
		r.Message = message
	}
}

// worst is the worst that any guard has come to.
func (w *watch) worst() Outcome {
	worst := Passed
	for _, r := range w.results {
		worst = max(worst, r.Outcome)
	}
	return worst
}

// all are the results in the order of [Guards].
func (w *watch) all() []Result {
	results := make([]Result, len(Guards))
	for i, g := range Guards {
		results[i] = *w.results[g.Name]
	}
	return results
}
