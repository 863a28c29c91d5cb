// Package engine runs jobs of sources, operators and sinks with exactly-once state: the readable model of how Flink
// does it, and quick enough for real small jobs on one machine.
//
// A Job is a graph. Each node runs as as many sub-tasks as its parallelism says; nodes that may be chained run in one
// goroutine. Between goroutines run bounded channels of Batches: columns of typed values, a few hundred records at
// a time. Watermarks, idleness, barriers and the end of input travel in the same channels.
//
//	forward    to the sub-task of the same index; where both are chained, a call
//	hash       by key group: murmur(Java's hashCode of the key) mod max parallelism, as Flink does it
//	rebalance  batch by batch in turn
//	broadcast  to all
//
// A checkpoint is begun by the coordinator (package coordinator). Sources put a barrier between two records; a
// task that has the barrier of all its inputs (Aligner) snapshots its operators, a short synchronous part, sends
// the barrier on, and writes in another goroutine. With at-least-once, inputs are not held back for it.
//
// The engine knows state backends and storage by their contracts alone: backends.OpenLiveStore, checkpoints.Storage.
package engine
