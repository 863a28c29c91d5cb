package testdata

import (
	"fmt"
	"math/rand/v2"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Large is a checkpoint of incremental RocksDB state: operators x subtasks handles
// of files shared files each, with absolute paths below one s3 directory. It has the
// shape of what generator/peer.sh writes with Flink.
func Large(operators, subtasks, files int) *metadata.Checkpoint {
	r := rand.New(rand.NewPCG(7, 7))
	uuid := func() metadata.UTF {
		a, b := r.Uint64(), r.Uint64()
		return metadata.UTF(fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff))
	}
	const shared = "s3://bucket/flink/checkpoints/0123456789abcdef0123456789abcdef/shared/"
	c := &metadata.Checkpoint{Version: metadata.Version6, ID: 42, Properties: &metadata.Properties{DiscardSubsumed: true, DiscardFinished: true,
		Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}}
	for o := range operators {
		op := metadata.OperatorState{Name: metadata.UTF(fmt.Sprintf("operator-%d", o)), UID: metadata.UTF(fmt.Sprintf("uid-%d", o)),
			Parallelism: int32(subtasks), MaxParallelism: 32768}
		op.ID = metadata.OperatorIDOf(op.UID.String())
		for s := range subtasks {
			h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: 42, BackendID: uuid(), HandleID: uuid(),
				Range: metadata.RangeOf(op.MaxParallelism, op.Parallelism, int32(s)), Meta: &metadata.FileHandle{Path: shared + uuid(), Size: 1 << 20}}
			for f := range files {
				h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(fmt.Sprintf("%06d.sst", f)),
					File: &metadata.FileHandle{Path: shared + uuid(), Size: 64 << 20}})
			}
			for _, n := range []metadata.UTF{"CURRENT", "MANIFEST-000005", "OPTIONS-000012"} {
				h.Private = append(h.Private, metadata.NamedFile{Name: n, File: &metadata.InlineHandle{Name: uuid(), Data: make([]byte, 64)}})
			}
			h.Checkpointed = h.StateSize()
			op.Subtasks = append(op.Subtasks, metadata.SubtaskState{Index: int32(s), ManagedKeyed: h})
		}
		c.Operators = append(c.Operators, op)
	}
	return c
}
