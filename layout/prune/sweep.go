package prune

import (
	"fmt"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// sweep decides about files: those of snapshots that go, those that an earlier run left,
// and those that nothing uses.
func (p *planner) sweep() {
	p.fates = make([]fate, p.Graph.Len())
	p.judge()
	if len(p.Policy.Remove) == 0 {
		p.takeAuthorised()
		p.takeUnused()
	}
	p.fit()
	p.judge()
	if p.dropStuck() {
		p.judge()
	}
	for p.dropTwins() {
		p.judge()
	}
	users := newTally(p.Graph, p.plan.nodes)
	for _, j := range p.list {
		p.takeSnapshots(j, users)
	}
	p.holdTwins()
	p.takeDirs()
}

// judge gathers what is to be said of files, now that it is known which snapshots go.
func (p *planner) judge() {
	p.evidence = usage.NewEvidence(p.Graph, usage.Options{
		Now: p.Now, Grace: max(p.Safety.MinAge, time.Nanosecond), Outside: p.Outside,
		Gone: func(n *layout.Node) bool { return p.plan.nodes[p.snapshot[nodeKey{n.Tree, n.Dir}]] },
	})
	p.judgeFolders()
}

// dropStuck lets snapshots stay of which the _metadata must: it is never without its files.
func (p *planner) dropStuck() (any bool) {
	for _, j := range p.list {
		j.batch.Snapshots = slices.DeleteFunc(j.batch.Snapshots, func(r Removal) bool {
			n := &p.Graph.Nodes[r.Node]
			f := n.Tree.Files.Find(n.MetadataKey())
			guard := GuardNames
			if f != layout.NoFile {
				guard = p.mayDelete(j, n.Tree.Object(f))
			}
			if guard == "" {
				return false
			}
			p.hold(r.Node, guard, "its _metadata "+heldText[guard])
			delete(p.plan.nodes, r.Node)
			any = true
			return true
		})
	}
	return any
}

// takeSnapshots takes what the snapshots that go alone used: the files in their own
// directories with them, the others after all of them.
func (p *planner) takeSnapshots(j *job, users *tally) {
	for k := range j.batch.Snapshots {
		r := &j.batch.Snapshots[k]
		n := &p.Graph.Nodes[r.Node]
		why := ByPolicy
		if _, asked := p.asked(j, r.Node); asked {
			why = ByName
		}
		users.drain(r.Node, func(id layout.ObjectID) {
			if guard := p.mayDelete(j, id); guard != "" {
				p.holdFile(id, guard)
				return
			}
			p.fates[id] = going
			if p.isOwn(n, id) {
				r.Files = append(r.Files, Item{id, why})
			} else {
				j.batch.Shared = append(j.batch.Shared, Item{id, why})
			}
		})
		p.metadataFirst(n, r)
	}
}

// metadataFirst brings the _metadata to the front.
func (p *planner) metadataFirst(n *layout.Node, r *Removal) {
	i := slices.IndexFunc(r.Files, func(f Item) bool {
		t, file := p.Graph.Object(f.Object)
		return t == n.Tree && t.Files.Key(file) == n.MetadataKey()
	})
	if i > 0 {
		r.Files[0], r.Files[i] = r.Files[i], r.Files[0]
	}
}

// isOwn tells whether a file lies in the directory of the snapshot, or in one of its
// directories of entropy.
func (p *planner) isOwn(n *layout.Node, id layout.ObjectID) bool {
	t, f := p.Graph.Object(id)
	dir, ok := t.Files.Snapshot(f)
	return ok && t == n.Tree && dir == n.Dir
}

// mayDelete asks the guards of a file that a snapshot that goes has named. A _metadata is
// a file that anybody may have written: what it names must be Flink's all the same.
func (p *planner) mayDelete(j *job, id layout.ObjectID) Name {
	t, f := p.Graph.Object(id)
	in := p.folder(t, f)
	switch {
	case in.mode == Untouched:
		return GuardPlace
	case in.tools || !p.isFlinks(t, f):
		return GuardNames
	case in.job != j && in.job.has && (in.job.Life != Ended || in.job.stopped != ""):
		return GuardState
	case in.managed:
		return GuardManaged
	case p.claimed(t, f):
		return GuardClaimed
	}
	return p.ageGuard(t.Files.Modified(f), p.Safety.MinAge)
}

// isFlinks tells whether Flink has given the file its name, where it lies.
func (p *planner) isFlinks(t *layout.Tree, f layout.FileID) bool {
	if t.Files.Area(f) == layout.OtherArea {
		return false
	}
	name := t.Files.Name(f)
	_, pending := layout.ParsePendingMetadata(name)
	return t.Files.Random(f) || pending || name == layout.MetadataName && t.Files.Area(f) == layout.SnapshotArea
}

// ageGuard asks the guards of time.
func (p *planner) ageGuard(modified time.Time, min time.Duration) Name {
	switch {
	case modified.IsZero() || modified.After(p.Now):
		return GuardTime
	case p.Now.Sub(modified) < min:
		return GuardAge
	}
	return ""
}

func (p *planner) holdFile(id layout.ObjectID, guard Name) {
	p.fates[id] = holding
	p.guards.trip(guard, p.Graph.URL(id)+" "+heldText[guard])
	p.plan.Held = append(p.plan.Held, Held{id, guard})
}

var heldText = map[Name]string{
	GuardPlace:      "lies in no root that is to be pruned",
	GuardNames:      "bears no name of Flink's, or lies where Flink puts nothing",
	GuardState:      "lies in the directory of a job that may be live",
	GuardManaged:    "lies in a directory of merged files that is in use",
	GuardClaimed:    "is named by somebody outside of the trees",
	GuardTime:       "has no time of modification, or one in the future",
	GuardAge:        "is too young",
	GuardPassedOver: "may be meant for a checkpoint of a job that may be live",
	GuardForSt:      "lies in the database of a job that may be live",
	GuardElsewhere:  "may be used by a snapshot at another place",
	GuardSavepoint:  "is of a savepoint that was never completed; it stays without --savepoints",
	GuardOrphans:    "is one of too many orphans: raise --max-orphan-percent if that is right",
	GuardCopy:       "is of an unfinished ckpt cp",
	GuardTrash:      "is trash or a journal of ckpt",
}

// takeAuthorised takes what an earlier run had begun to delete.
func (p *planner) takeAuthorised() {
	for _, a := range p.Authorised {
		for _, t := range p.Graph.Trees {
			key, ok := layout.Below(t.Root, layout.Canonical(a.URL))
			if !ok {
				continue
			}
			if f := t.Files.Find(key); f != layout.NoFile {
				p.resume(t, f, a)
			}
		}
	}
}

// outdated tells whether a journal is too old to authorise anything, or from the future.
func (p *planner) outdated(a Authorised) bool {
	age := p.Now.Sub(a.Created)
	if age <= JournalValid && age >= -p.Safety.ClockSkew {
		return false
	}
	note := fmt.Sprintf("a journal of %s authorises nothing: it is not of the last %d days", a.Created.UTC().Format(time.RFC3339), JournalValid/(24*time.Hour))
	if !slices.Contains(p.plan.Notes, note) {
		p.plan.Notes = append(p.plan.Notes, note)
	}
	return true
}

// resume takes one file of an earlier run, if all that allowed to delete it still holds: all
// that is asked of an orphan but its age.
func (p *planner) resume(t *layout.Tree, f layout.FileID, a Authorised) {
	id, in := t.Object(f), p.folder(t, f)
	switch {
	case p.outdated(a):
	case p.fates[id] != staying || p.Graph.Users(id) > 0:
	case t.Files.Size(f) != a.Size || !t.Files.Modified(f).Equal(a.Modified):
	case in.mode == Untouched || in.managed || in.tools || !p.isFlinks(t, f) || p.claimed(t, f):
	case in.forst || in.copying || !p.OtherRoots || !p.wanted(in.job):
	case in.job.Life != Ended || in.job.stopped != "":
	case p.claimedSnapshot(a.Metadata) || slices.ContainsFunc(a.Also, p.claimedSnapshot):
	default:
		p.fates[id] = going
		in.job.batch.Orphans = append(in.job.batch.Orphans, Item{id, AsBegun})
	}
}

// takeUnused takes what no snapshot uses.
func (p *planner) takeUnused() {
	for _, t := range p.Graph.Trees {
		if !p.sweeps(t) {
			continue
		}
		for f := range layout.FileID(t.Files.Len()) {
			if id := t.Object(f); p.fates[id] == staying && p.Graph.Users(id) == 0 {
				p.takeFile(t, f, id)
			}
		}
	}
	for _, j := range p.list {
		p.share(j)
	}
}

// sweeps tells whether anything in the tree may be swept.
func (p *planner) sweeps(t *layout.Tree) bool {
	for _, place := range p.places {
		_, inside := layout.Below(t.Root, place.URL)
		if place.Mode == Swept && (inside || p.mode(t.Root) == Swept) {
			return true
		}
	}
	return false
}

// takeFile decides about one file that nothing uses.
func (p *planner) takeFile(t *layout.Tree, f layout.FileID, id layout.ObjectID) {
	j := p.folder(t, f).job
	if !p.wanted(j) {
		return
	}
	if p.folder(t, f).tools { // even if it is called like something of Flink's
		p.guards.trip(GuardTrash, p.Graph.URL(id)+" "+heldText[GuardTrash])
		return
	}
	class, reason := usage.Classify(p.evidence.Facts(t, f))
	if class == usage.Orphan || class == usage.Unknown && reason == usage.Unwitnessed && j.Life == Ended && p.OtherRoots {
		p.takeOrphan(j, t, f, id)
		return
	}
	guard, ok := classGuards[class]
	if ok && t.Files.Modified(f).After(p.Now) {
		guard = GuardTime
	}
	if class == usage.Unknown {
		guard, ok = reasonGuards[reason]
	}
	switch {
	case !ok:
	case p.folder(t, f).copying:
		p.holdFile(id, GuardCopy)
	case guard != GuardNames:
		p.holdFile(id, guard)
	default:
		p.guards.trip(GuardNames, p.Graph.URL(id)+" "+heldText[GuardNames])
	}
}

// classGuards and reasonGuards are the guards that keep what is no orphan.
var (
	classGuards  = map[usage.Class]Name{usage.InFlight: GuardAge}
	reasonGuards = map[usage.Reason]Name{
		usage.Managed: GuardManaged, usage.Namesake: GuardElsewhere, usage.Unwitnessed: GuardElsewhere,
		usage.Timeless: GuardTime, usage.Unsettled: GuardElsewhere, usage.NotFlinks: GuardNames,
	}
)

// takeOrphan asks the guards of an orphan.
func (p *planner) takeOrphan(j *job, t *layout.Tree, f layout.FileID, id layout.ObjectID) {
	in, guard := p.folder(t, f), Name("")
	if in.mode != Swept {
		return // data of entropy goes only with the checkpoint that names it
	}
	around := p.evidence.Around(t, f)
	switch {
	case j.stopped != "":
		return
	case in.copying:
		guard = GuardCopy
	case in.managed:
		guard = GuardManaged
	case in.forst && j.Life != Ended:
		guard = GuardForSt
	case p.claimed(t, f):
		guard = GuardClaimed
	case around != nil && !isFinished(around):
		guard = p.leftoverGuard(j, around)
	default:
		guard = p.orphanGuard(j, t.Files.Modified(f))
	}
	if guard != "" {
		p.holdFile(id, guard)
		return
	}
	why := AsOrphan
	if around != nil && !isFinished(around) {
		why = AsLeftover
		p.swept[p.snapshot[nodeKey{around.Tree, around.Dir}]] = true
	}
	j.orphans = append(j.orphans, Item{id, why})
	if why == AsOrphan {
		j.orphanBytes += t.Files.Size(f)
	}
}

// orphanGuard asks whether a job that may live could still use a file. Where it is not
// said that there are no other roots, a job that was restored from this one may lie there.
//
// A checkpoint passes a file over only if it was triggered when the file was there to be
// named, and that is when the patience is at its end: those that complete while a
// materialisation is under way prove nothing of its files. If none completes after it, for
// however long, the first that does will name them.
func (p *planner) orphanGuard(j *job, modified time.Time) Name {
	if guard := p.ageGuard(modified, p.patience(j)); guard != "" {
		return guard
	}
	if (j.Life != Ended || !p.OtherRoots) && j.passedOver(modified.Add(p.patience(j))) < p.Safety.PassedOver {
		return GuardPassedOver
	}
	return ""
}

// leftoverGuard is orphanGuard for what lies in a snapshot that was never completed. It
// is as old as its newest file.
func (p *planner) leftoverGuard(j *job, n *layout.Node) Name {
	if guard := p.ageGuard(n.Newest, p.patience(j)); guard != "" {
		return guard
	}
	if isSavepoint(n) {
		if !p.Policy.Savepoints || p.stateOf(j, n).Life != Ended {
			return GuardSavepoint
		}
		return ""
	}
	if (j.Life != Ended || !p.OtherRoots) && j.passedOverDir(n, n.Newest) < p.Safety.PassedOver {
		return GuardPassedOver
	}
	return ""
}

// share keeps the orphans of a job where they are too great a part of it.
func (p *planner) share(j *job) {
	if j.orphanBytes*100 > j.bytes*int64(p.Safety.MaxOrphanPercent) {
		p.guards.trip(GuardOrphans, fmt.Sprintf("%s: %d of its %d bytes are orphans, more than %d %%; raise --max-orphan-percent if that is right",
			j.name(), j.orphanBytes, j.bytes, p.Safety.MaxOrphanPercent))
		for _, o := range j.orphans {
			if o.Why == AsOrphan {
				p.fates[o.Object] = holding
				p.plan.Held = append(p.plan.Held, Held{o.Object, GuardOrphans})
			}
		}
		j.orphans = slices.DeleteFunc(j.orphans, func(o Item) bool { return o.Why == AsOrphan })
	}
	for _, o := range j.orphans {
		p.fates[o.Object] = going
	}
	j.batch.Orphans = append(j.batch.Orphans, j.orphans...)
}
