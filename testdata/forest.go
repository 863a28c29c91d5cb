package testdata

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Forest is the shape of a large tree of incremental checkpoints.
type Forest struct {
	Jobs        int
	Checkpoints int   // of each job
	References  int   // of each checkpoint
	Own         int   // of these, files that no other checkpoint uses
	Advance     int   // by how many files of shared/ a checkpoint differs from the one before
	Size        int64 // of the largest file; 64 MiB where 0
}

// Million is 1,000,000 files in 2,000 checkpoints of 2,000 references each.
var Million = Forest{Jobs: 10, Checkpoints: 200, References: 2000, Own: 99, Advance: 400}

// Wide is one checkpoint of 100,000 references.
var Wide = Forest{Jobs: 1, Checkpoints: 1, References: 100_000, Own: 99, Advance: 99_901}

// Files is how many files Write makes: own files, shared ones and a _metadata each.
func (f Forest) Files() int {
	return f.Jobs * (f.Checkpoints*(f.Own+1) + f.shared())
}

func (f Forest) shared() int { return f.Checkpoints * f.Advance }

// Write makes the tree below dir. The files are sparse: of their sizes, but without
// blocks. Every file is referenced by at least one checkpoint.
func (f Forest) Write(dir string) error {
	r := rand.New(rand.NewPCG(1, 2))
	for range f.Jobs {
		if err := f.writeJob(filepath.Join(dir, fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())), r); err != nil {
			return err
		}
	}
	return nil
}

func (f Forest) writeJob(job string, r *rand.Rand) error {
	shared := make([]*metadata.FileHandle, f.shared())
	if err := f.sparse(filepath.Join(job, "shared"), shared, r); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(job, "taskowned"), 0o755); err != nil {
		return err
	}
	for n := range f.Checkpoints {
		dir := filepath.Join(job, fmt.Sprintf("chk-%d", n+1))
		own := make([]*metadata.FileHandle, f.Own)
		if err := f.sparse(dir, own, r); err != nil {
			return err
		}
		files := own
		for i := range f.References - f.Own {
			files = append(files, shared[(n*f.Advance+i)%len(shared)])
		}
		data, err := metadata.Encode(ForestCheckpoint(int64(n+1), files))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sparse makes a file for each element of files, and fills these in.
func (f Forest) sparse(dir string, files []*metadata.FileHandle, r *rand.Rand) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range files {
		path := filepath.Join(dir, fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>20, r.Uint32()>>20, r.Uint64()>>16))
		size := 1 + r.Int64N(cmp.Or(f.Size, 64<<20))
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := file.Truncate(size); err != nil {
			return err
		}
		if err := file.Close(); err != nil {
			return err
		}
		files[i] = &metadata.FileHandle{Path: metadata.UTF("file:" + path), Size: size}
	}
	return nil
}

// ForestCheckpoint has 4 sub-tasks that share the files out.
func ForestCheckpoint(id int64, files []*metadata.FileHandle) *metadata.Checkpoint {
	const subtasks = 4
	op := metadata.OperatorState{Name: "window", UID: "window", ID: metadata.OperatorIDOf("window"), Parallelism: subtasks, MaxParallelism: 128}
	for s := range subtasks {
		h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: id, BackendID: "0f8fad5b-d9cb-469f-a165-70867728950e", HandleID: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
			Range: metadata.RangeOf(op.MaxParallelism, op.Parallelism, int32(s)), Meta: &metadata.InlineHandle{Name: "meta", Data: make([]byte, 200)}}
		for i := s; i < len(files); i += subtasks {
			h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(fmt.Sprintf("%06d.sst", i)), File: files[i]})
		}
		h.Checkpointed = h.StateSize()
		op.Subtasks = append(op.Subtasks, metadata.SubtaskState{Index: int32(s), ManagedKeyed: h})
	}
	return &metadata.Checkpoint{Version: metadata.Version6, ID: id, Operators: []metadata.OperatorState{op},
		Properties: &metadata.Properties{DiscardSubsumed: true, Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}}
}
