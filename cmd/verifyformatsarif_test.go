package cmd

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

func TestPercentEncode(t *testing.T) {
	for _, c := range []struct{ root, want string }{
		{"/", "file:///"},
		{"/data/a b", "file:///data/a%20b/"},
		{"s3://bucket", "s3://bucket/"},
		{"s3://bucket/ü%20?#", "s3://bucket/%C3%BC%2520%3F%23/"},
		{"abfs://c@a.dfs.core.windows.net/x", "abfs://c@a.dfs.core.windows.net/x/"},
		{"hdfs://host:9000/a:b", "hdfs://host:9000/a%3Ab/"},
		{"mem://x/\xff", "mem://x/%FF/"},
	} {
		got := rootURI(c.root)
		if got != c.want {
			t.Errorf("%s: have %s, want %s", c.root, got, c.want)
		}
		if u, err := url.Parse(got); err != nil || u.Path != strings.TrimSuffix(layout.ParsePlace(c.root).Path, "/")+"/" {
			t.Errorf("%s: parses as %v, %v", got, u, err)
		}
	}
}

// looseLog is a SARIF log as a reader sees it who does not know this writer.
type looseLog struct {
	Schema  string `json:"$schema"`
	Version string
	Runs    []looseRun
}

type looseRun struct {
	Tool struct {
		Driver struct {
			Name, Version string
			Rules         []struct {
				ID                                      string
				ShortDescription, FullDescription, Help struct{ Text string }
			}
		}
	}
	Invocations        []struct{ ExecutionSuccessful *bool }
	OriginalUriBaseIds map[string]struct{ URI string }
	Results            []struct {
		RuleID    string
		RuleIndex int
		Level     string
		Message   struct{ Text string }
		Locations []struct {
			PhysicalLocation struct {
				ArtifactLocation struct{ URI, UriBaseId string }
				Region           *struct{ ByteOffset int64 }
			}
		}
		PartialFingerprints map[string]string
		Properties          map[string]any
	}
}

// What the standard's schema and GitHub's reader ask for.
func TestSARIF(t *testing.T) {
	pinVersion(t)
	for name, r := range verifyReports() {
		log := readLog(t, written(t, writeSARIF, r))
		if log.Version != "2.1.0" || len(log.Runs) != 1 || !strings.HasSuffix(log.Schema, "sarif-schema-2.1.0.json") {
			t.Fatalf("%s: version %s, schema %s, %d runs", name, log.Version, log.Schema, len(log.Runs))
		}
		run := log.Runs[0]
		if len(run.Invocations) != 1 || run.Invocations[0].ExecutionSuccessful == nil || *run.Invocations[0].ExecutionSuccessful != (name == "clean") {
			t.Errorf("%s: invocations %+v", name, run.Invocations)
		}
		base, err := url.Parse(run.OriginalUriBaseIds["ROOT"].URI)
		if err != nil || !base.IsAbs() || !strings.HasSuffix(base.Path, "/") {
			t.Errorf("%s: the root %v, %v", name, base, err)
		}
		if run.Results == nil {
			t.Errorf("%s: null for no results", name)
		}
		checkRules(t, name, run)
		checkResults(t, name, run)
	}
}

func readLog(t *testing.T, out string) (log looseLog) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

func checkRules(t *testing.T, name string, run looseRun) {
	t.Helper()
	ids := map[string]bool{}
	for _, rule := range run.Tool.Driver.Rules {
		if ids[rule.ID] || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" || rule.Help.Text == "" {
			t.Errorf("%s: the rule %+v is there twice or has no description", name, rule)
		}
		ids[rule.ID] = true
	}
}

