package engine

import (
	"time"
)

// Job is a graph of sources, operators and sinks (Flink: StreamGraph). Its methods, and those of Stream, build it;
// mistakes are told by Validate, which Run calls.
type Job struct {
	Name string
	// Parallelism is that of nodes which do not say; 0 stands for 1. MaxParallelism is the number of key groups; 0 stands for Flink's
	// default of the parallelism.
	Parallelism, MaxParallelism int
	// Definition travels in each checkpoint as the master state MasterStateName, so that the checkpoint alone tells its job.
	Definition []byte
	Nodes      []*Node
}

// MasterStateName is the name of the master state that holds Job.Definition.
const MasterStateName = "ckpt.job"

// Node is one source, operator or sink.
type Node struct {
	UID, Name                   string
	Parallelism, MaxParallelism int // 0: those of the job
	Source                      Source
	Watermarks                  *Watermarks // of a source
	Operator                    func() Operator
	Inputs                      []Edge
	Output                      *Schema // nil of sinks
	// NoChain keeps the node out of the goroutine of its input.
	NoChain bool
	// Guarantee is of sources and sinks, for the plan.
	Guarantee Guarantee
}

// Edge is how records come from another node.
type Edge struct {
	From     *Node
	Exchange Exchange
	// Key is the columns to divide by, of Hash.
	Key []string
}

// Exchange is how records are divided among sub-tasks (Flink: StreamPartitioner).
type Exchange uint8

// The exchanges.
const (
	Forward   Exchange = iota // where the parallelism is the same; else as Rebalance
	Hash                      // by the key groups of Edge.Key
	Rebalance                 // in turn
	Broadcast                 // all to all
)

// Watermarks says how a source's event time passes (Flink: WatermarkStrategy).
type Watermarks struct {
	// Column holds the event time, a Timestamp or Long.
	Column string
	// Delay is how much later than the highest event time a record may come (forBoundedOutOfOrderness).
	Delay time.Duration
	// Idleness is after how long without records a split holds nobody up; 0: never.
	Idleness time.Duration
}

// Stream is the output of a node, and how its next reader gets it.
type Stream struct {
	job      *Job
	node     *Node
	exchange Exchange
	key      []string
}

// NewJob begins a job.
func NewJob(name string) *Job { return &Job{Name: name} }

// Source adds a source.
func (j *Job) Source(uid string, s Source) *Stream {
	n := &Node{UID: uid, Name: uid, Source: s, Output: s.Schema(), Guarantee: s.Guarantee()}
	j.Nodes = append(j.Nodes, n)
	return &Stream{job: j, node: n}
}

// Process adds an operator with one or more inputs. output is the schema of what it emits, nil for a sink. make is called once for each
// sub-task and attempt.
func (j *Job) Process(uid string, output *Schema, make func() Operator, inputs ...*Stream) *Stream {
	n := &Node{UID: uid, Name: uid, Operator: make, Output: output}
	for _, s := range inputs {
		n.Inputs = append(n.Inputs, Edge{From: s.node, Exchange: s.exchange, Key: s.key})
	}
	j.Nodes = append(j.Nodes, n)
	return &Stream{job: j, node: n}
}

// Process adds an operator behind the stream.
func (s *Stream) Process(uid string, output *Schema, make func() Operator) *Stream {
	return s.job.Process(uid, output, make, s)
}

// Sink adds an operator that emits nothing.
func (s *Stream) Sink(uid string, g Guarantee, make func() Operator) *Stream {
	out := s.job.Process(uid, nil, make, s)
	out.node.Guarantee = g
	return out
}

// Node is the node whose output this is, to set more of it.
func (s *Stream) Node() *Node { return s.node }

// Schema is what the stream's records are.
func (s *Stream) Schema() *Schema { return s.node.Output }

// KeyBy divides the stream by columns: the next operator may have keyed state. The key of one column is that column's type, of
// several a Tuple of them.
func (s *Stream) KeyBy(columns ...string) *Stream {
	return &Stream{job: s.job, node: s.node, exchange: Hash, key: columns}
}

// Rebalance deals the stream out in turn.
func (s *Stream) Rebalance() *Stream {
	return &Stream{job: s.job, node: s.node, exchange: Rebalance}
}

// Broadcast gives all of the stream to each sub-task.
func (s *Stream) Broadcast() *Stream {
	return &Stream{job: s.job, node: s.node, exchange: Broadcast}
}
