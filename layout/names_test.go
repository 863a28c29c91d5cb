package layout

import (
	"strings"
	"testing"
)

const (
	jobA = "0dabe5b477dcf9c1853b4ecd6c07f92f"
	jobB = "495d8572c34476e61174bd4e676c9523"
	uuid = "54e8557b-0ca8-490c-b170-3a6c4599f900"
)

func TestParseCheckpointDir(t *testing.T) {
	valid := map[string]CheckpointID{"chk-0": 0, "chk-1": 1, "chk-70": 70, "chk-9223372036854775807": 1<<63 - 1}
	for name, want := range valid {
		if got, ok := ParseCheckpointDir(name); !ok || got != want {
			t.Errorf("%s: got %d, %v", name, got, ok)
		}
		if got := want.Dir(); got != name {
			t.Errorf("%d.Dir() = %s", want, got)
		}
	}
	for _, name := range []string{
		"", "chk", "chk-", "chk-007", "chk-00", "chk--1", "chk-+1", "chk- 1", "chk-1 ", "chk-1a", "chk-1.0", "Chk-1", "xchk-1",
		"chk-9223372036854775808", "chk-99999999999999999999", "chk-١", "chk-1\n", "chk-1_$folder$",
	} {
		if got, ok := ParseCheckpointDir(name); ok {
			t.Errorf("%q was taken for checkpoint %d", name, got)
		}
	}
}

func TestParseJobID(t *testing.T) {
	for _, s := range []string{jobA, strings.Repeat("0", 32), strings.Repeat("f", 32)} {
		if id, err := ParseJobID(s); err != nil || id.String() != s {
			t.Errorf("%s: got %s, %v", s, id, err)
		}
	}
	for _, s := range []string{"", jobA[:31], jobA + "0", strings.ToUpper(jobA), jobA[:31] + "g", jobA[:31] + "\n"} {
		if id, err := ParseJobID(s); err == nil {
			t.Errorf("%q was taken for job %s", s, id)
		}
	}
}

func TestParseSavepointName(t *testing.T) {
	name := "savepoint-0dabe5-06ac01f92faa"
	n, ok := ParseSavepointName(name)
	if want := (SavepointName{"0dabe5", "06ac01f92faa"}); !ok || n != want || n.String() != name {
		t.Errorf("got %+v, %v", n, ok)
	}
	for _, s := range []string{
		"", "savepoint", "savepoint-", "savepoint-0dabe5", "savepoint-0dabe5-", "savepoint-0dabe5-06ac01f92fa",
		"savepoint-0dabe5-06ac01f92faaa", "savepoint-0DABE5-06ac01f92faa", "savepoint-0dabe-06ac01f92faa", "savepoint-0dabe5-06ac01f92fa-",
	} {
		if _, ok := ParseSavepointName(s); ok {
			t.Errorf("%q was taken for a savepoint", s)
		}
	}
}

func TestParsePendingMetadata(t *testing.T) {
	if got, ok := ParsePendingMetadata(PendingMetadataName(uuid)); !ok || got != uuid {
		t.Errorf("got %q, %v", got, ok)
	}
	for _, s := range []string{"_metadata", "._metadata.inprogress.", "._metadata.inprogress.x", "_metadata.inprogress." + uuid, "._metadata.inprogress." + uuid + "x"} {
		if _, ok := ParsePendingMetadata(s); ok {
			t.Errorf("%q was taken for a temporary _metadata", s)
		}
	}
}

func TestIsDataFile(t *testing.T) {
	for s, want := range map[string]bool{
		uuid: true, strings.ToUpper(uuid): false, uuid[:35]: false, uuid + "0": false,
		strings.ReplaceAll(uuid, "-", "0"): false, strings.Replace(uuid, "-", "0", 1): false, "_metadata": false, "": false,
	} {
		if IsDataFile(s) != want {
			t.Errorf("IsDataFile(%q) = %v", s, !want)
		}
	}
}

func TestMergingNames(t *testing.T) {
	for _, name := range []string{
		"job_" + jobA + "_op_" + jobB + "_0_2",
		"job_" + jobA + "_op_" + jobB + "_12_128",
		"job_" + jobA + "_tm_2acd2957-116c-48df-9791-45f20e67a830",
		"job_" + jobA + "_tm_localhost-4321-ab",
		"job_" + jobA + "_tm_tm_1", // an id may hold what looks like a separator
	} {
		n, ok := ParseMergingName(name)
		if !ok || n.String() != name || n.Job.String() != jobA {
			t.Errorf("%s: got %+v, %v", name, n, ok)
		}
	}
	job, _ := ParseJobID(jobA)
	if got := (MergingName{Job: job, TaskManager: "localhost:4321-ab"}).String(); got != "job_"+jobA+"_tm_localhost-4321-ab" {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{
		"", "job_", "job_" + jobA, "job_" + jobA + "_tm_", "job_" + jobA + "_tm_a:b", "job_" + jobA[:31] + "_tm_a", "job_" + jobA + "_xx_a",
		"job_" + jobA + "_op_" + jobB, "job_" + jobA + "_op_" + jobB + "_0", "job_" + jobA + "_op_" + jobB + "_0_2_3",
		"job_" + jobA + "_op_" + jobB + "_00_2", "job_" + jobA + "_op_" + jobB + "_0_2147483648", "job_" + jobA + "_op_" + jobB + "_-1_2",
		"job_" + jobA + "_op_" + strings.ToUpper(jobB) + "_0_2", "job_" + jobA + "_op_abc_0_2",
	} {
		if n, ok := ParseMergingName(name); ok {
			t.Errorf("%q was taken for %+v", name, n)
		}
	}
}
