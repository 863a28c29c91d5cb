package users

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// mostDoubts is how many of the things that could not be read a reason names.
const mostDoubts = 3

// classify tells what an unused file is, and why. namesake tells of a reference that
// may mean it, copied of one that does mean another file of the same name.
func (a *answerer) classify(id layout.ObjectID, namesake string, copied bool) (usage.Class, string) {
	tree, f := a.g.Object(id)
	facts := a.evidence.Facts(tree, f)
	facts.Namesake = namesake != ""
	class, reason := usage.Classify(facts)
	node := a.evidence.Around(tree, f)
	switch class {
	case usage.InFlight:
		if facts.Pending {
			return class, fmt.Sprintf("of %s, which is in progress: %s", node.URL(), node.Reason)
		}
		return class, fmt.Sprintf("nothing refers to it yet, but it changed %s: a checkpoint that is being taken may", a.age(facts.Modified))
	case usage.Orphan:
		return class, a.orphan(node, facts, copied)
	}
	return class, a.unknown(tree, f, reason, namesake, node)
}

// orphan says why nobody needs a file.
func (a *answerer) orphan(node *layout.Node, facts usage.Facts, copied bool) string {
	what := a.nobody()
	switch {
	case node != nil && node.State == layout.Incomplete:
		what = fmt.Sprintf("of %s, which was never completed, and %s", node.URL(), what)
	case copied:
		what += "; one refers to a file of the same random name elsewhere, of which this is a copy"
	}
	return fmt.Sprintf("%s; unchanged for %s; its name is one that Flink gives", what, duration(a.clock.Now.Sub(facts.Modified)))
}

// nobody says who does not use a file.
func (a *answerer) nobody() string {
	return "no complete checkpoint or savepoint below " + a.roots() + " refers to it"
}

// gone is for what neither exists nor is missed.
func (a *answerer) gone(t *target) string {
	if t.tree == nil {
		return "it does not lie below " + a.roots() + ", and no checkpoint there refers to it"
	}
	return "no such file, and " + a.nobody()
}

func (a *answerer) roots() string {
	var all []string
	for _, t := range a.trees {
		all = append(all, t.Root)
	}
	return strings.Join(all, " and ")
}

// unknown says why nobody can tell.
func (a *answerer) unknown(tree *layout.Tree, f layout.FileID, reason usage.Reason, namesake string, node *layout.Node) string {
	switch reason {
	case usage.Unread:
		return fmt.Sprintf("the _metadata of a %s checkpoint: %s", node.State, node.Reason)
	case usage.Managed:
		return "nothing uses a part of it, but it lies in a directory of merged files, which Flink deletes as a whole"
	case usage.Namesake:
		return "nothing refers to it here, but a checkpoint uses a file of this random name: " + namesake + "; --map tells where it lies now"
	case usage.Unwitnessed:
		if len(a.evidence.Doubts) > 0 {
			return a.doubtful()
		}
		return "no complete checkpoint that could use it lies below " + a.roots() + "; --also-root adds where they lie"
	case usage.Timeless:
		return a.nobody() + ", but the storage does not tell how old it is"
	case usage.Unsettled:
		return a.doubtful()
	}
	return fmt.Sprintf("%s, but %s is not a file that Flink has named, or not in its directories", a.nobody(), path.Base(tree.Files.Key(f)))
}

// doubtful names what may use a file.
func (a *answerer) doubtful() string {
	var some []string
	for _, err := range a.evidence.Doubts[:min(mostDoubts, len(a.evidence.Doubts))] {
		some = append(some, err.Error())
	}
	if more := len(a.evidence.Doubts) - len(some); more > 0 {
		some = append(some, fmt.Sprintf("and %d more", more))
	}
	return "cannot tell: what could not be read may use it: " + strings.Join(some, "; ")
}

func (a *answerer) age(t time.Time) string {
	if d := a.clock.Now.Sub(t); d >= 0 {
		return duration(d) + " ago"
	}
	return "in the future (clocks disagree)"
}

// duration gives the largest unit only.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/day)
}
