// Package layout knows how the checkpoint directories of Apache Flink lie in a
// file system or an object store: which names exist, what a directory is, and in
// which state a checkpoint is. It reads; it never writes.
//
// # The tree
//
//	{execution.checkpointing.dir}/
//	  {job-id}/                                 32 lower-case hexadecimal digits
//	    shared/                                 files that several checkpoints may use
//	      {uuid}
//	      job_{job-id}_op_{vertex-id}_{subtask}_{parallelism}/{uuid}   file merging
//	    taskowned/                              files of no single checkpoint (changelog)
//	      {uuid}
//	      job_{job-id}_tm_{resource-id}/{uuid}  file merging
//	    chk-{N}/                                checkpoint N, its exclusive directory
//	      _metadata
//	      {uuid}
//	{dstl base-path}/{job-id}/dstl/{uuid}       changelog; may be the same root
//	{savepoint-dir}/savepoint-{6 digits}-{12 digits}/
//	  _metadata
//	  {uuid}
//
// The level {job-id} is absent with execution.checkpointing.create-subdir=false. A
// savepoint may lie anywhere, also below a job, and people rename them; so every
// directory that holds a _metadata and is not named chk-N counts as a savepoint
// until its metadata says otherwise. A Parquet data set has a _metadata as well:
// it is listed too, as corrupt, because a broken savepoint cannot be told from it.
//
// The job of a snapshot is the nearest enclosing directory named by a job id. There
// may be none. The first 6 digits of a savepoint's name are those of its job.
//
// Object stores have no directories: an empty shared/ is invisible, and a
// directory may be known by a marker object only, "chk-7/" or "chk-7_$folder$".
//
// # Entropy
//
// With s3.entropy.key, Flink puts random characters in place of one element of the
// path of every data file, and takes that element out of the path of _metadata:
//
//	cp/{job-id}/chk-7/_metadata
//	xK2f/cp/{job-id}/chk-7/{uuid}
//	p0Zq/cp/{job-id}/chk-7/{uuid}
//
// A directory of a job is taken for such data when no _metadata lies anywhere below
// the random element, and the same path without that element is a directory of the
// same job with a _metadata in one of its checkpoints. Its chk-N then belong to
// that directory's.
//
// # States
//
// Flink writes a checkpoint's _metadata last and deletes it first, so a _metadata
// that parses to its end means that the checkpoint was completed. It does not mean
// that the files it names are still there: see Damaged.
//
//	complete     _metadata parses to its end
//	damaged      complete, but files are missing or of another size (only a check
//	             of references can tell; a listing never does)
//	in-progress  no _metadata, and something changed within the grace period
//	incomplete   no _metadata: failed, aborted, half deleted, or left by a crash
//	corrupt      there is a _metadata that does not parse
//	unsupported  a _metadata of a version that is not read
//	unreadable   the storage refused: nothing is known, and nothing is claimed
//
// # Newest
//
// Checkpoint ids grow within one lineage, that is, one run of a job and what was
// restored from it in the same directory. With a fixed job id or without the job
// level, a job that starts anew writes chk-1 again beside older chk-9. The two show
// by ids and times that disagree, and then no newest is named: see [Latest].
//
// # Paths
//
// _metadata holds absolute paths of the place where Flink wrote it, not
// percent-encoded. [Resolver] finds them in a tree that was copied elsewhere.
package layout
