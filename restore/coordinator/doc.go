// Package coordinator decides when checkpoints begin, what they are made of when all tasks have answered, and how long they
// are kept. It knows no threads, no storage and no tasks but by contracts, and no time but a Clock's, so that a
// simulation can play it.
//
//	trigger ──> PendingCheckpoint ──all acknowledged──> `_metadata` ──> CompletedCheckpoint ──> store ──> subsumed ──> discarded
//	                │ declined, expired, failed, subsumed by a later one
//	                └──────────────> aborted: what was received is deleted
//
// Sources: Flink's CheckpointCoordinator, PendingCheckpoint, CompletedCheckpoint, CheckpointProperties, SharedStateRegistryImpl, DefaultCompletedCheckpointStore,
// CheckpointSubsumeHelper, CheckpointFailureManager; what is deleted when: spec of the layout.
package coordinator
