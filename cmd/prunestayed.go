package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// stayed counts what was not deleted, by reason: a line for each of a million files says
// no more than one for all of them.
type stayed struct {
	reasons []*stayedFor // in the order in which they came up
	by      map[string]*stayedFor
}

// stayedFor is one reason.
type stayedFor struct {
	reason  string
	left    bool // it was not tried, or is not what it was
	count   int
	example string // URL
}

func (s *stayed) add(e prune.Event) {
	reason := "it is not what it was"
	if e.Err != nil {
		reason = withoutPath(e.Err, e.URL)
	}
	key := fmt.Sprint(e.Left, reason)
	if s.by == nil {
		s.by = map[string]*stayedFor{}
	}
	if s.by[key] == nil {
		s.by[key] = &stayedFor{reason: reason, left: e.Left, example: e.URL}
		s.reasons = append(s.reasons, s.by[key])
	}
	s.by[key].count++
}

// withoutPath is what err says of whatever file it is.
func withoutPath(err error, url string) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), url+": ")
}

// word is what has become of what stayed for a reason.
func (f *stayedFor) word() string {
	if f.left {
		return "left"
	}
	return "not deleted"
}

// text is the reason with an example.
func (f *stayedFor) text() string {
	if f.count == 1 {
		return f.example + ": " + f.reason
	}
	return fmt.Sprintf("%d objects: %s, such as %s", f.count, f.reason, f.example)
}

// mostStayed is how many reasons are told, and the others counted.
const mostStayed = 10

// most are the reasons to be told, and how many more there are.
func (s *stayed) most(all bool) (some []*stayedFor, more int) {
	if all || len(s.reasons) <= mostStayed {
		return s.reasons, 0
	}
	return s.reasons[:mostStayed], len(s.reasons) - mostStayed
}

// tell logs what stayed, unless the output has told it, or each object was logged.
func (r *pruneRun) tell() {
	if r.lists || r.env.eachObject() {
		return
	}
	r.stayed.log(r.env, "not deleted")
}

// log tells each reason with a count and an example. did is what failed.
func (s *stayed) log(env *Env, did string) {
	some, more := s.most(false)
	for _, f := range some {
		if f.left {
			env.Log.Warn("left", "objects", f.count, "error", f.reason, "example", f.example)
			continue
		}
		env.Log.Error(did, "objects", f.count, "error", f.reason, "example", f.example)
	}
	if more > 0 {
		env.Log.Warn("there are other reasons: -v tells all", "reasons", more)
	}
}

// eachObject tells whether each object is logged.
func (e *Env) eachObject() bool { return e.jsonLog || e.Verbose }

// isInterruption tells whether something was left because the run was stopped: that says
// nothing of the object.
func isInterruption(e prune.Event) bool {
	return e.Left && (errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded))
}
