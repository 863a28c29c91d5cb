package metadata

import "fmt"

// Handle is a reference to state: a StreamHandle, KeyedHandle, ChannelHandle
// or *OperatorStateHandle. The set is sealed: a switch over all of its types is complete.
type Handle interface {
	// Class is the simple name of Flink's Java class.
	Class() string
	// StateSize is the size in bytes that Flink reports for the handle: what it
	// refers to, wherever that lies (Flink: StateObject.getStateSize).
	StateSize() int64
	handle()
}

// StreamHandle is a sequence of bytes somewhere (Flink: StreamStateHandle):
// *FileHandle, *RelativeFileHandle, *InlineHandle, *SegmentHandle,
// *EmptySegmentHandle or, as nothing writes any more, *KeyGroupsHandle.
type StreamHandle interface {
	Handle
	stream()
}

// KeyedHandle is state by key group (Flink: KeyedStateHandle): *KeyGroupsHandle,
// *IncrementalHandle, *ChangelogHandle, *ChangelogInlineHandle or
// *ChangelogFileHandle.
type KeyedHandle interface {
	Handle
	KeyGroups() KeyGroupRange
	// CheckpointedSize is how many bytes this checkpoint itself had to write
	// (Flink: CompositeStateHandle.getCheckpointedSize).
	CheckpointedSize() int64
	keyed()
}

// ChannelHandle is in-flight data of an unaligned checkpoint (Flink:
// InputStateHandle, OutputStateHandle): *SingleChannelHandle or *MergedChannelHandle.
type ChannelHandle interface {
	Handle
	// Stream is where the data lies. Many handles may share it.
	Stream() StreamHandle
	channel()
}

// FileHandle is a whole file, by its absolute path (Flink: FileStateHandle).
// Size is the file's length, except below a ChangelogFileHandle: there it is the
// length of the uncompressed body without its leading flag byte.
type FileHandle struct {
	Path UTF // as Flink wrote it: not percent-encoded
	Size int64
}

// RelativeFileHandle is a whole file, by its path below the checkpoint's own
// directory (Flink: RelativeFileStateHandle).
type RelativeFileHandle struct {
	Path UTF
	Size int64
}

// InlineHandle is state within `_metadata` itself (Flink: ByteStreamStateHandle).
// Name looks like a path but no such file exists.
type InlineHandle struct {
	Name UTF
	Data []byte
}

// SegmentHandle is a part of a file that many states share (Flink:
// SegmentFileStateHandle, file merging).
type SegmentHandle struct {
	Path        UTF
	LogicalFile UTF // Flink: LogicalFileId
	Start, Size int64
	Scope       Scope
}

// EmptySegmentHandle stands for no data (Flink: EmptySegmentFileStateHandle). The
// file that Flink prints for it, "empty", does not exist.
type EmptySegmentHandle struct{}

// Scope says who owns a file (Flink: CheckpointedStateScope).
type Scope int32

// The scopes, by the numbers of the file.
const (
	Exclusive Scope = 0 // one checkpoint
	Shared    Scope = 1 // any number of checkpoints
)

// String is Flink's word.
func (s Scope) String() string {
	switch s {
	case Exclusive:
		return "EXCLUSIVE"
	case Shared:
		return "SHARED"
	}
	return fmt.Sprintf("Scope(%d)", int32(s))
}

// KeyGroupsHandle is one stream with an offset per key group (Flink:
// KeyGroupsStateHandle; KeyGroupsSavepointStateHandle where Tag is TagSavepointKeyGroups).
type KeyGroupsHandle struct {
	Tag      Tag // TagKeyGroups, TagKeyGroupsV2 or TagSavepointKeyGroups
	Range    KeyGroupRange
	Offsets  []int64 // absolute positions in Delegate, one per key group of Range
	Delegate StreamHandle
	HandleID UTF // "" where Tag is not TagKeyGroupsV2: Flink then makes one up
}

// IncrementalHandle is the files of a RocksDB or ForSt database (Flink:
// IncrementalRemoteKeyedStateHandle), also where the checkpoint was a full one.
type IncrementalHandle struct {
	Tag          Tag   // TagIncremental or TagIncrementalV2
	CheckpointID int64 // of the checkpoint that made this handle
	BackendID    UTF   // as written; see BackendUUID
	Range        KeyGroupRange
	Meta         StreamHandle
	Shared       []NamedFile // may be used by other checkpoints
	Private      []NamedFile // belong to this checkpoint, wherever they lie
	Checkpointed int64       // bytes that its checkpoint wrote; -1 where unknown, as with TagIncremental
	HandleID     UTF         // "" where Tag is TagIncremental
}

// NamedFile is a file of a database with the name to restore it under (Flink:
// HandleAndLocalPath).
type NamedFile struct {
	Name UTF
	File StreamHandle
}

// ChangelogHandle is a materialized state and the changes since (Flink:
// ChangelogStateBackendHandleImpl). Its nested handles may cover other key groups
// than Range after a rescale: only those within Range count.
type ChangelogHandle struct {
	Tag               Tag // TagChangelog or TagChangelogV2
	Range             KeyGroupRange
	Checkpointed      int64
	Materialized      []KeyedHandle // may hold nil, which Flink skips
	NonMaterialized   []KeyedHandle // *ChangelogInlineHandle or *ChangelogFileHandle
	MaterializationID int64
	CheckpointID      int64 // equal to MaterializationID where Tag is TagChangelog
	HandleID          UTF
}

