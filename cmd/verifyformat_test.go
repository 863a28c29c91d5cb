package cmd

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// hostileName is a path as an attacker or a broken program might make it.
const hostileName = "a]]>b\"'<&%\n::error::x\r\x1b[31m,:##[error]\xff\ufffe\u202e\x00 ü"

func verifyResult(root, dir string, verdict verify.Verdict, findings ...verify.Finding) verify.Result {
	r := verify.Result{URL: layout.Join(root, dir), Verdict: verdict, Findings: findings}
	r.Dir, r.Kind, r.State = dir, layout.Checkpoint, layout.Complete
	return r
}

// verifyReports are the reports of which there are goldens.
func verifyReports() map[string]verifyReport {
	const root, job = "s3://bucket/flink data", "495d8572c34476e61174bd4e676c9523"
	by := &layout.Referrer{Operator: metadata.OperatorIDOf("agg"), UID: "agg", Name: "Aggregate", Subtask: 3, Slot: metadata.ManagedKeyed,
		Role: metadata.SharedFile, Class: "FileStateHandle", File: "000012.sst"}
	coordinator := &layout.Referrer{Operator: metadata.OperatorID{1}, Subtask: -1}
	findings := []verify.Finding{
		{Severity: verify.Warning, Reason: verify.Encoding, URL: root + "/" + job + "/chk-6/_metadata", Offset: 17, By: coordinator, Message: "the state is odd"},
		{Severity: verify.Error, Reason: verify.Missing, URL: root + "/" + job + "/shared/a b:c", Offset: -1, By: by, Message: "the file is missing", Hint: "look for it"},
		{Severity: verify.Error, Reason: verify.Checksum, URL: "s3://other/place/f", Offset: 4096, By: by, Message: "a block of the file is broken"},
	}
	info := verify.Finding{Severity: verify.Info, Reason: verify.Path, URL: root + "/" + job + "/chk-5/_metadata", Offset: -1, Message: "worth knowing"}
	corrupt := verify.Finding{Severity: verify.Error, Reason: verify.Encoding, URL: root + "/" + job + "/chk-4/_metadata", Offset: 0, Message: "not a _metadata file"}
	refused := verifyResult(root, job+"/chk-3", verify.Unreadable)
	refused.Err = &fs.PathError{Op: "open", Path: root + "/" + job + "/chk-3/_metadata", Err: fs.ErrPermission}
	mixed := verifyReport{Root: root, Level: verify.Files, Elapsed: 1234567 * time.Microsecond, Results: []verify.Result{
		refused,
		verifyResult(root, job+"/chk-4", verify.Unreadable, corrupt),
		verifyResult(root, job+"/chk-5", verify.OK, info),
		verifyResult(root, job+"/chk-6", verify.Damaged, findings...),
		verifyResult(root, job+"/chk-7", verify.OK),
	}}
	mixed.Errors = []error{&fs.PathError{Op: "list", Path: root + "/locked", Err: fs.ErrPermission}}
	mixed.Asked = []gate.Question{{Rule: gate.MaxGrowth, Job: job}, {Rule: gate.MinRestorable, Job: job}, {Rule: gate.MaxAge, Job: job}, {Rule: gate.MaxOrphanBytes}}
	mixed.Gate = []gate.Breach{
		{Question: mixed.Asked[0], Path: root + "/" + job + "/chk-7", Message: "there is no checkpoint before it to compare with", Unclear: true},
		{Question: mixed.Asked[2], Path: root + "/" + job + "/chk-7", Message: "the newest checkpoint is 37h0m0s old, and 36h0m0s are allowed", Hint: "the job may have stopped"},
		{Question: mixed.Asked[3], Path: root, Message: "8 bytes are used by no checkpoint, and 7 bytes are allowed"},
	}
	clean := verifyReport{Root: "/data/flink", Level: verify.Content, Results: []verify.Result{verifyResult("/data/flink", "", verify.OK)}}
	return map[string]verifyReport{"mixed": mixed, "clean": clean, "hostile": hostileReport()}
}

// hostileReport has the name wherever a name can stand.
func hostileReport() verifyReport {
	root := "/data/" + hostileName
	by := &layout.Referrer{UID: hostileName, Name: hostileName, Class: hostileName, File: hostileName}
	f := verify.Finding{Severity: verify.Error, Reason: verify.Missing, URL: root + "/chk-1/" + hostileName, Offset: 3, By: by, Message: hostileName, Hint: hostileName}
	unread := verifyResult(root, hostileName, verify.Unreadable)
	unread.Err = errors.New(hostileName)
	q := gate.Question{Rule: gate.RequiredUIDs, Job: hostileName}
	return verifyReport{Root: root, Level: verify.Files, Results: []verify.Result{verifyResult(root, "chk-1/"+hostileName, verify.Damaged, f), unread},
		Asked: []gate.Question{q}, Gate: []gate.Breach{{Question: q, Path: root + "/" + hostileName, Message: hostileName, Hint: hostileName}},
		Errors: []error{&fs.PathError{Op: "list", Path: hostileName, Err: errors.New(hostileName)}}}
}

