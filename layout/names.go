package layout

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Names that Flink gives (Flink: AbstractFsCheckpointStorageAccess, FsStateChangelogStorage).
const (
	MetadataName  = "_metadata"
	SharedName    = "shared"
	TaskOwnedName = "taskowned"
	ChangelogName = "dstl"

	// CopyMarkerName is the file that lies in the directory of a copy for as long as it is
	// not finished: what lies beside it is nobody's yet, and must not be taken for left over.
	CopyMarkerName = ".ckpt-copy.json"

	checkpointPrefix = "chk-"
	savepointPrefix  = "savepoint-"
	pendingPrefix    = "._metadata.inprogress."
	entropyKey       = "_entropy_"
)

// ToolDirName is the directory below a root in which ckpt keeps what is its own: journals
// of deletions, and trash. Nothing in it is Flink's, whatever it is called.
const ToolDirName = ".ckpt"

// JobID is the id of a job (Flink: org.apache.flink.api.common.JobID). All zeros is
// an id that Flink uses, so there is no zero value that means "none".
type JobID [16]byte

// ParseJobID reads the 32 lower-case hexadecimal digits that Flink names a directory
// by. It takes no other spelling, as that would be another directory.
func ParseJobID(s string) (JobID, error) {
	var id JobID
	if !isHex(s, 2*len(id)) {
		return id, fmt.Errorf("job id %q: want 32 lower-case hexadecimal digits", s)
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err
}

// String is the name of the job's directory.
func (id JobID) String() string { return hex.EncodeToString(id[:]) }

// CheckpointID is the number of a checkpoint. Savepoints take theirs from the same
// counter (Flink: CheckpointIDCounter).
type CheckpointID int64

// ParseCheckpointDir reads chk-N. Flink writes N in its shortest form; chk-007 is not
// its directory.
func ParseCheckpointDir(name string) (CheckpointID, bool) {
	digits, ok := strings.CutPrefix(name, checkpointPrefix)
	if !ok {
		return 0, false
	}
	n, ok := parseNumber(digits)
	return CheckpointID(n), ok
}

// Dir is the name of the checkpoint's directory.
func (id CheckpointID) Dir() string { return checkpointPrefix + strconv.FormatInt(int64(id), 10) }

// SavepointName is the name of a savepoint's directory.
type SavepointName struct {
	JobPrefix string // first 6 digits of the job id
	Random    string // 12 hexadecimal digits
}

// ParseSavepointName reads savepoint-xxxxxx-yyyyyyyyyyyy.
func ParseSavepointName(name string) (SavepointName, bool) {
	rest, ok := strings.CutPrefix(name, savepointPrefix)
	if !ok {
		return SavepointName{}, false
	}
	job, random, ok := strings.Cut(rest, "-")
	if !ok || !isHex(job, 6) || !isHex(random, 12) {
		return SavepointName{}, false
	}
	return SavepointName{JobPrefix: job, Random: random}, true
}

// String is the name of the directory.
func (n SavepointName) String() string { return savepointPrefix + n.JobPrefix + "-" + n.Random }

// PendingMetadataName is the temporary name of a _metadata that is being written
// (Flink: LocalRecoverableFsDataOutputStream, HadoopRecoverableFsDataOutputStream).
func PendingMetadataName(uuid string) string { return pendingPrefix + uuid }

// ParsePendingMetadata reads ._metadata.inprogress.{uuid} and returns the uuid.
func ParsePendingMetadata(name string) (uuid string, ok bool) {
	uuid, ok = strings.CutPrefix(name, pendingPrefix)
	if !ok || !IsDataFile(uuid) {
		return "", false
	}
	return uuid, true
}

// IsCopyMarker tells whether a file of this name says that the copy in its directory is
// not finished. A copy that keeps the layout has it beside its _metadata, and files of
// the copy in shared and other directories of the same root.
func IsCopyMarker(name string) bool { return name == CopyMarkerName }

// IsDataFile tells whether name is one that Flink gives to state files: a
// java.util.UUID, whatever the content.
func IsDataFile(name string) bool {
	if len(name) != 36 || name[8] != '-' || name[13] != '-' || name[18] != '-' || name[23] != '-' {
		return false
	}
	return isHex(name[:8], 8) && isHex(name[9:13], 4) && isHex(name[14:18], 4) &&
		isHex(name[19:23], 4) && isHex(name[24:], 12)
}

// parseNumber reads a decimal int64 without sign or leading zeros.
func parseNumber(s string) (int64, bool) {
	if s == "" || (s[0] == '0' && s != "0") || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// isHex tells whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
