package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/verify"
)

// verifyJSON is the JSON of `ckpt verify`.
type verifyJSON struct {
	Schema      string             `json:"schema"`
	Root        string             `json:"root"`
	Level       verify.Level       `json:"level"`
	Sample      string             `json:"sample,omitempty"`
	Seed        uint64             `json:"seed,omitempty"` // of the sample
	Checkpoints []verifyCheckpoint `json:"checkpoints"`
	Gate        []verifyBreach     `json:"gate,omitempty"`
	Errors      []lsError          `json:"errors,omitempty"`
}

// verifyCheckpoint is one snapshot.
type verifyCheckpoint struct {
	Path     string          `json:"path"` // below the root, "." for the root itself
	Job      *string         `json:"job"`
	ID       *int64          `json:"id"`
	Kind     string          `json:"kind"`
	Verdict  verify.Verdict  `json:"verdict"`
	Reason   string          `json:"reason,omitempty"` // why it is unreadable
	Findings []verifyFinding `json:"findings"`

	References  int   `json:"references"`  // in its _metadata
	Files       int   `json:"files"`       // that it names, each once, and its _metadata
	Bytes       int64 `json:"bytes"`       // of these
	FilesRead   int   `json:"filesRead"`   // with level content
	BytesRead   int64 `json:"bytesRead"`   // likewise
	FoundByTail int   `json:"foundByTail"` // references that were found by the tails of their paths
}

// verifyFinding is one thing that is wrong. Null stands for what does not apply.
type verifyFinding struct {
	Severity   verify.Severity `json:"severity"`
	Path       string          `json:"path"` // below the root, a URL where it lies elsewhere
	Reason     verify.Reason   `json:"reason"`
	Operator   *string         `json:"operator"` // uid where known, else name, else id
	OperatorID *string         `json:"operatorId"`
	Subtask    *int32          `json:"subtask"`
	Handle     *string         `json:"handle"` // Flink's class
	State      *string         `json:"state"`  // the kind of state, as inspect names it
	File       *string         `json:"file"`   // within a database, such as 000012.sst
	Offset     *int64          `json:"offset"` // in the file
	Message    string          `json:"message"`
	Hint       string          `json:"hint,omitempty"`
}

