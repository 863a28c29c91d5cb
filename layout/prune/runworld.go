package prune

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// enliven notes that the job of a snapshot has completed it since the plan was made,
// whatever was said of the job. Of a savepoint, the name tells the beginning of the job's
// id; of what has no job, the directory counts.
func (r *run) enliven(n *layout.Node) {
	how := n.URL() + " has been completed since"
	if job := n.JobPrefix(); job != "" {
		r.enlivened[job] = how
		return
	}
	r.homes[nodeKey{n.Tree, homeOf(n)}] = true
}

// alive tells why nothing must go any more of what a batch has, "" where nothing speaks
// against it.
func (r *run) alive(b *Batch) string {
	if r.plan.in.World.Of(b.Job, b.HasJob, r.newest(b), r.plan.in.Now).Life != Ended {
		return "" // only orphans go, by the rule for jobs that live, and the ledger knows what is new
	}
	if b.HasJob {
		id := b.Job.String()
		for job, how := range r.enlivened {
			if strings.HasPrefix(id, job) {
				return how
			}
		}
		return ""
	}
	for _, s := range b.Snapshots {
		n := &r.plan.Graph.Nodes[s.Node]
		if r.homes[nodeKey{n.Tree, homeOf(n)}] {
			return "a checkpoint beside it has been completed since"
		}
	}
	return ""
}

// world asks once more what is known of the jobs. It tells why nothing must go of the
// batch any more, "" where nothing speaks against it. Its error is a *StoppedError or that
// of ctx.
func (r *run) world(ctx context.Context, b *Batch) (string, error) {
	if r.e.World == nil {
		return "", nil
	}
	w, err := r.e.World(ctx)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &StoppedError{Guard: GuardCluster, Message: "it could not be asked once more which jobs live", Err: err}
	case w == nil:
		return "", nil
	case len(w.Stops) > 0:
		return "", &StoppedError{Guard: w.Stops[0].Guard, Message: w.Stops[0].Message}
	}
	for _, c := range newClaims(r.plan.in.World.Claims, w.Claims) {
		if r.claim(c) || isAdopted(r.plan.Graph, c.URL) {
			continue
		}
		switch {
		case c.Needed:
			return "", &StoppedError{Guard: GuardUnsaved, Path: c.URL, Message: neededText(c), Hint: neededHint}
		case c.Snapshot && c.HasJob && (r.plan.in.World.Jobs[c.Job].Life != Live || r.isStrange(c)):
			return "", &StoppedError{Guard: GuardUnsaved, Path: c.URL, Message: newJobText(c), Hint: newJobHint}
		}
	}
	newest := r.newest(b)
	return livelier(r.plan.in.World.Of(b.Job, b.HasJob, newest, r.plan.in.Now), w.Of(b.Job, b.HasJob, newest, r.e.Now())), nil
}

// isStrange tells whether a claim is of a place in which nothing was read: in no tree, and
// not beside a snapshot that was adopted.
func (r *run) isStrange(c Claim) bool {
	url := claimed(c)
	g := r.plan.Graph
	inTree := slices.ContainsFunc(g.Trees, func(t *layout.Tree) bool { _, ok := layout.Below(t.Root, url); return ok })
	return !inTree && !slices.ContainsFunc(g.Adopted, func(n layout.Node) bool { return above(n.URL()) == above(url) })
}

// livelier tells in what a job is less surely at its end than it was, "" where it is not.
func livelier(before, now JobState) string {
	rank := [...]int{Ended: 0, Unknown: 1, Live: 2}
	if rank[now.Life] <= rank[before.Life] {
		return ""
	}
	if now.Life == Unknown {
		return "there is no evidence any more that its job has ended"
	}
	return strings.TrimSuffix("its job is live by now: "+now.Source, ": ")
}

// newest is the latest change under a job that the graph knows of.
func (r *run) newest(b *Batch) (t time.Time) {
	for i := range r.plan.Graph.Nodes {
		if n := &r.plan.Graph.Nodes[i]; n.HasJob == b.HasJob && n.Job == b.Job {
			t = later(later(t, n.Newest), n.Modified())
		}
	}
	return t
}

// newClaims are those that were not there when the plan was made.
func newClaims(before, now []Claim) []Claim {
	old := map[string]bool{}
	for _, c := range before {
		old[claimed(c)] = true
	}
	return slices.DeleteFunc(slices.Clone(now), func(c Claim) bool { return old[claimed(c)] })
}

// claimed is what a claim is of: the directory of a snapshot, or a file.
func claimed(c Claim) string {
	return layout.SnapshotURL(c.URL)
}

// claim keeps what somebody holds by now: a snapshot with all that it uses, or a file. A
// snapshot is known by the end of its place as well, since the tree may have been copied;
// a file by its random name.
//
// One whose _metadata is gone by now has its files counted again. It tells whether the
// snapshot is known.
func (r *run) claim(c Claim) (known bool) {
	url := claimed(c)
	_, known = r.ledger.claimed[url] // from the last time
	r.ledger.claimed[url] = c.By
	if name := url[strings.LastIndexByte(url, '/')+1:]; layout.IsDataFile(name) {
		r.ledger.names[name] = true
	}
	for _, i := range r.planned {
		if n := &r.plan.Graph.Nodes[i]; n.URL() == url || sameEnd(n, url) {
			r.dropped[i] = "it is claimed by now: " + c.By
		}
	}
	r.parted = slices.DeleteFunc(r.parted, func(i int) bool {
		n := &r.plan.Graph.Nodes[i]
		if n.URL() != url && !sameEnd(n, url) {
			return false
		}
		r.ledger.count(n, 1)
		r.dropped[i], known = "it is claimed by now: "+c.By, true
		return true
	})
	for key, meta := range r.seen {
		known = known || meta != nil && layout.Join(key.tree.Root, key.dir) == url
	}
	for i := range r.plan.Graph.Nodes {
		n := &r.plan.Graph.Nodes[i]
		known = known || r.seen[nodeKey{n.Tree, n.Dir}] != nil && sameEnd(n, url) && hasOwnID(n)
	}
	return known
}

// neededText says why it stops everything that a snapshot is not known.
func neededText(c Claim) string {
	return c.By + ", and has completed no checkpoint since: what it needs is not known, since that snapshot lies in no root, or is gone"
}

// newJobText says why it stops everything that a job which nobody knew has a snapshot that
// nobody has read.
func newJobText(c Claim) string {
	return c.By + ", and the job was not known to be live when the plan was made: what the snapshot needs is not known, since it lies in no root, or is gone"
}

const newJobHint = "make the plan anew, which reads the snapshot where it lies"

const neededHint = "try again when it has completed a checkpoint, or name the root where the snapshot lies by --also-root URL"

// sameEnd tells whether url ends as nothing but the snapshot's place does.
func sameEnd(n *layout.Node, url string) bool {
	tail := tailOf(n)
	return tail != "" && strings.HasSuffix(url, "/"+tail)
}
