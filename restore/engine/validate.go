package engine

import (
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// Validate tells what is wrong with the job, all of it: a *ValidationError, or nil.
func (j *Job) Validate() error {
	v := &validator{job: j, known: map[*Node]bool{}, read: map[*Node]bool{}, uids: map[string]bool{}}
	v.jobItself()
	for _, n := range j.Nodes {
		if n == nil {
			v.say("a node is nil")
			return v.result()
		}
		v.known[n] = true
		for _, e := range n.Inputs {
			v.read[e.From] = true
		}
	}
	for _, n := range j.Nodes {
		v.node(n)
	}
	if _, cycle := j.order(); cycle != nil {
		v.say("%s reads its own output, by way of others", cycle.UID)
	}
	return v.result()
}

type validator struct {
	job         *Job
	known, read map[*Node]bool
	uids        map[string]bool
	problems    []string
}

func (v *validator) say(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

func (v *validator) result() error {
	if len(v.problems) == 0 {
		return nil
	}
	return &ValidationError{Problems: v.problems}
}

func (v *validator) jobItself() {
	if len(v.job.Nodes) == 0 {
		v.say("it has no nodes")
	}
	v.bounds("the job", v.job.Parallelism, v.job.MaxParallelism)
}

func (v *validator) bounds(who string, parallelism, maxParallelism int) {
	if parallelism < 0 || parallelism > keygroups.MaxParallelism {
		v.say("%s: a parallelism of %d; want 1 to %d", who, parallelism, keygroups.MaxParallelism)
	}
	if maxParallelism < 0 || maxParallelism > keygroups.MaxParallelism {
		v.say("%s: a max parallelism of %d; want 1 to %d", who, maxParallelism, keygroups.MaxParallelism)
	}
}

func (v *validator) node(n *Node) {
	switch {
	case n.UID == "":
		v.say("node %q has no uid: its state could not be found again", n.Name)
	case v.uids[n.UID]:
		v.say("two nodes have the uid %q", n.UID)
	}
	v.uids[n.UID] = true
	v.bounds(n.UID, n.Parallelism, n.MaxParallelism)
	if p, m := v.job.parallelism(n), v.job.maxParallelism(n); m > 0 && p > m {
		v.say("%s: a parallelism of %d is above the max parallelism of %d", n.UID, p, m)
	}
	v.role(n)
	if n.Output != nil {
		v.schema(n)
		if !v.read[n] {
			v.say("%s: nobody reads its output", n.UID)
		}
	}
	var key []Kind
	for i, e := range n.Inputs {
		key = v.edge(n, i, e, key)
	}
}

// role looks at what makes a node a source or an operator.
func (v *validator) role(n *Node) {
	switch {
	case (n.Source == nil) == (n.Operator == nil):
		v.say("%s: want either a source or an operator", n.UID)
	case n.Operator != nil && len(n.Inputs) == 0:
		v.say("%s: an operator without input", n.UID)
	case n.Operator != nil && n.Watermarks != nil:
		v.say("%s: watermarks are made at sources only", n.UID)
	case n.Source != nil:
		v.source(n)
	}
}

func (v *validator) source(n *Node) {
	if len(n.Inputs) > 0 {
		v.say("%s: a source with an input", n.UID)
	}
	if n.Output == nil {
		v.say("%s: a source without a schema", n.UID)
		return
	}
	if _, err := splitType(n.Source.Position()); err != nil {
		v.say("%s: %v", n.UID, err)
	}
	m := n.Watermarks
	if m == nil {
		return
	}
	if i := n.Output.Index(m.Column); i < 0 {
		v.say("%s: the column %s of the event time is none of %s", n.UID, m.Column, n.Output)
	} else if k := n.Output.Columns[i].Kind; k != Timestamp && k != Long {
		v.say("%s: the column %s of the event time is %s; want %s or %s", n.UID, m.Column, k, Timestamp, Long)
	}
	if m.Delay < 0 || m.Idleness < 0 {
		v.say("%s: the delay and the idleness of watermarks must not be negative", n.UID)
	}
}

func (v *validator) schema(n *Node) {
	for i, c := range n.Output.Columns {
		if c.Name == "" {
			v.say("%s: column %d has no name", n.UID, i+1)
		}
		if n.Output.Index(c.Name) != i {
			v.say("%s: two columns %s", n.UID, c.Name)
		}
		if int(c.Kind) >= len(kindNames) {
			v.say("%s: column %s has an unknown type", n.UID, c.Name)
		}
	}
}

// edge looks at one input, and gives the kinds of the key, which all hash inputs must have in common.
func (v *validator) edge(n *Node, input int, e Edge, key []Kind) []Kind {
	switch {
	case e.From == nil || !v.known[e.From]:
		v.say("%s: input %d comes from a node that is not of the job", n.UID, input+1)
		return key
	case e.From.Output == nil:
		v.say("%s reads from %s, which is a sink", n.UID, e.From.UID)
		return key
	case e.Exchange != Hash:
		if len(e.Key) > 0 {
			v.say("%s: input %d has a key but no hash exchange", n.UID, input+1)
		}
		return key
	}
	kinds, err := e.kinds()
	if err == nil {
		_, err = KeyType(kinds)
	}
	switch {
	case err != nil:
		v.say("%s: input %d: %v", n.UID, input+1, err)
	case key != nil && !slices.Equal(key, kinds):
		v.say("%s: the keys of its inputs are of different types: %v and %v", n.UID, key, kinds)
	}
	return kinds
}

// kinds are those of the key columns; Timestamp counts as Long, as which it lies in state.
func (e *Edge) kinds() ([]Kind, error) {
	if len(e.Key) == 0 {
		return nil, fmt.Errorf("a hash exchange needs a key")
	}
	kinds := make([]Kind, len(e.Key))
	for i, name := range e.Key {
		c := e.From.Output.Index(name)
		if c < 0 {
			return nil, fmt.Errorf("the key column %s is none of %s", name, e.From.Output)
		}
		if kinds[i] = e.From.Output.Columns[c].Kind; kinds[i] == Timestamp {
			kinds[i] = Long
		}
	}
	return kinds, nil
}

// keyed is whether the node has a key, and so may have keyed state.
func (n *Node) keyed() bool {
	return slices.ContainsFunc(n.Inputs, func(e Edge) bool { return e.Exchange == Hash })
}

// keyType is the type of the keys of a node, nil where it has none.
func (n *Node) keyType() (t backends.Type, err error) {
	for i := range n.Inputs {
		if n.Inputs[i].Exchange == Hash {
			kinds, err := n.Inputs[i].kinds()
			if err != nil {
				return nil, err
			}
			return KeyType(kinds)
		}
	}
	return nil, nil
}

func (j *Job) parallelism(n *Node) int {
	switch {
	case n.Parallelism > 0:
		return n.Parallelism
	case j.Parallelism > 0:
		return j.Parallelism
	}
	return 1
}

// maxParallelism is what was asked for, 0 for nothing.
func (j *Job) maxParallelism(n *Node) int {
	if n.MaxParallelism > 0 {
		return n.MaxParallelism
	}
	return j.MaxParallelism
}

// Assign is restore.Assign for the job, and refuses keyed state of a node that has no key: it would be lost.
func (j *Job) Assign(c *metadata.Checkpoint, allowLeft bool) (*restore.Assignment, error) {
	a, err := restore.Assign(c, j.Operators(), allowLeft)
	if err != nil {
		return nil, err
	}
	var problems []restore.Problem
	for _, n := range j.Nodes {
		holds := func(s restore.SubtaskAssignment) bool { return len(s.Keyed)+len(s.Raw) > 0 }
		if !n.keyed() && slices.ContainsFunc(a.Operators[n.operatorID()].Subtasks, holds) {
			problems = append(problems, restore.Problem{Unmapped: restore.Unmapped{ID: n.operatorID(), UID: n.UID, Name: n.Name},
				Message: "the checkpoint holds keyed state of it, and the job gives it no key"})
		}
	}
	if len(problems) > 0 {
		return nil, &restore.IncompatibleError{Problems: problems}
	}
	return a, nil
}

// Operators are the nodes as restore.Assign wants them.
func (j *Job) Operators() []restore.Operator {
	var all []restore.Operator
	for _, n := range j.Nodes {
		all = append(all, restore.Operator{ID: n.operatorID(), UID: n.UID, Name: n.Name,
			Parallelism: int32(j.parallelism(n)), MaxParallelism: int32(j.maxParallelism(n))})
	}
	return all
}