// verifyBreach is a rule of the gate that does not hold, or could not be checked.
type verifyBreach struct {
	Rule    string `json:"rule"`
	Job     string `json:"job,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Unclear bool   `json:"unclear"` // whether the rule holds could not be told
}

// print writes the report in the form that was asked for.
func (v *verification) print() error {
	slices.SortStableFunc(v.report.Results, func(a, b verify.Result) int {
		return cmp.Or(cmp.Compare(a.JobName(), b.JobName()), cmp.Compare(a.ID, b.ID), cmp.Compare(a.URL, b.URL))
	})
	switch v.opts.format {
	case "junit":
		return writeJUnit(v.env.Out, v.report)
	case "sarif":
		return writeSARIF(v.env.Out, v.report)
	case "github":
		return writeGitHub(v.env.Out, v.report)
	}
	switch v.env.Output {
	case JSON:
		return v.env.writeJSON(v.json())
	case TSV:
		return v.printTSV()
	}
	return v.printTable()
}

// path is a URL below the root, or the URL.
func (v *verification) path(url string) string { return v.report.relative(url) }

func (v *verification) json() verifyJSON {
	j := verifyJSON{Schema: "ckpt.verify/v1", Root: v.report.Root, Level: v.report.Level, Sample: v.opts.sample, Checkpoints: []verifyCheckpoint{}}
	if v.opts.sample != "" {
		j.Seed = v.settings.Sample.Seed
	}
	for i := range v.report.Results {
		j.Checkpoints = append(j.Checkpoints, v.checkpoint(&v.report.Results[i]))
	}
	for _, b := range v.report.Gate {
		j.Gate = append(j.Gate, verifyBreach{Rule: string(b.Rule), Job: b.Job, Path: v.path(b.Path), Message: b.Message, Hint: b.Hint, Unclear: b.Unclear})
	}
	for _, err := range v.report.Errors {
		j.Errors = append(j.Errors, lsError{Path: pathOf(err), Message: err.Error()})
	}
	return j
}

func (v *verification) checkpoint(r *verify.Result) verifyCheckpoint {
	c := verifyCheckpoint{Path: v.path(r.URL), Job: orNull(r.JobName()), Kind: string(r.Kind), Verdict: r.Verdict, Findings: []verifyFinding{},
		References: r.References, Files: r.Files, Bytes: r.Bytes, FilesRead: r.Read, BytesRead: r.ReadBytes, FoundByTail: r.ByTail}
	if r.HasID {
		c.ID = new(r.ID)
	}
	if r.Err != nil {
		c.Reason = r.Err.Error()
	}
	for i := range r.Findings {
		c.Findings = append(c.Findings, v.finding(&r.Findings[i]))
	}
	return c
}

func (v *verification) finding(f *verify.Finding) verifyFinding {
	j := verifyFinding{Severity: f.Severity, Path: v.path(f.URL), Reason: f.Reason, Message: f.Message, Hint: f.Hint}
	if f.Offset >= 0 {
		j.Offset = new(f.Offset)
	}
	if f.By != nil {
		j.Operator, j.OperatorID = new(f.By.Label()), new(f.By.Operator.String())
		j.Handle, j.File = orNull(f.By.Class), orNull(f.By.File)
		if f.By.Subtask >= 0 {
			j.Subtask = new(f.By.Subtask)
		}
		if f.By.Class != "" || f.Reason == verify.KeyGroups {
			j.State = new(f.By.Slot.String())
		}
	}
	return j
}

// printTSV has a row for each finding, and one for a checkpoint without any.
func (v *verification) printTSV() error {
	var columns []column
	for _, title := range []string{"PATH", "VERDICT", "SEVERITY", "REASON", "FILE", "OFFSET", "OPERATOR", "SUBTASK", "HANDLE", "MESSAGE"} {
		columns = append(columns, column{title: title})
	}
	t := v.env.newTable(columns...)
	for i := range v.report.Results {
		c := v.checkpoint(&v.report.Results[i])
		if len(c.Findings) == 0 {
			if err := t.row(text(c.Path), text(string(c.Verdict)), text(""), text(""), text(""), text(""), text(""), text(""), text(""), text(c.Reason)); err != nil {
				return err
			}
		}
		for _, f := range c.Findings {
			if err := t.row(text(c.Path), text(string(c.Verdict)), text(string(f.Severity)), text(string(f.Reason)), text(f.Path), optionalNumber(f.Offset),
				optional(f.Operator), optionalNumber(f.Subtask), optional(f.Handle), text(f.Message)); err != nil {
				return err
			}
		}
	}
	for _, b := range v.report.Gate {
		if err := t.row(text(v.path(b.Path)), text("gate"), text("error"), text(string(b.Rule)), text(""), text(""), text(""), text(""), text(""), text(b.Message)); err != nil {
			return err
		}
	}
	return t.close()
}

// printTable has a row for each checkpoint, and what is wrong below the table.
func (v *verification) printTable() error {
	t := v.env.newTable(column{title: "PATH", shrink: true}, column{title: "KIND"}, column{title: "VERDICT"},
		column{title: "FILES", right: true}, column{title: "SIZE", right: true}, column{title: "FINDINGS", right: true})
	for i := range v.report.Results {
		r := &v.report.Results[i]
		if err := t.row(text(v.path(r.URL)), text(string(r.Kind)), text(string(r.Verdict)).in(verdictStyle(r.Verdict)),
			number(int64(r.Files)), v.env.size(r.Bytes), number(int64(worthTelling(v.env, r)))); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	var b strings.Builder
	for i := range v.report.Results {
		v.tell(&b, &v.report.Results[i])
	}
	for _, breach := range v.report.Gate {
		word := v.env.paintOut(red, "gate")
		if breach.Unclear {
			word = v.env.paintOut(yellow, "gate, not checked")
		}
		fmt.Fprintf(&b, "\n%s: %s of %s:\n  %s\n", word, breach.Rule, escape(cmp.Or(breach.Job, v.path(breach.Path))), v.env.wrap(escape(breach.Message), "  "))
		if breach.Hint != "" {
			fmt.Fprintf(&b, "  %s %s\n", v.env.paintOut(cyan, "hint:"), v.env.wrapAfter(len("  hint: "), escape(breach.Hint), "  "))
		}
	}
	v.summarize(&b)
	_, err := fmt.Fprint(v.env.Out, b.String())
	return err
}

func verdictStyle(v verify.Verdict) style {
	switch v {
	case verify.OK:
		return green
	case verify.Damaged:
		return red
	}
	return yellow
}

// worthTelling is how many findings people are told of: the rest with --verbose.
func worthTelling(env *Env, r *verify.Result) int {
	n := 0
	for i := range r.Findings {
		if env.Verbose || r.Findings[i].Severity != verify.Info {
			n++
		}
	}
	return n
}

// mostFindings is how many findings of a checkpoint people are shown.
const mostFindings = 10

// tell writes what is wrong with one snapshot.
func (v *verification) tell(b *strings.Builder, r *verify.Result) {
	if r.Err == nil && worthTelling(v.env, r) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s is %s", escape(v.path(r.URL)), v.env.paintOut(verdictStyle(r.Verdict), string(r.Verdict)))
	if r.Err != nil {
		fmt.Fprintf(b, ":\n  %s", v.env.wrap(escape(r.Err.Error()), "  "))
	}
	b.WriteByte('\n')
	shown, hint := 0, ""
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Severity == verify.Info && !v.env.Verbose {
			continue
		}
		if shown++; shown <= mostFindings || v.env.Verbose {
			v.tellFinding(b, f)
		}
		hint = cmp.Or(hint, f.Hint)
	}
	if left := shown - mostFindings; left > 0 && !v.env.Verbose {
		fmt.Fprintf(b, "  and %d more: --verbose or -o json has all\n", left)
	}
	if hint != "" {
		fmt.Fprintf(b, "  %s %s\n", v.env.paintOut(cyan, "hint:"), v.env.wrapAfter(len("  hint: "), escape(hint), "  "))
	}
}

func (v *verification) tellFinding(b *strings.Builder, f *verify.Finding) {
	where := escape(v.path(f.URL))
	if f.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", f.Offset)
	}
	fmt.Fprintf(b, "  %s: %s\n", where, v.env.wrapAfter(len(where)+4, escape(f.Message), "    "))
	if f.By == nil {
		return
	}
	fmt.Fprintf(b, "    %s\n", v.env.paintOut(faint, escape(f.By.String())))
}

// summarize closes with one line.
func (v *verification) summarize(b *strings.Builder) {
	counts := map[verify.Verdict]int{}
	tails, read := 0, int64(0)
	for i := range v.report.Results {
		r := &v.report.Results[i]
		counts[r.Verdict]++
		tails += r.ByTail
		read += r.ReadBytes
	}
	fmt.Fprintf(b, "\n%d ok, %d damaged, %d unreadable; level %s", counts[verify.OK], counts[verify.Damaged], counts[verify.Unreadable], v.report.Level)
	if v.report.Level == verify.Content {
		fmt.Fprintf(b, ", %s read", v.env.bytes(read))
	}
	if v.passed > 0 {
		fmt.Fprintf(b, "; %d without a _metadata passed over", v.passed)
	}
	b.WriteByte('\n')
	if tails > 0 {
		fmt.Fprintf(b, "%s\n", v.env.wrap(fmt.Sprintf("%d files were found by the tails of their paths: this tree is a copy, and Flink looks at the old place", tails), ""))
	}
	if v.opts.sample != "" {
		fmt.Fprintf(b, "sample %s, seed %d\n", v.opts.sample, v.settings.Sample.Seed)
	}
}
