package cmd

import (
	"io"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// annotation is a workflow command of GitHub's runner, which shows it beside the run.
type annotation struct {
	command string // error, warning or notice
	file    string // "" for none
	title   string
	lines   []string // escaped for terminals already
}

// Where GitHub's toolkit escapes what. The title and the file are properties.
var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// String is the command in a line.
func (a annotation) String() string {
	var b strings.Builder
	b.WriteString("::" + a.command + " ")
	if a.file != "" {
		b.WriteString("file=" + githubProperty.Replace(escape(a.file)) + ",")
	}
	b.WriteString("title=" + githubProperty.Replace(escape(a.title)) + "::")
	b.WriteString(githubData.Replace(strings.Join(a.lines, "\n")) + "\n")
	return b.String()
}

// writeGitHub writes what is wrong as annotations, and the summary as the last one: in a
// line of its own, a path could be taken for a command.
func writeGitHub(w io.Writer, r verifyReport) error {
	var b strings.Builder
	for _, err := range r.Errors {
		b.WriteString(annotation{"error", pathOf(err), "ckpt: could not list", []string{escape(err.Error())}}.String())
	}
	for i := range r.Results {
		for _, a := range r.annotations(&r.Results[i]) {
			b.WriteString(a.String())
		}
	}
	for _, breach := range r.Gate {
		b.WriteString(annotateBreach(breach).String())
	}
	b.WriteString(annotation{"notice", "", "ckpt verify", []string{r.summary()}}.String())
	_, err := io.WriteString(w, b.String())
	return err
}

var githubLevels = map[verify.Severity]string{verify.Error: "error", verify.Warning: "warning", verify.Info: "notice"}

// annotations are what is to be told of one snapshot.
func (r *verifyReport) annotations(of *verify.Result) (all []annotation) {
	name := r.relative(of.URL)
	if of.Verdict == verify.Unreadable && (of.Err != nil || len(of.Findings) == 0) {
		all = append(all, annotation{"error", of.URL, "ckpt: could not check " + name, []string{verdictCause(of)}})
	}
	for i := range of.Findings {
		f := &of.Findings[i]
		all = append(all, annotation{githubLevels[f.Severity], f.URL, "ckpt: " + string(f.Reason) + " in " + name, r.lines(f)})
	}
	return all
}

func annotateBreach(b gate.Breach) annotation {
	title := "ckpt gate: " + gateName(b.Question)
	if b.Unclear {
		title += ": could not check"
	}
	return annotation{"error", b.Path, title, escapeAll(appendHint([]string{b.Message}, "", b.Hint))}
}
