package prune

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// selectSnapshots decides which snapshots go.
func (p *planner) selectSnapshots() {
	p.keep = map[int]string{}
	p.claim()
	for _, j := range p.list {
		p.stopJob(j)
		p.spare = append(p.spare, p.selectOf(j)...)
	}
}

// sayKept gives a reason to all that stays without one.
func (p *planner) sayKept() {
	for i := range p.Graph.Nodes {
		if p.keep[i] == "" && !p.plan.nodes[i] && isFinished(&p.Graph.Nodes[i]) {
			p.keep[i] = "no rule says that it shall go"
		}
	}
}

// stopJob asks the guards that stop all of a job.
func (p *planner) stopJob(j *job) {
	if who, live := p.World.AnyLive(); live && !j.has && p.flinks(j) {
		p.stopFor(j, GuardSubdir, fmt.Sprintf("checkpoints lie in no directory of a job, and may be those of %s", who))
	}
	if !p.Policy.Deletes() || !p.wanted(j) || len(p.Policy.Remove) > 0 {
		return
	}
	if a, b := p.doubt(j); a != nil {
		p.stopFor(j, GuardLineage, fmt.Sprintf("%s has checkpoint %d twice, in %s and %s: name the root of one of them", j.name(), a.ID, a.URL(), b.URL()))
	}
	if doubt := p.timesDoubt(j); doubt != "" && (p.Policy.ByTime() || p.Policy.MaxBytes > 0) {
		p.stopFor(j, GuardTimes, fmt.Sprintf("%s: %s; use --keep-last or --keep", j.name(), doubt))
	}
}

// flinks tells whether what belongs to no job has directories of checkpoints.
func (p *planner) flinks(j *job) bool {
	for _, i := range j.nodes {
		if !isSavepoint(&p.Graph.Nodes[i]) {
			return true
		}
	}
	return false
}

func (p *planner) stopFor(j *job, guard Name, message string) {
	p.guards.trip(guard, message)
	if j.stopped == "" {
		j.stopped = guard
	}
}

// claim keeps what somebody outside of the trees names. A snapshot is known by its place,
// or by the end of it, since the tree may have been copied.
func (p *planner) claim() {
	p.claims, p.claimNames = map[string]bool{}, map[string]bool{}
	known := NewSnapshots(p.Graph)
	for _, c := range p.World.Claims {
		p.claims[layout.Canonical(c.URL)] = true
		for _, name := range namesOf(claimed(c)) {
			p.claimNames[name] = true
		}
		found := isAdopted(p.Graph, c.URL)
		for _, i := range known.Find(c.URL) {
			n := &p.Graph.Nodes[i]
			p.hold(i, GuardClaimed, c.By)
			found = found || n.Followed() && (n.URL() == claimed(c) || hasOwnID(n))
			p.enliven(c, n)
		}
		if c.Needed && !found {
			p.guards.trip(GuardUnsaved, c.URL+": "+neededText(c)+": "+neededHint)
		}
	}
}

// claimedSnapshot tells whether somebody names the snapshot of a _metadata, which may be
// gone.
func (p *planner) claimedSnapshot(meta string) bool {
	url := layout.SnapshotURL(meta)
	names := namesOf(url)
	_, savepoint := layout.ParseSavepointName(names[1])
	return p.claimNames[names[0]] || savepoint && p.claimNames[names[1]] || p.claimNames[names[2]]
}

// enliven counts the directory as a live job's into which that job writes: where jobs
// have no directories of their own, it may lie in one that is named like another's.
func (p *planner) enliven(c Claim, n *layout.Node) {
	s := p.World.Jobs[c.Job]
	if !c.Own || !c.HasJob || s.Life != Live || isSavepoint(n) || n.URL() != claimed(c) {
		return
	}
	if j := p.jobOf(n); j.Life != Live {
		j.JobState = s
	}
}

// hold keeps a snapshot. The first reason stays.
func (p *planner) hold(i int, guard Name, reason string) {
	p.guards.trip(guard, p.Graph.Nodes[i].URL()+": "+reason)
	if p.keep[i] == "" {
		p.keep[i] = reason
	}
}

// selectOf decides about the snapshots of one job. It returns those that may go to make
// room.
func (p *planner) selectOf(j *job) (spare []int) {
	lineages := p.lineages(j)
	p.sayLineages(j, lineages)
	for _, l := range lineages {
		spare = append(spare, p.selectIn(j, l)...)
	}
	return spare
}

// sayLineages tells where a directory holds more than one lineage.
func (p *planner) sayLineages(j *job, all []lineage) {
	count := map[nodeKey]int{}
	for _, l := range all {
		n := &p.Graph.Nodes[l.nodes[0]]
		if !isSavepoint(n) {
			count[nodeKey{n.Tree, homeOf(n)}]++
		}
	}
	for home, n := range count {
		if n > 1 {
			p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s holds %d lineages: their operators differ, or ids do not grow with time; the newest whole checkpoint of each stays",
				layout.Join(home.tree.Root, home.dir), n))
		}
	}
	slices.Sort(p.plan.Notes)
}

