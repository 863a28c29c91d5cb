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
// # A task
//
//	gate ──> loop ──> opRun ──> opRun ──> writer ──> gate of the next task
//	           ^  aligner: which barriers are there; valve: how far event time is
//	           mailbox: timers, checkpoints of sources, notices of completed ones, flushes
//
// All of it runs in the goroutine of the task, but for the asynchronous part of snapshots. A task without work waits for its mailbox or its gate;
// one whose readers are slow waits for room in their gates. Both end with the attempt's context.
//
// # How a job ends
//
// A source that has read everything sends the highest watermark and then the end of its data, and stays alive: barriers go on, so that
// checkpoints are possible until the slowest task has drained. When all have, a last checkpoint is taken, where checkpoints are configured or an
// operator is a FinalCommitter, and the tasks end when they have been told that it is complete (Flink: FLIP-147). A stop with a savepoint is the
// same with that savepoint as the last checkpoint.
//
// A failure ends the attempt: all its tasks are cancelled, and the RestartStrategy is asked. The next attempt begins with the latest completed
// checkpoint, with what the job was restored from, or anew. A job that has stopped with a savepoint and then failed to commit it begins
// with that savepoint, commits, and ends.
//
// # Who owns a batch
//
// A batch has one owner: the reader that filled it, then the operator that gets it, then whoever it is emitted to. Release gives its memory back
// to where it came from; the hash exchange does so with each batch that it has divided. Nothing is allocated for a record.
//
// The engine knows state backends and storage by their contracts alone: backends.OpenLiveStore, checkpoints.Storage.
package engine