// ChangelogInlineHandle is a log of changes within `_metadata` (Flink:
// InMemoryChangelogStateHandle).
type ChangelogInlineHandle struct {
	Range    KeyGroupRange
	From, To int64 // sequence numbers
	Changes  []StateChange
	HandleID UTF
}

// StateChange is one logged change. KeyGroup is -1 where it changes metadata.
type StateChange struct {
	KeyGroup int32
	Data     []byte
}

// ChangelogFileHandle is a log of changes in files (Flink:
// ChangelogStateHandleStreamImpl).
type ChangelogFileHandle struct {
	Tag          Tag // TagChangelogFile or TagChangelogFileV2
	Range        KeyGroupRange
	Parts        []ChangelogPart
	Size         int64
	Checkpointed int64
	HandleID     UTF
	StorageID    UTF // "filesystem" where Tag is TagChangelogFile
}

// ChangelogPart is where in a file the changes begin.
type ChangelogPart struct {
	Offset int64
	File   StreamHandle
}

// OperatorStateHandle is list, union and broadcast state: a stream with the
// offsets of the elements of each state (Flink: OperatorStreamStateHandle; with Merging set,
// FileMergingOperatorStreamStateHandle or its empty form).
type OperatorStateHandle struct {
	States   []OperatorStateMeta
	Merging  *MergingDirs
	Delegate StreamHandle
}

// OperatorStateMeta is one named operator state (Flink: OperatorStateHandle.StateMetaInfo).
type OperatorStateMeta struct {
	Name    UTF
	Mode    DistributionMode
	Offsets []int64 // absolute positions in the delegate, one per element
}

// DistributionMode says how elements are dealt out on restore (Flink: OperatorStateHandle.Mode).
type DistributionMode int8

// The modes, by the numbers of the file.
const (
	SplitDistribute DistributionMode = 0
	Union           DistributionMode = 1
	Broadcast       DistributionMode = 2
)

// String is Flink's word.
func (m DistributionMode) String() string {
	switch m {
	case SplitDistribute:
		return "SPLIT_DISTRIBUTE"
	case Union:
		return "UNION"
	case Broadcast:
		return "BROADCAST"
	}
	return fmt.Sprintf("DistributionMode(%d)", int8(m))
}

// MergingDirs are the directories that Flink deletes when the last checkpoint
// which names them goes (Flink: DirectoryStreamStateHandle).
type MergingDirs struct {
	TaskOwned, Shared UTF
	Empty             bool // the sub-task had no state (Flink: EmptyFileMergingOperatorStreamStateHandle)

	emptyByte byte // what the file says where it is neither 0 nor 1: Java takes it for true
}

// Direction tells the two lists of channel state apart.
type Direction uint8

// The directions.
const (
	Input  Direction = iota // A is the gate, B the channel
	Output                  // A is the partition, B the sub-partition
)

// ChannelInfo names a channel: gate and channel of an input (Flink:
// InputChannelInfo), partition and sub-partition of an output (ResultSubpartitionInfo).
type ChannelInfo struct{ A, B int32 }

// SingleChannelHandle is the data of one channel (Flink: InputChannelStateHandle,
// ResultSubpartitionStateHandle).
type SingleChannelHandle struct {
	Direction Direction
	Subtask   int32 // of the task that wrote it; not always the enclosing one
	Info      ChannelInfo
	Offsets   []int64
	Size      int64 // of this channel's part of Delegate
	Delegate  StreamHandle
}

// MergedChannelHandle is the data of several channels of one sub-task (Flink:
// MergedInputChannelStateHandle, MergedResultSubpartitionStateHandle; version 6).
type MergedChannelHandle struct {
	Direction Direction
	Subtask   int32
	Size      int64 // of all channels together
	Delegate  StreamHandle
	Offsets   []byte // Flink's serialized form; see Unmerge
}

func (*FileHandle) handle()            {}
func (*RelativeFileHandle) handle()    {}
func (*InlineHandle) handle()          {}
func (*SegmentHandle) handle()         {}
func (*EmptySegmentHandle) handle()    {}
func (*KeyGroupsHandle) handle()       {}
func (*IncrementalHandle) handle()     {}
func (*ChangelogHandle) handle()       {}
func (*ChangelogInlineHandle) handle() {}
func (*ChangelogFileHandle) handle()   {}
func (*OperatorStateHandle) handle()   {}
func (*SingleChannelHandle) handle()   {}
func (*MergedChannelHandle) handle()   {}

func (*FileHandle) stream()         {}
func (*RelativeFileHandle) stream() {}
func (*InlineHandle) stream()       {}
func (*SegmentHandle) stream()      {}
func (*EmptySegmentHandle) stream() {}
func (*KeyGroupsHandle) stream()    {}

func (*KeyGroupsHandle) keyed()       {}
func (*IncrementalHandle) keyed()     {}
func (*ChangelogHandle) keyed()       {}
func (*ChangelogInlineHandle) keyed() {}
func (*ChangelogFileHandle) keyed()   {}

func (*SingleChannelHandle) channel() {}
func (*MergedChannelHandle) channel() {}

// Stream implements ChannelHandle.
func (h *SingleChannelHandle) Stream() StreamHandle { return h.Delegate }

// Stream implements ChannelHandle.
func (h *MergedChannelHandle) Stream() StreamHandle { return h.Delegate }