// checkResults makes sure that no location has a scheme, for which GitHub refuses a log.
func checkResults(t *testing.T, name string, run looseRun) {
	t.Helper()
	rules, prints := run.Tool.Driver.Rules, map[string]bool{}
	for _, result := range run.Results {
		if result.RuleIndex >= len(rules) || rules[result.RuleIndex].ID != result.RuleID || result.Message.Text == "" || len(result.Locations) != 1 {
			t.Fatalf("%s: %+v", name, result)
		}
		if !slices.Contains([]string{"error", "warning", "note"}, result.Level) {
			t.Errorf("%s: level %q", name, result.Level)
		}
		at := result.Locations[0].PhysicalLocation
		where, err := url.Parse(at.ArtifactLocation.URI)
		if err != nil || where.IsAbs() || at.ArtifactLocation.UriBaseId != "ROOT" || at.Region != nil && at.Region.ByteOffset < 0 {
			t.Errorf("%s: location %+v, %v", name, at, err)
		}
		print := fmt.Sprint(result.PartialFingerprints)
		if prints[print] {
			t.Errorf("%s: two results have the fingerprint %s", name, print)
		}
		prints[print] = true
	}
}

// A finding is the same one when its message has changed, and of two in one place each
// is one of its own.
func TestSARIFFingerprints(t *testing.T) {
	prints := func(messages ...string) (all []string) {
		r := verifyReport{Root: "/r", Results: []verify.Result{verifyResult("/r", "c", verify.Damaged)}}
		for _, m := range messages {
			r.Results[0].Findings = append(r.Results[0].Findings, verify.Finding{Severity: verify.Error, Reason: verify.Size, URL: "/r/c/f", Offset: -1, Message: m})
		}
		for _, result := range readLog(t, written(t, writeSARIF, r)).Runs[0].Results {
			all = append(all, result.PartialFingerprints["primaryLocationLineHash"])
		}
		return all
	}
	before, after := prints("37 hours", "other"), prints("38 hours", "other")
	if before[0] == before[1] || before[0] != after[0] || before[1] != after[1] {
		t.Errorf("%q, then %q", before, after)
	}
}

// A name survives in a URI, whatever it is.
func TestSARIFLocationIsExact(t *testing.T) {
	r := hostileReport()
	s := sarifWriter{verifyReport: &r}
	base, err := url.Parse(rootURI(r.Root))
	if err != nil {
		t.Fatal(err)
	}
	file := r.Results[0].Findings[0].URL
	where, err := base.Parse(s.at(file, -1).Physical.Artifact.URI)
	if err != nil || where.Path != file {
		t.Errorf("have %q, %v, want %q", where.Path, err, file)
	}
}

// The table of rules has every reason that a finding can have, and every rule of the gate.
func TestSARIFRulesAreComplete(t *testing.T) {
	known := map[string]bool{}
	for _, rule := range sarifRules {
		known[rule.ID] = true
	}
	reasons := constantsOf(t, "../layout/verify", "Reason")
	if len(reasons) < 8 {
		t.Fatalf("only the reasons %q", reasons)
	}
	for _, rule := range []string{gate.MaxOrphanBytes, gate.MaxGrowth, gate.RequiredUIDs, gate.MinRestorable, gate.MaxAge, gate.Jobs} {
		reasons = append(reasons, "gate/"+rule)
	}
	for _, id := range append(reasons, "unreadable") {
		if !known[id] {
			t.Errorf("no rule for %q", id)
		}
	}
	r := verifyReport{Root: "/r", Results: []verify.Result{verifyResult("/r", "c", verify.Damaged, verify.Finding{Severity: verify.Error, Reason: "new", URL: "/r/c/f", Offset: -1, Message: "m"})}}
	if out := written(t, writeSARIF, r); !strings.Contains(out, fmt.Sprintf(`"ruleIndex": %d`, len(sarifRules))) {
		t.Errorf("a reason without a rule: %s", out)
	}
}

// constantsOf are the values of the string constants of a type.
func constantsOf(t *testing.T, dir, typ string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) == 0 {
				return true
			}
			name, named := spec.Type.(*ast.Ident)
			literal, text := spec.Values[0].(*ast.BasicLit)
			if named && text && name.Name == typ {
				v, _ := strconv.Unquote(literal.Value)
				values = append(values, v)
			}
			return true
		})
	}
	return values
}
