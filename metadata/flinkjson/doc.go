// Package flinkjson shows a checkpoint's metadata as JSON, in the words of Flink's
// own classes: each handle is an object with its Java class's simple name as "class".
// It is the form of `ckpt inspect -o json`, and what Flink's loader shows when its
// objects are dumped (Checkpoints.loadCheckpointMetadata).
//
//	{metadataSize, metadataSha256, magic, metadataVersion, trailingBytes, checkpointId,
//	 properties: {checkpointType: {class, name, isSavepoint, sharingFilesStrategy, …}, forced, …} or null,
//	 masterStates: [{name, version, size, sha256}],
//	 operators: [{id, uid, name, class, parallelism, maxParallelism, fullyFinished, coordinatorState,
//	   subtasks: [{index, finished, managedOperator: […], rawOperator, managedKeyed, rawKeyed,
//	     inputChannel, resultSubpartition, stateSize, checkpointedSize}],
//	   stateSize, checkpointedSize (these two not where fullyFinished)}],
//	 referencedPaths: {path: bytes that it must have at least}}
//
// The ids that Flink makes up when it loads an old handle (stateHandleId of the tags
// 3, 5 and 7) are null.
package flinkjson