// selectIn decides about one lineage.
func (p *planner) selectIn(j *job, l lineage) (spare []int) {
	newest := p.newestWhole(l)
	members := make([]member, len(l.nodes))
	for k, i := range l.nodes {
		n := &p.Graph.Nodes[i]
		members[k] = member{n.Modified(), n.State == layout.Complete}
	}
	byRule := p.Policy.rules(members, p.Now)
	for k, i := range l.nodes {
		reason, asked := p.asked(j, i)
		switch {
		case !asked && byRule[k] != "" && p.keep[i] == "":
			p.keep[i] = byRule[k]
		case !asked && !p.Policy.ByRules(), p.keep[i] != "":
		case !p.mayGo(j, i, i == newest, newest < 0):
		case !asked && p.Policy.MaxBytes > 0:
			spare = append(spare, i)
		default:
			p.remove(j, i, reason)
		}
	}
	return spare
}

// newestWhole is the newest whole snapshot of a lineage, -1 where it has none.
func (p *planner) newestWhole(l lineage) int {
	for _, i := range slices.Backward(l.nodes) {
		if p.Graph.Nodes[i].State == layout.Complete {
			return i
		}
	}
	return -1
}

// asked tells whether the user has named the snapshot, or its job, to be removed.
func (p *planner) asked(j *job, i int) (reason string, ok bool) {
	n := &p.Graph.Nodes[i]
	if p.named(n) {
		return "named", true
	}
	if j.has && slices.Contains(p.Policy.RemoveAll, j.id) && p.wanted(j) && (!isSavepoint(n) || p.Policy.Savepoints) {
		return "--remove-all", true
	}
	return "no rule keeps it", false
}

func (p *planner) named(n *layout.Node) bool {
	return slices.ContainsFunc(p.Policy.Remove, func(url string) bool {
		return layout.SnapshotURL(url) == n.URL()
	})
}

// mayGo asks the guards of a snapshot that no rule keeps.
func (p *planner) mayGo(j *job, i int, newest, noneWhole bool) bool {
	n := &p.Graph.Nodes[i]
	_, asked := p.asked(j, i)
	state := p.stateOf(j, n)
	switch {
	case !p.wanted(j) && !asked:
		p.keep[i] = "--job names others"
	case isSavepoint(n) && !asked && !p.Policy.Savepoints:
		p.hold(i, GuardSavepoint, "savepoints stay without --savepoints")
	case newest && !asked:
		p.hold(i, GuardNewest, "the newest whole one of its lineage")
	case p.mode(n.URL()) != Swept:
		p.hold(i, GuardPlace, "it lies in no root that is to be pruned")
	case j.stopped != "":
		p.keep[i] = "guard " + string(j.stopped)
	case state.Life != Ended:
		p.stopState(j, n, state)
		p.keep[i] = p.whoseLife(j, n) + " " + lifeText(state)
	case n.State == layout.Damaged && !p.Policy.RemoveDamaged && !(asked && p.named(n)):
		p.hold(i, GuardDamaged, "damaged ("+n.Reason+"); it stays without --remove-damaged")
	case n.State == layout.Damaged && noneWhole && !asked:
		p.hold(i, GuardDamaged, "damaged, and none of its lineage is whole")
	default:
		return p.isOld(i)
	}
	return false
}

// isOld asks the guards of age.
func (p *planner) isOld(i int) bool {
	n := &p.Graph.Nodes[i]
	at := later(n.Modified(), n.Newest)
	switch {
	case n.Modified().IsZero():
		p.hold(i, GuardTime, "the storage does not tell how old it is")
	case at.After(p.Now):
		p.hold(i, GuardTime, "its time lies in the future")
	case p.Now.Sub(at) < p.Safety.MinAge:
		p.hold(i, GuardAge, fmt.Sprintf("younger than %s", age(p.Safety.MinAge)))
	default:
		return true
	}
	return false
}

// stateOf is what is known of the job of a snapshot. Whose a savepoint is that lies in no
// directory of a job, nobody knows for sure: its name tells 6 digits.
func (p *planner) stateOf(j *job, n *layout.Node) JobState {
	prefix := n.JobPrefix()
	if !isSavepoint(n) || j.has {
		return j.JobState
	}
	byPrefix := JobState{}
	for id, s := range p.World.Jobs {
		if prefix != "" && strings.HasPrefix(id.String(), prefix) && s.Life > byPrefix.Life {
			byPrefix = s
		}
	}
	if byPrefix.Life == Live || byPrefix.Life == Ended && p.named(n) {
		return byPrefix
	}
	state := p.World.Others
	// That a cluster knows a job of these digits as ended says nothing of another one that
	// has the same; the user's word on idleness is for all jobs. A savepoint is a sign of
	// life itself.
	if after := p.World.AssumeEndedAfter; state.Life == Unknown && after > 0 && p.Now.Sub(later(n.Modified(), n.Newest)) >= after {
		state = p.idle(prefix)
	}
	return state
}

