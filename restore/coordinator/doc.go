// Package coordinator decides when checkpoints begin, what they are made of when all tasks have answered, and how long they
// are kept. It knows no threads, no storage and no tasks but by contracts, and no time but a Clock's, so that a
// simulation can play it.
//
//	trigger ──> PendingCheckpoint ──all acknowledged──> `_metadata` ──> CompletedCheckpoint ──> store ──> subsumed ──> discarded
//	                │ declined, expired, failed, subsumed by a later one
//	                └──────────────> aborted: what was received is deleted
//
// A checkpoint that all tasks have answered is written alone, in turn, and is beyond recall from then on: a restart waits for what
// becomes of it. Who uses which file is counted for each file and snapshot. Where this differs from Flink:
//
//   - `_metadata` is deleted before all else also when files are deleted in parallel, and where that fails nothing else is;
//   - files in shared/ of a checkpoint that was aborted, or deleted at a suspension, go with it;
//   - what only a pending checkpoint may come to refer to waits for its end, and an answer that refers to a deleted file is refused;
//   - answers that come late never take along a file that somebody uses;
//   - a directory that holds another job's `_metadata` is left alone;
//   - the first periodic checkpoint comes after one interval, not after a random time.
//
// Sources: Flink's CheckpointCoordinator, PendingCheckpoint, CompletedCheckpoint, CheckpointProperties, SharedStateRegistryImpl, DefaultCompletedCheckpointStore,
// CheckpointSubsumeHelper, CheckpointFailureManager; what is deleted when: spec of the layout.
package coordinator
