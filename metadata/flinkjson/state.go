package flinkjson

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// head is what all state handles begin with.
type head struct {
	Class     string `json:"class"`
	StateSize int64  `json:"stateSize"`
}

func headOf(h metadata.Handle) head { return head{h.Class(), h.StateSize()} }

// keyed is what all keyed handles go on with.
type keyed struct {
	head
	KeyGroupStart int32   `json:"keyGroupStart"`
	KeyGroupEnd   int32   `json:"keyGroupEnd"`
	StateHandleID *string `json:"stateHandleId"`
}

func keyedOf(h metadata.KeyedHandle, id *string) keyed {
	r := h.KeyGroups()
	if r.Len() == 0 {
		r = metadata.KeyGroupRange{First: 0, Last: -1} // Flink's EMPTY_KEY_GROUP_RANGE
	}
	return keyed{headOf(h), r.First, r.Last, id}
}

type keyGroupsJSON struct {
	keyed
	KeyGroupOffsets []int64 `json:"keyGroupOffsets"`
	Delegate        any     `json:"delegate"`
}

type incrementalJSON struct {
	keyed
	CheckpointID     int64  `json:"checkpointId"`
	BackendID        string `json:"backendId"`
	CheckpointedSize int64  `json:"checkpointedSize"`
	MetaState        any    `json:"metaState"`
}

type file struct {
	LocalPath string `json:"localPath"`
	Handle    any    `json:"handle"`
}

type changelogJSON struct {
	keyed
	CheckpointID      int64 `json:"checkpointId"`
	MaterializationID int64 `json:"materializationId"`
	CheckpointedSize  int64 `json:"checkpointedSize"`
}

type changelogFileJSON struct {
	keyed
	StorageIdentifier string `json:"storageIdentifier"`
	CheckpointedSize  int64  `json:"checkpointedSize"`
	HandlesAndOffsets []part `json:"handlesAndOffsets"`
}

type part struct {
	Offset int64 `json:"offset"`
	Handle any   `json:"handle"`
}

type changelogInlineJSON struct {
	keyed
	From          int64    `json:"from"`
	To            int64    `json:"to"`
	FirstChanges  []change `json:"firstChanges"`
	Changes       []change `json:"changes"`
	ChangeCount   int      `json:"changeCount"`
	ChangeBytes   int64    `json:"changeBytes"`
	ChangesSHA256 string   `json:"changesSha256"`
}

type change struct {
	KeyGroup int32  `json:"keyGroup"`
	Size     int    `json:"size"`
	SHA256   string `json:"sha256"`
}

type operatorStateJSON struct {
	head
	States       []stateMeta `json:"states"`
	SharedDir    *string     `json:"sharedDir,omitempty"`
	TaskOwnedDir *string     `json:"taskOwnedDir,omitempty"`
	Delegate     any         `json:"delegate"`
}

type stateMeta struct {
	Name    string  `json:"name"`
	Mode    string  `json:"mode"`
	Offsets []int64 `json:"offsets"`
}

// handle writes a handle that is not a stream's: those with long lists piece by piece.
func (v *view) handle(h metadata.Handle) {
	v.separate()
	switch h := h.(type) {
	case *metadata.IncrementalHandle:
		v.begin(incrementalJSON{keyedOf(h, optional(h.HandleID)), h.CheckpointID, backendUUID(h.BackendID.String()), h.CheckpointedSize(), v.stream(h.Meta)})
		v.files("shared", h.Shared)
		v.files("private", h.Private)
	case *metadata.ChangelogHandle:
		v.begin(changelogJSON{keyedOf(h, text(h.HandleID)), h.CheckpointID, h.MaterializationID, h.Checkpointed})
		v.list("materialized", h.Materialized...)
		v.list("nonMaterialized", h.NonMaterialized...)
	case *metadata.MergedChannelHandle:
		v.mergedChannel(h)
	default:
		v.value(v.state(h))
		return
	}
	v.close('}')
}

// begin writes an object and leaves it open for more fields.
func (v *view) begin(x any) {
	v.unfinished = true
	v.value(x)
	v.unfinished = false
	v.comma = true
}

// state shows a handle that is written in one piece.
func (v *view) state(h metadata.Handle) any {
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		return v.keyGroups(h)
	case *metadata.ChangelogFileHandle:
		out := changelogFileJSON{keyedOf(h, text(h.HandleID)), h.StorageID.String(), h.Checkpointed, []part{}}
		for _, p := range h.Parts {
			out.HandlesAndOffsets = append(out.HandlesAndOffsets, part{p.Offset, v.stream(p.File)})
		}
		return out
	case *metadata.ChangelogInlineHandle:
		return changes(h)
	case *metadata.OperatorStateHandle:
		return v.operatorState(h)
	case *metadata.SingleChannelHandle:
		return channel(h, v.stream(h.Delegate))
	}
	panic(fmt.Sprintf("flinkjson: no form for %T", h)) // the sum is sealed: a missing case is a bug, found by the tests
}

func (v *view) keyGroups(h *metadata.KeyGroupsHandle) any {
	return keyGroupsJSON{keyedOf(h, optional(h.HandleID)), orEmpty(h.Offsets), v.stream(h.Delegate)}
}

func (v *view) files(name string, files []metadata.NamedFile) {
	v.key(name)
	v.open('[')
	for _, f := range files {
		v.separate()
		v.value(file{f.Name.String(), v.stream(f.File)})
	}
	v.close(']')
}

