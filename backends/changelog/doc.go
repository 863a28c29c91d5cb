// Package changelog reads the keyed state of Flink's changelog state backend: what was materialized, which other
// packages read, and over it the changes that were logged since.
//
// A log lies in files that sub-tasks share, or within `_metadata`. All numbers are big-endian.
//
//	file        u8 compressed, body: as it is, or one Snappy framed stream
//	body        change sets; a handle names those that count by their offsets in the body
//	change set  i32 count of key groups, of each: i32 count of changes, i32 key group,
//	            of each change i32 length, change
//	change      u8 operation, and what that needs
//
//	8 METADATA  i32 version 6 or 7, meta (package schema),
//	            of KEY_VALUE: u8 ttl, [a StateTtlConfig as Java object stream], u8 default, [value],
//	            i16 number, u8 type
//	others      i16 number, of KEY_VALUE: key, namespace; and then
//	0 CLEAR
//	1 SET  2 SET_INTERNAL   value: the whole list of a list
//	3 ADD                   list or map, added to what is there
//	4 MERGE_NS              namespace, i32 count, namespaces: merged into the first, and removed
//	5 ADD_ELEMENT           element; of a map key and value; of timers i32 count, elements
//	6 ADD_OR_UPDATE_ELEMENT key and value of a map
//	7 REMOVE_ELEMENT        key of a map; timer
//
// METADATA is of key group -1, before all others in its set. It gives a state the number by which changes
// behind it call it, in all sets that follow, until another takes the number.
//
// # What a log does not say
//
// The type of keys is not in a log. It is taken from what was materialized, else from a state of timers in the log,
// else from another sub-task (Origin.Key), else from the hint "key:OPERATOR", with the operator's id in
// hexadecimal, or "key". Without, changes cannot be told apart: an error, which names the hint.
//
// What MERGE_NS makes of two values of a reducing or aggregating state, only the job's function knows. Such an entry is
// an error that is Passed, until a later change sets it anew. Where at most one of the values exists, it is the
// result.
//
// # Memory
//
// The changes of some key groups are held at once, as many groups as fit the budget. A single one that does not is
// refused: an error that is Passed. Where what was materialized cannot be read, what the log says on its
// own is still given.
//
// Sources: Flink's ChangelogStateBackendHandle, StateChangeFormat, StateChangeFsUploader, StateChangeLoggerImpl,
// ChangelogBackendLogApplier and the StateChangeAppliers.
package changelog
