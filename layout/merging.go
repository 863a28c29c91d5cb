package layout

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// MergingName is the name of a directory of merged files: of one sub-task below
// shared/, or of one TaskManager below taskowned/ (Flink:
// FileMergingSnapshotManager.SubtaskKey, FileMergingSnapshotManagerBase).
type MergingName struct {
	Job JobID

	TaskManager string // "" below shared/; otherwise in the form that MergingName.String gives it

	Vertex               metadata.OperatorID // Flink: JobVertexID, the id of the first operator of a chain
	Subtask, Parallelism int32
}

// ParseMergingName reads job_{job-id}_op_{vertex-id}_{subtask}_{parallelism} and
// job_{job-id}_tm_{resource-id}.
func ParseMergingName(name string) (MergingName, bool) {
	var n MergingName
	rest, ok := strings.CutPrefix(name, "job_")
	if !ok || len(rest) < 32 {
		return n, false
	}
	job, err := ParseJobID(rest[:32])
	if err != nil {
		return n, false
	}
	n.Job, rest = job, rest[32:]
	if tm, ok := strings.CutPrefix(rest, "_tm_"); ok {
		n.TaskManager = tm
		return n, tm != "" && managed(tm) == tm
	}
	return n.parseSubtask(rest)
}

// parseSubtask reads _op_{vertex-id}_{subtask}_{parallelism}.
func (n MergingName) parseSubtask(rest string) (MergingName, bool) {
	rest, ok := strings.CutPrefix(rest, "_op_")
	if !ok || len(rest) < 33 || rest[32] != '_' || !isHex(rest[:32], 32) {
		return n, false
	}
	n.Vertex, _ = metadata.ParseOperatorID(rest[:32])
	subtask, parallelism, ok := strings.Cut(rest[33:], "_")
	if !ok {
		return n, false
	}
	s, ok1 := parseInt32(subtask)
	p, ok2 := parseInt32(parallelism)
	n.Subtask, n.Parallelism = s, p
	return n, ok1 && ok2
}

// String is the name of the directory.
func (n MergingName) String() string {
	if n.TaskManager != "" {
		return fmt.Sprintf("job_%s_tm_%s", n.Job, managed(n.TaskManager))
	}
	return fmt.Sprintf("job_%s_op_%s_%d_%d", n.Job, n.Vertex, n.Subtask, n.Parallelism)
}

// managed replaces the characters that Flink keeps out of these names, such as the
// colon in localhost:4321-ab.
func managed(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(";/?:@&=+$,[]", r) {
			return '-'
		}
		return r
	}, s)
}

// parseInt32 is parseNumber for the width of a Java int.
func parseInt32(s string) (int32, bool) {
	n, ok := parseNumber(s)
	if !ok || strconv.FormatInt(int64(int32(n)), 10) != s {
		return 0, false
	}
	return int32(n), true
}
