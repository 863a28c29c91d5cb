// Package relocate copies a snapshot to another place, so that it can be restored from
// there when everything else is gone.
//
// There are two forms of a copy. The usual one, [SelfContained], is one directory with a
// _metadata and the files that it names, whatever the source was: an incremental
// checkpoint, one with a changelog, with merged files, with files in other jobs'
// directories or behind entropy. The other, [KeepLayout], is a root like the source's,
// with {job-id}/chk-N, shared/ and so on.
//
// # Which paths a copy has
//
// A handle with a relative path (tag 6) may stand wherever a stream handle may, since
// Flink 1.11, and is resolved against the directory of the _metadata. So that a copy can
// be moved on by any tool, its handles are relative, with these exceptions:
//
//   - The shared files of an incremental handle move to its private ones. After a restore
//     in claim mode CLAIM or LEGACY, Flink takes over the handles of shared files into the
//     next checkpoints as they are, with a relative path that then means another directory:
//     those checkpoints cannot be restored (Flink 1.20 and 2.2, and for native savepoints
//     as well). Private files are read on restore just so, and never taken over.
//   - All files below a changelog handle have absolute paths, since Flink takes over both
//     the logs and what was materialized. Such a copy is whole, but tied to its place.
//   - Metadata version 2 is read by Flinks that know no relative paths: absolute.
//
// Segments of merged files become plain files of just these bytes, each range once, and a
// handle that names managed directories becomes an ordinary one: nothing manages a copy,
// and Flink would delete such directories as a whole. The handle of a sub-task without
// any state, which only names the directories, goes.
//
// [KeepLayout] changes nothing but the roots of absolute paths.
//
// # How a copy comes about
//
// [Examine] reads the source and verifies it. [New] makes the plan, a pure function:
// which bytes go to which name, and the new metadata, of which no reference leads out of
// the copy. [Plan.Execute] creates, in this order, a marker ([layout.CopyMarkerName]), the
// files, _metadata; then it verifies the copy, and removes the marker. No file is ever
// overwritten, and names depend on nothing but the source, so that what was cut short goes
// on where it stopped, and two at once only do the same.
package relocate
