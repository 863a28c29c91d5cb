package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// pruneBasis is what a plan rests on, besides what was found: who reads the plan is to see
// at once where nobody has looked.
type pruneBasis struct {
	Roots     []string `json:"roots"`
	AlsoRoots []string `json:"alsoRoots"`
	Evidence  []string `json:"evidence"` // of the end of jobs: the flags that gave it
}

func (r *pruneRun) basis() pruneBasis {
	return pruneBasis{Roots: r.placesOf(prune.Swept), AlsoRoots: r.placesOf(prune.Untouched), Evidence: r.evidenceFlags()}
}

// placesOf are the URLs of the places of one mode.
func (p *pruning) placesOf(mode prune.Mode) []string {
	urls := []string{}
	for _, place := range p.places {
		if place.Mode == mode {
			urls = append(urls, place.URL)
		}
	}
	return urls
}

// evidenceFlags are the flags that say which jobs have ended, without users and passwords.
func (w *witnesses) evidenceFlags() []string {
	flags := []string{}
	for _, client := range w.clients {
		flags = append(flags, "--flink-url "+client.URL())
	}
	for _, dir := range w.haDirs {
		flags = append(flags, "--ha-dir "+dir)
	}
	for _, job := range w.ended {
		flags = append(flags, "--ended "+job.String())
	}
	return append(flags, w.wideFlags()...)
}

// wideFlags are those of the evidence that counts for any job.
func (w *witnesses) wideFlags() (flags []string) {
	if w.opts.complete {
		flags = append(flags, "--clusters-complete")
	}
	if w.all {
		flags = append(flags, "--ended "+everyJob)
	}
	if idle := time.Duration(w.opts.assumeEndedAfter); idle > 0 {
		flags = append(flags, "--assume-ended-after "+formatDays(idle))
	}
	return flags
}

// looked is what a plan rests on, for people: a line for each place, and one for the
// evidence.
func (r *pruneRun) looked(env *Env) string {
	counts := r.snapshotsByPlace()
	var lines []string
	add := func(before string, url string) {
		lines = append(lines, fmt.Sprintf("%s %s (%s)", before, escape(url), plural(counts[url], "snapshot")))
	}
	before := "Looked in"
	for _, url := range r.placesOf(prune.Swept) {
		add(before, url)
		before = "      and"
	}
	for _, url := range r.placesOf(prune.Untouched) {
		add("  also in", url)
	}
	evidence := r.evidenceInShort()
	if r.roots.noOtherRoots {
		evidence += "; no other roots (--no-other-roots)"
	}
	return strings.Join(append(lines, env.wrap("  evidence: "+evidence, "    ")), "\n")
}

// snapshotsByPlace counts what lies in each place, the nearest of those around it.
func (r *pruneRun) snapshotsByPlace() map[string]int {
	var all []string
	for _, place := range r.places {
		all = append(all, place.URL)
	}
	count := map[string]int{}
	for i := range r.graph.Nodes {
		count[rootOf(all, r.graph.Nodes[i].URL())]++
	}
	return count
}

// evidenceInShort counts who was asked.
func (w *witnesses) evidenceInShort() string {
	var parts []string
	for _, of := range []struct {
		n    int
		what string
	}{{len(w.clients), "cluster"}, {len(w.haDirs), "HA directory"}, {len(w.ended), "job by --ended"}} {
		switch {
		case of.n == 0:
		case of.n == 1:
			parts = append(parts, "1 "+of.what)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", of.n, severalOf.Replace(of.what)))
		}
	}
	if parts = append(parts, w.wideFlags()...); len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

var severalOf = strings.NewReplacer("cluster", "clusters", "directory", "directories", "job", "jobs")

// reason is why a snapshot stays. A savepoint stays whatever the rules come to, unless they
// count for it.
func (r *pruneRun) reason(k prune.Kept) string {
	n := &r.graph.Nodes[k.Node]
	byRule := k.Reason == "no rule says that it shall go" || strings.HasPrefix(k.Reason, "--keep-") && !r.claimed(k.Reason)
	if byRule && n.Kind == layout.Savepoint && !r.policy.Savepoints && r.command == commandPrune {
		return "savepoints stay without --savepoints"
	}
	return k.Reason
}

// claimed tells whether a reason is that somebody names a snapshot.
func (r *pruneRun) claimed(reason string) bool {
	for _, c := range r.known.Claims {
		if c.By == reason {
			return true
		}
	}
	return false
}
