// Package connectors is where records come from and where they go: the sources and sinks of a job.
//
//	Sequence, Datagen   made up      exactly once   48 splits, record i in split i mod 48; a position is the next number
//	FileSource          text files   exactly once   a split for each file; a position is the byte behind the last record
//	Stdin, Socket       lines        at most once   they cannot go back: what was read before a failure is lost
//	FileSink            text files   exactly once   in two phases, see below
//	Stdout              lines        at least once  what was written before a failure is written again
//	Discard             nothing
//
// Sources read batches of columns and allocate nothing for single records: the texts of a batch share one string. What cannot be read
// is a *RecordError, which fails the job or, if the user says so, is left out and counted. Nothing is guessed: a number in quotes is no number, a
// record that is cut off is no record.
//
// # Files in two phases
//
// A part is a file of records. What a sub-task writes between two checkpoints is seen when the checkpoint that contains it is complete, and
// not before (Flink: TwoPhaseCommitSinkFunction, FileSink). Storage need not know renaming: creating, copying within the storage and deleting are enough.
//
//	Process              records gather in memory; a part of RollSize is staged at once
//	Snapshot N           the rest is staged; each part gets its final name, which contains N, and goes into the operator state
//	                     .pending/LINEAGE-SUBTASK-TOKEN-1.json
//	CheckpointCompleted  parts of N and of all before are committed: copied to PREFIX-N-SUBTASK-TOKEN-1.json, then deleted from .pending
//	Open                 the parts of the restored checkpoint are committed, if they are not
//
// TOKEN is random, of one attempt of one sub-task: what is staged twice has two names, and what is committed twice has one. LINEAGE is random
// too, made when the job begins anew, and kept by the state through all resumes. All files are created whole or not at all and never
// overwritten. So this is what failures do:
//
//  1. The job fails before Snapshot N. Staged parts are in no checkpoint. The source gives their records again, to parts of other names; the staged
//     ones are abandoned (8).
//  2. It fails between Snapshot N and the completion of N. The same: N is never restored.
//  3. Checkpoint N is aborted, and the job goes on. Its parts stay in the state, and are committed with the next checkpoint that is complete.
//  4. N is complete, and the job fails before it is told. N is restored, and Open commits its parts; at another parallelism too, since all sub-tasks get
//     the parts of all (union state), and part i is that of sub-task i mod parallelism.
//  5. It fails during the commit, before the copy. As 4.
//  6. It fails between the copy and the deletion. Open finds both: the final file has the size that the state tells, so it is this part. Only the
//     deletion is left to do. A file of another size is an error.
//  7. It fails behind the deletion, and N is restored, perhaps for the second time. Open finds the final file alone: done. Where neither is there,
//     somebody took the file away, or 8 happened in another branch: an error, unless Consumed says that files are taken away.
//  8. Parts of the lineage that the restored checkpoint does not contain are abandoned. They are listed by Open, before the attempt writes
//     its own, each by the sub-task that stands for the one that wrote it, and deleted once a checkpoint of this attempt is complete: until then, another
//     checkpoint may be restored instead. Those that another process wrote must be older than AbandonAfter besides, as nobody can tell
//     whether it has ended.
//  9. The storage fails. The task fails, and the job does one of these.
//
// Three limits. Who goes back to an older checkpoint than the latest writes what came behind it again: files that are committed are never deleted. A
// job that resumes from a checkpoint of another which still runs, into the same directory, takes its abandoned parts for its own; AbandonAfter,
// an hour, must be longer than the other's interval of checkpoints. And the parts of a savepoint that the job goes on after are committed with its
// next checkpoint: where it fails before that, and falls back to an earlier one, they are abandoned, and the savepoint is refused as in 7.
package connectors
