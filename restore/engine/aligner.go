package engine

import "slices"

// aligner counts barriers. It is a value without goroutines: what happened goes in, what to do comes out (Flink:
// SingleCheckpointBarrierHandler, and CheckpointBarrierTracker for at-least-once).
//
// The barrier of a checkpoint comes once by each input. With exactly-once, an input that gave it is held back until all have. A
// later barrier, or the coordinator's word, gives a checkpoint up. An input that ended has nothing left to wait for. At-least-once
// holds nothing back, so several checkpoints may be counted at once.
type aligner struct {
	atLeastOnce bool
	ended       []bool
	counts      []count // under way, by ascending id; with exactly-once at most one
	last        int64   // the highest id that is done with: barriers up to it are stragglers
	aborted     []int64 // above last
}

// count is the inputs that gave the barrier of one checkpoint.
type count struct {
	id   int64
	seen []bool
}

// verdict is what to do after something happened.
type verdict struct {
	begun    int64 // the checkpoint whose first barrier this was, 0 for none
	complete int64 // the checkpoint to take now, 0 for none
	release  bool  // no input is held back any more
	block    bool  // the input of the barrier is held back
}

func newAligner(inputs int, atLeastOnce bool) *aligner {
	return &aligner{atLeastOnce: atLeastOnce, ended: make([]bool, inputs)}
}

// barrier tells of the barrier of checkpoint id from an input.
func (a *aligner) barrier(input int, id int64) (v verdict) {
	if a.done(id) {
		return v
	}
	c := a.find(id)
	if c == nil {
		if !a.atLeastOnce && len(a.counts) > 0 {
			if a.counts[0].id > id {
				return v
			}
			v.release, a.counts = true, a.counts[:0] // the one before was given up, or this one would not be here
		}
		c, v.begun = a.begin(id), id
	}
	c.seen[input] = true
	a.settle(&v)
	v.block = !a.atLeastOnce && v.complete != id
	return v
}

// end tells that an input has no records any more.
func (a *aligner) end(input int) (v verdict) {
	a.ended[input] = true
	a.settle(&v)
	return v
}

// abort tells that a checkpoint was given up.
func (a *aligner) abort(id int64) (v verdict) {
	if a.done(id) {
		return v
	}
	a.aborted = append(a.aborted, id)
	for i := range a.counts {
		if a.counts[i].id == id {
			a.counts = slices.Delete(a.counts, i, i+1)
			v.release = true
			break
		}
	}
	return v
}

// settle looks for a checkpoint that no input is missing of. It stands for all before it.
func (a *aligner) settle(v *verdict) {
	for i := len(a.counts) - 1; i >= 0; i-- {
		if !a.all(a.counts[i].seen) {
			continue
		}
		v.complete, v.release, a.last = a.counts[i].id, true, a.counts[i].id
		a.counts = slices.Delete(a.counts, 0, i+1)
		a.forget()
		return
	}
}

func (a *aligner) all(seen []bool) bool {
	for i := range seen {
		if !seen[i] && !a.ended[i] {
			return false
		}
	}
	return true
}

func (a *aligner) find(id int64) *count {
	for i := range a.counts {
		if a.counts[i].id == id {
			return &a.counts[i]
		}
	}
	return nil
}

// begin inserts a count by its id.
func (a *aligner) begin(id int64) *count {
	i := len(a.counts)
	for i > 0 && a.counts[i-1].id > id {
		i--
	}
	a.counts = slices.Insert(a.counts, i, count{id: id, seen: make([]bool, len(a.ended))})
	return &a.counts[i]
}

// done tells whether barriers of a checkpoint are stragglers.
func (a *aligner) done(id int64) bool { return id <= a.last || slices.Contains(a.aborted, id) }

// forget drops aborted ids that last covers.
func (a *aligner) forget() {
	a.aborted = slices.DeleteFunc(a.aborted, func(id int64) bool { return id <= a.last })
}
