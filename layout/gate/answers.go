package gate

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// skew is how far in the future a time may be, as no two clocks agree.
const skew = time.Minute

// orphans needs no certainty where already too much is certain.
func (q *question) orphans() *Breach {
	found, limit := q.job.Orphans, *q.rules.MaxOrphanBytes
	switch {
	case found.Bytes > limit:
		return &Breach{Message: fmt.Sprintf("%s are used by no checkpoint, and %s are allowed", bytes(found.Bytes), bytes(limit)),
			Hint: "ckpt du lists them"}
	case !found.Known:
		return unclear("at least %s are used by no checkpoint, and there may be more than the %s that are allowed", bytes(found.Bytes), bytes(limit))
	}
	return nil
}

// newest is the newest complete checkpoint among those of the job that are not left out,
// or why there is none to ask.
func (q *question) newest(without string) (*layout.Choice, error) {
	if q.facts.Unlisted != nil {
		return nil, fmt.Errorf("not all could be listed: %w", q.facts.Unlisted)
	}
	var entries []layout.Entry
	for _, s := range q.job.Snapshots {
		if without == "" || s.Dir != without {
			entries = append(entries, s.Entry)
		}
	}
	return layout.Latest(q.facts.Root, entries, layout.LatestOptions{By: q.facts.By})
}

// hinted is an unclear breach by an error, with what that hints at.
func hinted(what string, err error) *Breach {
	b := unclear("%s: %s", what, err)
	var h interface{ ErrHint() string }
	if errors.As(err, &h) {
		b.Hint = h.ErrHint()
	}
	return b
}

// noNewest is the breach where the newest is not known. Where it is certain that there is
// none, it is none that could be in doubt.
func noNewest(err error) *Breach {
	if none := new(layout.NotFoundError); errors.As(err, &none) {
		return &Breach{Message: "no complete checkpoint"}
	}
	return hinted("which checkpoint is the newest is not known", err)
}

func (q *question) url(c *layout.Choice) string { return layout.Join(q.facts.Root, c.Dir) }

func (q *question) age() *Breach {
	newest, err := q.newest("")
	if err != nil {
		return noNewest(err)
	}
	b := q.judgeAge(newest)
	if b != nil {
		b.Path = q.url(newest)
	}
	return b
}

func (q *question) judgeAge(newest *layout.Choice) *Breach {
	completed := newest.Modified()
	age := q.facts.Now.Sub(completed)
	switch {
	case completed.IsZero():
		return unclear("the storage tells no time of the newest checkpoint")
	case age < -skew:
		return unclear("the newest checkpoint is %s in the future, so clocks disagree", -age)
	case age > q.rules.MaxAge:
		return &Breach{Message: fmt.Sprintf("the newest checkpoint is %s old, and %s are allowed", age.Truncate(time.Second), q.rules.MaxAge),
			Hint: "the job may have stopped, or its checkpoints fail"}
	}
	return nil
}

func (q *question) growth() *Breach {
	newest, err := q.newest("")
	if err != nil {
		return noNewest(err)
	}
	b := q.judgeGrowth(newest)
	if b != nil {
		b.Path = q.url(newest)
	}
	return b
}

func (q *question) judgeGrowth(newest *layout.Choice) *Breach {
	before, err := q.newest(newest.Dir)
	if none := new(layout.NotFoundError); errors.As(err, &none) {
		b := unclear("there is no checkpoint before it to compare with")
		b.Hint = "Flink keeps as many as execution.checkpointing.num-retained says"
		return b
	}
	if err != nil {
		return hinted("which checkpoint is the one before is not known", err)
	}
	now, then := stateSize(newest), stateSize(before)
	switch {
	case now < 0 || then < 0:
		return unclear("the size of the state is not known")
	case q.rules.MaxGrowth.exceeded(then, now):
		return &Breach{Message: fmt.Sprintf("the state grew from %s in %s to %s, and %s are allowed", bytes(then), before.Name, bytes(now), q.rules.MaxGrowth)}
	}
	return nil
}

// stateSize is as Flink counts it, -1 where not known.
func stateSize(c *layout.Choice) int64 {
	if c.Summary == nil {
		return -1
	}
	return c.Summary.Sizes.State
}

// exceeded compares exactly; sizes are not negative.
func (g *Growth) exceeded(then, now int64) bool {
	grown := now - then
	if grown <= 0 || !g.Relative {
		return grown > g.Amount
	}
	high, low := bits.Mul64(uint64(grown), 1e6)
	limitHigh, limitLow := bits.Mul64(uint64(then), uint64(g.Amount))
	return high > limitHigh || high == limitHigh && low > limitLow
}

// String is the limit as the file may have it.
func (g *Growth) String() string {
	if !g.Relative {
		return bytes(g.Amount)
	}
	return strconv.FormatFloat(float64(g.Amount)/1e4, 'f', -1, 64) + "%"
}

func (q *question) uids() *Breach {
	newest, err := q.newest("")
	if err != nil {
		return noNewest(err)
	}
	at := slices.IndexFunc(q.job.Snapshots, func(s Snapshot) bool { return s.Dir == newest.Dir })
	b := judgeUIDs(q.rules.RequiredUIDs, q.job.Snapshots[at].Operators)
	if b != nil {
		b.Path = q.url(newest)
	}
	return b
}

// judgeUIDs knows an operator by its id, which its uid alone decides; old metadata has
// nothing else.
func judgeUIDs(required []string, operators []Operator) *Breach {
	if operators == nil {
		return unclear("the operators of the newest checkpoint are not known")
	}
	has := map[metadata.OperatorID]bool{}
	uids := map[string]bool{}
	for _, o := range operators {
		has[o.ID], uids[o.UID] = true, true
	}
	var missing []string
	for _, uid := range required {
		if !uids[uid] && !has[metadata.OperatorIDOf(uid)] {
			missing = append(missing, strconv.Quote(uid))
		}
	}
	if missing == nil {
		return nil
	}
	return &Breach{Message: "the newest checkpoint has no operator with the uid " + strings.Join(missing, ", "),
		Hint: "ckpt uid --match compares uids with a checkpoint; without state of their own, operators would start empty"}
}

func (q *question) restorable() *Breach {
	count := map[answer]int64{}
	for i := range q.job.Snapshots {
		if s := &q.job.Snapshots[i]; s.Kind == layout.Checkpoint {
			count[s.restorable()]++
		}
	}
	want := int64(q.rules.MinRestorable)
	message := fmt.Sprintf("%s, and %d should", plural(count[yes], "checkpoint verifies", "checkpoints verify"), want)
	switch {
	case count[yes] >= want:
		return nil
	case q.facts.Unlisted != nil:
		return unclear("%s; not all could be listed: %s", message, q.facts.Unlisted)
	case count[yes]+count[maybe] >= want:
		return unclear("%s; of %d it is not known", message, count[maybe])
	}
	return &Breach{Message: message}
}

type answer uint8

const (
	maybe answer = iota
	yes
	no
)

// restorable takes what the listing knows before what the check came to.
func (s *Snapshot) restorable() answer {
	switch s.State {
	case layout.Incomplete, layout.InProgress, layout.Corrupt, layout.Damaged:
		return no
	case layout.Complete:
		return verdicts[s.Verdict]
	}
	return maybe
}

var verdicts = map[verify.Verdict]answer{verify.OK: yes, verify.Damaged: no}

func bytes(n int64) string { return plural(n, "byte", "bytes") }

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
