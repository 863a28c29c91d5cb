package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// verifyReport is what one run of `ckpt verify` found.
type verifyReport struct {
	Root    string // canonical URL
	Level   verify.Level
	Results []verify.Result
	Asked   []gate.Question // of .ckpt.yaml, empty without one
	Gate    []gate.Breach   // of these
	Errors  []error         // what could not be listed
	Elapsed time.Duration
}

// whole tells whether all could be checked.
func (r *verifyReport) whole() bool {
	for i := range r.Results {
		if r.Results[i].Verdict == verify.Unreadable {
			return false
		}
	}
	for _, b := range r.Gate {
		if b.Unclear {
			return false
		}
	}
	return len(r.Errors) == 0
}

// summary is the run in one line.
func (r *verifyReport) summary() string {
	verdicts := map[verify.Verdict]int{}
	for i := range r.Results {
		verdicts[r.Results[i].Verdict]++
	}
	parts := []string{fmt.Sprintf("%s, level %s: %d ok, %d damaged, %d unreadable", escape(r.Root), r.Level,
		verdicts[verify.OK], verdicts[verify.Damaged], verdicts[verify.Unreadable])}
	if n := len(r.Errors); n > 0 {
		parts = append(parts, fmt.Sprintf("not listed: %d", n))
	}
	if len(r.Asked)+len(r.Gate) > 0 {
		parts = append(parts, fmt.Sprintf("gate: %d asked, %d breached", len(r.Asked), len(r.Gate)))
	}
	return strings.Join(parts, "; ")
}

// relative is url below the root where it lies there, "." for the root itself.
func (r *verifyReport) relative(url string) string {
	key, ok := layout.Below(r.Root, url)
	switch {
	case !ok:
		return url
	case key == "":
		return "."
	}
	return key
}

// gateName is a rule of the gate and whom it is asked of.
func gateName(q gate.Question) string {
	if q.Job == "" {
		return q.Rule
	}
	return q.Rule + " of " + q.Job
}

// lines tell a finding in full, with nothing in them that breaks a line.
func (r *verifyReport) lines(f *verify.Finding) []string {
	place := r.relative(f.URL)
	if f.Offset >= 0 {
		place += fmt.Sprintf(", byte %d", f.Offset)
	}
	all := []string{fmt.Sprintf("%s (%s): %s: %s", f.Severity, f.Reason, place, f.Message)}
	if f.By != nil {
		all = append(all, "  "+f.By.String())
	}
	return escapeAll(appendHint(all, "  ", f.Hint))
}

func appendHint(lines []string, indent, hint string) []string {
	if hint == "" {
		return lines
	}
	return append(lines, indent+"hint: "+hint)
}

func escapeAll(lines []string) []string {
	for i, line := range lines {
		lines[i] = escape(line)
	}
	return lines
}

// findings are the lines of all that is wrong with a snapshot.
func (r *verifyReport) findings(of *verify.Result) []string {
	var all []string
	for i := range of.Findings {
		all = append(all, r.lines(&of.Findings[i])...)
	}
	return all
}

// verdictCause is, for a snapshot that is not ok, why, in a line.
func verdictCause(of *verify.Result) string {
	f := of.Worst()
	switch {
	case of.Verdict == verify.Unreadable && of.Err != nil:
		return escape(of.Err.Error())
	case f == nil:
		return string(of.Verdict)
	case len(of.Findings) == 1:
		return escape(f.Message)
	}
	return fmt.Sprintf("%s (and %d more)", escape(f.Message), len(of.Findings)-1)
}