// written is a report in a form, twice the same.
func written(t *testing.T, write func(io.Writer, verifyReport) error, r verifyReport) string {
	t.Helper()
	var first, second strings.Builder
	if err := errors.Join(write(&first, r), write(&second, r)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Error("the same report makes different bytes")
	}
	return first.String()
}

// pinVersion makes the binary of a known version.
func pinVersion(t *testing.T) {
	before := version
	version = "1.2.3"
	t.Cleanup(func() { version = before })
}

func TestVerifyFormatsGolden(t *testing.T) {
	pinVersion(t)
	for name, r := range verifyReports() {
		golden(t, "verify-"+name+".xml", written(t, writeJUnit, r))
		golden(t, "verify-"+name+".sarif", written(t, writeSARIF, r))
		golden(t, "verify-"+name+".txt", written(t, writeGitHub, r))
	}
}

func TestVerifyFormatsFailWithTheOutput(t *testing.T) {
	for _, write := range []func(io.Writer, verifyReport) error{writeJUnit, writeSARIF, writeGitHub} {
		if err := write(brokenWriter{}, verifyReport{}); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("the error of the output is lost: %v", err)
		}
	}
}

type brokenWriter struct{}

// Write implements io.Writer.
func (brokenWriter) Write([]byte) (int, error) { return 0, fs.ErrClosed }

// Nothing that a terminal obeys, and no broken text, gets out.
func TestVerifyFormatsAreSafe(t *testing.T) {
	for _, write := range []func(io.Writer, verifyReport) error{writeJUnit, writeSARIF, writeGitHub} {
		out := written(t, write, hostileReport())
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && isHarmful(r) }) {
			t.Errorf("harmful characters in %q", out)
		}
	}
}

func TestJUnitIsXML(t *testing.T) {
	for name, r := range verifyReports() {
		out := written(t, writeJUnit, r)
		var back junitReport
		if err := xml.Unmarshal([]byte(out), &back); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if strings.ContainsAny(out, "\ufffe\uffff\ufffd") {
			t.Errorf("%s: characters that XML has not, or that were lost", name)
		}
		var all junitCounts
		seen := map[string]bool{}
		for _, s := range back.Suites {
			var n junitCounts
			for _, c := range s.Cases {
				n.count(c)
				all.count(c)
				if key := c.Class + " " + c.Name; c.Name == "" || seen[key] {
					t.Errorf("%s: the test %q has no name of its own", name, key)
				} else {
					seen[key] = true
				}
			}
			if n != s.junitCounts {
				t.Errorf("%s: %s says %+v and has %+v", name, s.Name, s.junitCounts, n)
			}
		}
		if all != back.junitCounts {
			t.Errorf("%s: the report says %+v and has %+v", name, back.junitCounts, all)
		}
	}
}

// An answer to a question that was not asked is not lost.
func TestJUnitBreachWithoutQuestion(t *testing.T) {
	r := verifyReport{Gate: []gate.Breach{{Question: gate.Question{Rule: gate.MaxAge}, Message: "old"}}}
	if out := written(t, writeJUnit, r); !strings.Contains(out, `<failure message="old"`) {
		t.Error(out)
	}
}

// command is the grammar of GitHub's runner: a name, properties, and the data.
var command = regexp.MustCompile(`^::(error|warning|notice) ((?:[a-z]+=[^:,]*)(?:,[a-z]+=[^:,]*)*)::(.*)$`)

func TestGitHubCommands(t *testing.T) {
	for name, r := range verifyReports() {
		out := written(t, writeGitHub, r)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for _, line := range lines {
			m := command.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s: not a command: %q", name, line)
				continue
			}
			for _, escaped := range append(strings.Split(m[2], ","), m[3]) {
				if rest := regexp.MustCompile(`%(25|0D|0A|3A|2C)`).ReplaceAllString(escaped, ""); strings.Contains(rest, "%") {
					t.Errorf("%s: a bare %% in %q", name, escaped)
				}
			}
		}
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "::notice title=ckpt verify::") {
			t.Errorf("%s: no summary at the end, but %q", name, last)
		}
	}
}

func TestAnnotationEscapes(t *testing.T) {
	a := annotation{"error", "s3://b/a,b%", "x: y, z", []string{"100%: a, b", "c"}}
	want := "::error file=s3%3A//b/a%2Cb%25,title=x%3A y%2C z::100%25: a, b%0Ac\n"
	if got := a.String(); got != want {
		t.Errorf("have %q, want %q", got, want)
	}
}

// What could not be checked is never a success.
func TestVerifyReportWhole(t *testing.T) {
	for name, r := range map[string]verifyReport{
		"unreadable": {Results: []verify.Result{{Verdict: verify.OK}, {Verdict: verify.Unreadable}}},
		"unclear":    {Gate: []gate.Breach{{}, {Unclear: true}}},
		"unlisted":   {Errors: []error{fs.ErrPermission}},
	} {
		if r.whole() {
			t.Errorf("%s: said to be whole", name)
		}
	}
	r := verifyReport{Results: []verify.Result{{Verdict: verify.Damaged}}, Gate: []gate.Breach{{}}}
	if !r.whole() {
		t.Error("what is wrong was checked all the same")
	}
}
