package users

import (
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// Clock is what tells old files from those that Flink may be about to use.
type Clock struct {
	Now   time.Time
	Grace time.Duration
}

// Answers tells of each file that was asked for, in that order. g is the graph whose
// making f observed.
func (f *Finder) Answers(g *layout.Graph, clock Clock) []Answer {
	a := &answerer{Finder: f, g: g, clock: clock, evidence: usage.NewEvidence(g, usage.Options{Now: clock.Now, Grace: clock.Grace})}
	answers := make([]Answer, len(f.targets))
	for i, t := range f.targets {
		answers[i] = a.answer(t)
	}
	return answers
}

type answerer struct {
	*Finder
	g        *layout.Graph
	clock    Clock
	evidence *usage.Evidence
}

func (a *answerer) answer(t *target) Answer {
	x := Answer{URL: t.url, Within: t.tree != nil, Exists: t.exists, Directory: t.dir, Err: t.err, Doubts: a.evidence.Doubts}
	var namesakes []string
	for i := range a.g.Nodes {
		if n := &a.g.Nodes[i]; n.Followed() {
			namesakes = append(namesakes, a.ask(&x, t, n)...)
		}
	}
	if id, ok := t.object(); ok {
		tree, f := a.g.Object(id)
		x.Size, x.Modified = tree.Files.Size(f), tree.Files.Modified(f)
	}
	a.judge(&x, t, namesakes)
	return x
}

// ask adds what a snapshot has to do with the target. It gives the namesakes.
func (a *answerer) ask(x *Answer, t *target, n *layout.Node) []string {
	own := layout.Join(n.Tree.Root, n.Metadata.Key)
	if own == t.url || t.dir && isBelow(t.url, own) {
		x.Uses = append(x.Uses, Use{Node: n, Metadata: true, Subtask: -1, References: 1})
	}
	if slices.ContainsFunc(n.Managed, t.managedBy) {
		x.Managed = append(x.Managed, n)
	}
	found := a.sink.found[snapshotKey{n.Tree, n.Dir}][t]
	if found == nil {
		return nil
	}
	for _, u := range found.uses {
		u.Node = n
		x.Uses = append(x.Uses, u)
		if t.tree == nil {
			x.At, x.Exists = a.place(&u), u.found.Seen == layout.Present
		}
	}
	for i, why := range found.namesakes {
		if why != "" {
			found.namesakes[i] = n.URL() + ": " + why
		}
	}
	return found.namesakes
}

// place is where a file lies that has another path in _metadata.
func (a *answerer) place(u *Use) string {
	if u.found.Object != layout.NoObject {
		return a.g.URL(u.found.Object)
	}
	return u.found.URL
}

// managedBy tells whether dir, one of merged files, has to do with the target.
func (t *target) managedBy(dir string) bool {
	if t.dir {
		return isBelow(t.url, dir)
	}
	return dir == t.url || dir == dirOf(t.url)
}

func isBelow(root, url string) bool {
	_, ok := layout.Below(root, url)
	return ok
}

func dirOf(url string) string { return url[:max(0, strings.LastIndexByte(url, '/'))] }

// judge gives the class and says why.
func (a *answerer) judge(x *Answer, t *target, namesakes []string) {
	switch {
	case t.dir:
		a.judgeDirectory(x, t)
	case len(x.Uses) > 0:
		x.Class, x.Reason = usage.Referenced, missing(x)
	case t.err != nil:
		x.Class, x.Reason = usage.Unknown, "could not look it up: "+t.err.Error()
	case t.link:
		x.Class, x.Reason = usage.Unknown, "a symbolic link or special file, which is not followed"
	case len(t.objects) > 0:
		x.Class, x.Reason = a.classify(t.objects[0], unsettled(namesakes), slices.Contains(namesakes, ""))
	case len(x.Doubts) > 0:
		x.Class, x.Reason = usage.Unknown, a.doubtful()
	case unsettled(namesakes) != "":
		x.Class, x.Reason = usage.Unknown, "a checkpoint uses a file of this random name: "+unsettled(namesakes)
	case t.exists:
		x.Class, x.Reason = usage.InFlight, "it came after the listing"
	case len(x.Managed) > 0:
		x.Class, x.Reason = usage.Referenced, "there is no such file or directory"
	default:
		x.Gone, x.Class, x.Reason = true, usage.Unknown, a.gone(t)
	}
}

// unsettled is the first namesake that may be the file itself, "" where none may.
func unsettled(namesakes []string) string {
	for _, n := range namesakes {
		if n != "" {
			return n
		}
	}
	return ""
}

// missing says that what is used is not there.
func missing(x *Answer) string {
	if x.Exists {
		return ""
	}
	return "there is no such file, but it is needed"
}

// judgeDirectory sums up what lies in a directory.
func (a *answerer) judgeDirectory(x *Answer, t *target) {
	reasons := map[usage.Class]string{}
	for _, id := range t.objects {
		class, reason := usage.Referenced, ""
		if a.g.Users(id) == 0 {
			class, reason = a.classify(id, "", false)
		}
		if reasons[class] == "" {
			reasons[class] = reason
		}
		x.Contents[class].Files++
		x.Contents[class].Bytes += a.g.Size(id)
	}
	switch {
	case len(x.Uses) > 0 || len(x.Managed) > 0:
		x.Class = usage.Referenced
		return
	case len(t.objects) == 0:
		x.Class, x.Reason = a.judgeEmpty(t)
		return
	}
	for _, class := range []usage.Class{usage.Unknown, usage.InFlight, usage.Orphan} {
		if x.Contents[class].Files > 0 {
			x.Class, x.Reason = class, "of a file in it: "+reasons[class]
			return
		}
	}
}

// judgeEmpty is for a directory without files.
func (a *answerer) judgeEmpty(t *target) (usage.Class, string) {
	switch n := a.evidence.Node(t.tree, t.key); {
	case n == nil:
	case n.State == layout.InProgress:
		return usage.InFlight, "a checkpoint that is in progress: " + n.Reason
	case n.State == layout.Incomplete:
		return usage.Orphan, "a checkpoint that was never completed: " + n.Reason
	}
	return usage.Unknown, "there is no file in it; Flink makes directories when a job starts, and leaves them"
}
