package engine

import (
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// chain is nodes that run in one goroutine, the head first, each behind the one it reads from (Flink: JobVertex).
type chain struct {
	name        string
	nodes       []*Node
	parallelism int
}

func (n *Node) operatorID() metadata.OperatorID { return metadata.OperatorIDOf(n.UID) }

func (c *chain) id() metadata.OperatorID { return c.nodes[0].operatorID() }

// order gives the nodes so that each comes behind those it reads from, or one that is part of a cycle.
func (j *Job) order() (nodes []*Node, cycle *Node) {
	const under, done = 1, 2
	state := map[*Node]int{}
	var visit func(n *Node) *Node
	visit = func(n *Node) *Node {
		switch state[n] {
		case under:
			return n
		case done:
			return nil
		}
		state[n] = under
		for _, e := range n.Inputs {
			if e.From == nil {
				continue
			}
			if c := visit(e.From); c != nil {
				return c
			}
		}
		state[n] = done
		nodes = append(nodes, n)
		return nil
	}
	for _, n := range j.Nodes {
		if c := visit(n); c != nil {
			return nil, c
		}
	}
	return nodes, nil
}

// chained is whether a node runs in the goroutine of the one it reads from.
func (j *Job) chained(n *Node) bool {
	if len(n.Inputs) != 1 || n.NoChain || n.Inputs[0].Exchange != Forward {
		return false
	}
	from := n.Inputs[0].From
	return j.parallelism(n) == j.parallelism(from) && j.maxParallelism(n) == j.maxParallelism(from)
}

// chains makes chains of the nodes of a job that is valid.
func (j *Job) chains() []*chain {
	nodes, _ := j.order()
	of := map[*Node]*chain{}
	var all []*chain
	for _, n := range nodes {
		if j.chained(n) {
			c := of[n.Inputs[0].From]
			c.nodes, of[n] = append(c.nodes, n), c
			continue
		}
		c := &chain{nodes: []*Node{n}, parallelism: j.parallelism(n)}
		all, of[n] = append(all, c), c
	}
	for _, c := range all {
		names := make([]string, len(c.nodes))
		for i, n := range c.nodes {
			names[i] = n.Name
			if n.Name == "" {
				names[i] = n.UID
			}
		}
		c.name = strings.Join(names, " -> ")
	}
	return all
}

// exchange is how an edge really goes: forward only between equals.
func (j *Job) exchange(n *Node, e Edge) Exchange {
	if e.Exchange == Forward && j.parallelism(n) != j.parallelism(e.From) {
		return Rebalance
	}
	return e.Exchange
}