func changes(h *metadata.ChangelogInlineHandle) any {
	out := changelogInlineJSON{keyed: keyedOf(h, text(h.HandleID)), From: h.From, To: h.To, Changes: []change{}, ChangeCount: len(h.Changes)}
	all := sha256.New()
	for _, c := range h.Changes {
		out.ChangeBytes += int64(len(c.Data))
		var prefix [8]byte
		binary.BigEndian.PutUint32(prefix[:], uint32(c.KeyGroup))
		binary.BigEndian.PutUint32(prefix[4:], uint32(len(c.Data)))
		all.Write(prefix[:])
		all.Write(c.Data)
		out.Changes = append(out.Changes, change{c.KeyGroup, len(c.Data), digest(c.Data)})
	}
	out.FirstChanges = out.Changes[:min(3, len(out.Changes))]
	out.ChangesSHA256 = hex.EncodeToString(all.Sum(nil))
	return out
}

func (v *view) operatorState(h *metadata.OperatorStateHandle) any {
	out := operatorStateJSON{head: headOf(h), States: make([]stateMeta, len(h.States)), Delegate: v.stream(h.Delegate)}
	for i, s := range h.States {
		out.States[i] = stateMeta{s.Name.String(), s.Mode.String(), orEmpty(s.Offsets)}
	}
	slices.SortStableFunc(out.States, func(a, b stateMeta) int { return strings.Compare(a.Name, b.Name) })
	if h.Merging != nil {
		out.SharedDir, out.TaskOwnedDir = text(h.Merging.Shared), text(h.Merging.TaskOwned)
	}
	return out
}

type channelJSON struct {
	head
	SubtaskIndex int32   `json:"subtaskIndex"`
	Info         info    `json:"info"`
	Offsets      []int64 `json:"offsets"`
	Delegate     any     `json:"delegate"`
}

type mergedChannelJSON struct {
	head
	SubtaskIndex             int32  `json:"subtaskIndex"`
	Infos                    []info `json:"infos"`
	SerializedChannelOffsets []byte `json:"serializedChannelOffsets"` // base64
	Error                    string `json:"error,omitempty"`          // why nothing is unmerged
}

type info struct {
	Gate         *int32 `json:"gate,omitempty"`
	Channel      *int32 `json:"channel,omitempty"`
	Partition    *int32 `json:"partition,omitempty"`
	Subpartition *int32 `json:"subpartition,omitempty"`
}

func infoOf(d metadata.Direction, i metadata.ChannelInfo) info {
	if d == metadata.Input {
		return info{Gate: &i.A, Channel: &i.B}
	}
	return info{Partition: &i.A, Subpartition: &i.B}
}

func channel(h *metadata.SingleChannelHandle, delegate any) any {
	return channelJSON{headOf(h), h.Subtask, infoOf(h.Direction, h.Info), orEmpty(h.Offsets), delegate}
}

// mergedChannel writes all but the end of the object. The channels share a stream, which
// is shown once and repeated.
func (v *view) mergedChannel(h *metadata.MergedChannelHandle) {
	delegate, err := json.Marshal(v.stream(h.Delegate))
	if err != nil && v.err == nil {
		v.err = err
	}
	out := mergedChannelJSON{head: headOf(h), SubtaskIndex: h.Subtask, Infos: []info{}, SerializedChannelOffsets: h.Offsets}
	parts, err := h.Unmerge()
	if err != nil {
		out.Error = err.Error()
	}
	for _, p := range parts {
		out.Infos = append(out.Infos, infoOf(p.Direction, p.Info))
	}
	if out.SerializedChannelOffsets == nil {
		out.SerializedChannelOffsets = []byte{}
	}
	v.begin(out)
	v.key("unmerged")
	v.open('[')
	for _, p := range parts {
		v.separate()
		v.value(channel(p, json.RawMessage(delegate)))
	}
	v.close(']')
	v.field("delegate", json.RawMessage(delegate))
}

// backendUUID is the UUID that Flink makes of a backend's id: itself, or where it is
// none, the UUID named by it (UUID.nameUUIDFromBytes; ids from before FLINK-6964).
func backendUUID(id string) string {
	parts := strings.Split(id, "-")
	if len(parts) == 5 && len(id) <= 36 {
		var b [16]byte
		for i, bits := range []int{32, 16, 16, 16, 48} {
			v, err := strconv.ParseInt(parts[i], 16, 64)
			if err != nil {
				return nameUUID(id)
			}
			at := []int{0, 4, 6, 8, 10}[i]
			for k := range bits / 8 {
				b[at+k] = byte(v >> (bits - 8*(k+1)))
			}
		}
		return uuidText(b)
	}
	return nameUUID(id)
}

func nameUUID(id string) string {
	b := md5.Sum([]byte(id))
	b[6], b[8] = b[6]&0x0F|0x30, b[8]&0x3F|0x80
	return uuidText(b)
}

func uuidText(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func text(u metadata.UTF) *string {
	s := u.String()
	return &s
}

// optional is null where the file has no such string.
func optional(u metadata.UTF) *string {
	if u == "" {
		return nil
	}
	return text(u)
}

func orEmpty(o []int64) []int64 {
	if o == nil {
		return []int64{}
	}
	return o
}
