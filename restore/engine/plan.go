package engine

import (
	"fmt"
	"strings"
)

// Plan is how a job would run, for people (Flink: the JSON plan of a JobGraph).
type Plan struct {
	Job    string
	Chains []PlanChain
	// Guarantee is that of the job's results, the weakest of its parts.
	Guarantee Guarantee
	// Notes say why it is not exactly once, part by part.
	Notes []string
}

// PlanChain is what runs in one goroutine a sub-task.
type PlanChain struct {
	Parallelism int
	Nodes       []PlanNode
	Inputs      []PlanInput
}

// PlanNode is one source, operator or sink.
type PlanNode struct {
	UID, Name string
	Role      string // source, operator, sink
	Guarantee Guarantee
	Schema    string // "" of sinks
}

// PlanInput is an exchange.
type PlanInput struct {
	From     string // uid
	Exchange Exchange
	Key      []string
}

// String is the exchange in one word.
func (e Exchange) String() string {
	return [...]string{"forward", "hash", "rebalance", "broadcast"}[e]
}

// Plan tells how the job would run. The error is that of Validate.
func (j *Job) Plan() (*Plan, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	p := &Plan{Job: j.Name}
	for _, c := range j.chains() {
		pc := PlanChain{Parallelism: c.parallelism}
		for _, e := range c.nodes[0].Inputs {
			pc.Inputs = append(pc.Inputs, PlanInput{From: e.From.UID, Exchange: j.exchange(c.nodes[0], e), Key: e.Key})
		}
		for _, n := range c.nodes {
			pn := planNode(n)
			pc.Nodes = append(pc.Nodes, pn)
			if pn.Guarantee != ExactlyOnce {
				p.Notes = append(p.Notes, fmt.Sprintf("%s %s: %s", pn.Role, pn.UID, pn.Guarantee))
				p.Guarantee = max(p.Guarantee, pn.Guarantee)
			}
		}
		p.Chains = append(p.Chains, pc)
	}
	return p, nil
}

func planNode(n *Node) PlanNode {
	p := PlanNode{UID: n.UID, Name: n.Name, Role: "operator", Guarantee: n.Guarantee}
	switch {
	case n.Source != nil:
		p.Role, p.Guarantee = "source", n.Source.Guarantee()
	case n.Output == nil:
		p.Role = "sink"
	}
	if n.Output != nil {
		p.Schema = n.Output.String()
	}
	return p
}

// String draws the plan: a chain a paragraph, a node a line.
func (p *Plan) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %s: %s\n", p.Job, p.Guarantee)
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "  because of %s\n", note)
	}
	for i, c := range p.Chains {
		fmt.Fprintf(&b, "chain %d, parallelism %d\n", i+1, c.Parallelism)
		for _, in := range c.Inputs {
			fmt.Fprintf(&b, "  <- %s by %s", in.From, in.Exchange)
			if len(in.Key) > 0 {
				fmt.Fprintf(&b, " of %s", strings.Join(in.Key, ", "))
			}
			b.WriteByte('\n')
		}
		for _, n := range c.Nodes {
			fmt.Fprintf(&b, "  %s %s", n.Role, n.UID)
			if n.Schema != "" {
				fmt.Fprintf(&b, " %s", n.Schema)
			}
			if n.Guarantee != ExactlyOnce {
				fmt.Fprintf(&b, ", %s", n.Guarantee)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