// idle is what the directories of the jobs of a savepoint tell, by its 6 digits: that
// nothing was new for long is evidence only where there is any of them, and of all.
func (p *planner) idle(prefix string) JobState {
	var found JobState
	for _, j := range p.list {
		switch {
		case prefix == "" || !j.has || !strings.HasPrefix(j.id.String(), prefix):
		case j.Life != Ended:
			return JobState{}
		default:
			found = j.JobState
		}
	}
	return found
}

func (p *planner) whoseLife(j *job, n *layout.Node) string {
	switch prefix := n.JobPrefix(); {
	case j.has:
		return "its job"
	case prefix != "":
		return "a job " + prefix + "…"
	}
	return "whoever wrote it"
}

func lifeText(s JobState) string {
	if s.Life == Live {
		return "is live: " + s.Source
	}
	return "may be live: no evidence that it has ended"
}

// stopState notes a job of which nothing goes because it lives, or may.
func (p *planner) stopState(j *job, n *layout.Node, s JobState) {
	who := j.name()
	if !j.has {
		who = n.URL()
	}
	p.guards.trip(GuardState, fmt.Sprintf("%s: %s", who, strings.TrimPrefix(lifeText(s), "is ")))
	if s.Life == Unknown {
		p.miss(j, n)
	}
}

// remove lets a snapshot go.
func (p *planner) remove(j *job, i int, reason string) {
	p.plan.nodes[i] = true
	j.batch.Snapshots = append(j.batch.Snapshots, Removal{Node: i, Reason: reason})
}

// fit lets the oldest go as long as a root holds more than it may, when all else that goes
// is gone. What goes is counted by what no other snapshot uses then.
func (p *planner) fit() {
	if p.Policy.MaxBytes == 0 {
		return
	}
	slices.SortStableFunc(p.spare, func(a, b int) int {
		return p.Graph.Nodes[a].Modified().Compare(p.Graph.Nodes[b].Modified())
	})
	users := newTally(p.Graph, p.plan.nodes)
	held := p.held()
	for i := range p.plan.nodes {
		users.drain(i, func(id layout.ObjectID) { p.free(held, id) })
	}
	for _, i := range p.spare {
		n := &p.Graph.Nodes[i]
		if held[p.placeOf(n.URL())] <= p.Policy.MaxBytes {
			p.keep[i] = "there is room (--max-bytes)"
			continue
		}
		users.add(i)
		users.drain(i, func(id layout.ObjectID) { p.free(held, id) })
		p.remove(p.jobOf(n), i, "the root holds more than --max-bytes")
	}
	for i, place := range p.places {
		if over := held[i] - p.Policy.MaxBytes; over > 0 && place.Mode == Swept {
			p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("%s would still hold %d bytes more than --max-bytes: the rest must stay", place.URL, over))
		}
	}
}

// held is what each place to be swept holds, without what goes and what is ckpt's own.
func (p *planner) held() []int64 {
	held := make([]int64, len(p.places))
	for _, t := range p.Graph.Trees {
		for f := range layout.FileID(t.Files.Len()) {
			if in := p.folder(t, f); in.mode == Swept && !in.tools && p.fates[t.Object(f)] != going {
				held[in.place] += t.Files.Size(f)
			}
		}
	}
	return held
}

// free takes a file off what its place holds.
func (p *planner) free(held []int64, id layout.ObjectID) {
	t, f := p.Graph.Object(id)
	if in := p.folder(t, f); in.mode == Swept && !in.tools {
		held[in.place] -= t.Files.Size(f)
	}
}

// tally counts how many of the snapshots that go use each object.
type tally struct {
	g     *layout.Graph
	count []int32
	given []bool
}

func newTally(g *layout.Graph, nodes map[int]bool) *tally {
	t := &tally{g, make([]int32, g.Len()), make([]bool, g.Len())}
	for i := range nodes {
		t.add(i)
	}
	return t
}

func (t *tally) add(node int) {
	for _, id := range t.g.Nodes[node].Objects {
		t.count[id]++
	}
}

// free tells whether nobody that stays uses an object.
func (t *tally) free(id layout.ObjectID) bool { return int(t.count[id]) >= t.g.Users(id) }

// drain gives each object of a node that is free, and was not given before.
func (t *tally) drain(node int, give func(layout.ObjectID)) {
	for _, id := range t.g.Nodes[node].Objects {
		if t.free(id) && !t.given[id] {
			t.given[id] = true
			give(id)
		}
	}
}

// byName orders jobs for people.
func byName(a, b *job) int {
	return cmp.Or(-compareBool(a.has, b.has), slices.Compare(a.id[:], b.id[:]), cmp.Compare(a.tree, b.tree))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
