package prune

import (
	"context"
	"errors"

	"github.com/ckpt-tool/ckpt/layout"
)

// endedFirst is why something stays that was not come to before the execution ended.
const endedFirst = "the execution ended before"

// untried counts an entry that was not come to before the execution ended.
func (b *batch) untried(i int32) {
	b.entries[i].told, b.entries[i].untried = true, true
	b.out.Untried++
}

// leaveRest tells of all that stays for a reason of its own, and counts what was not come
// to.
func (b *batch) leaveRest() {
	for i := range b.entries {
		e := &b.entries[i]
		switch why := b.why(e.removal); {
		case e.told:
		case why != endedFirst:
			b.leave(int32(i), why)
		default:
			b.untried(int32(i))
		}
	}
	for i := range b.Snapshots {
		b.leaveDirs(b.Snapshots[i].Dirs, b.why(int32(i)))
	}
	b.leaveDirs(b.Dirs, b.why(-1))
}

// why tells why what is of a removal stays, or what is of none.
func (b *batch) why(removal int32) string {
	switch {
	case removal >= 0 && b.left[removal] != "":
		return b.left[removal]
	case b.all != "":
		return b.all
	case b.out.Stopped != nil:
		return endedFirst
	}
	return "what it belongs to stays"
}

// leaveDirs is leaveRest for directories.
func (b *batch) leaveDirs(dirs []Dir, why string) {
	for _, d := range dirs {
		switch {
		case b.dirsTold[d]:
		case why != endedFirst:
			b.tell(Event{URL: layout.Join(d.Tree.Root, d.Key), Dir: true, Left: true, Err: errors.New(why)})
		default:
			b.out.Untried++
		}
	}
}

// ended tells whether something failed only because ctx has ended.
func ended(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
}
