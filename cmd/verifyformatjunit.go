package cmd

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// junitReport is what Jenkins, GitLab and others take for JUnit's XML: the elements and
// attributes that all of them know.
type junitReport struct {
	XMLName xml.Name `xml:"testsuites"`
	Name    string   `xml:"name,attr"`
	junitCounts
	Time   string       `xml:"time,attr"`
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
}

// junitCase is a checkpoint, a rule of the gate, or a place. Viewers know a case by its
// class and name.
type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Out     *junitText    `xml:"system-out"`
}

// junitProblem has its message in the text too, as GitLab shows nothing else.
type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// writeJUnit writes a test report, in which each checkpoint is a test.
func writeJUnit(w io.Writer, r verifyReport) error {
	report := junitReport{Name: "ckpt verify", Time: junitTime(r.Elapsed)}
	report.add("checkpoints, level "+string(r.Level), r.junitResults())
	report.add("listing", r.junitErrors())
	report.add("gate", r.junitGate())
	b, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}

// junitTime is in seconds.
func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// add adds a suite, if there is anything in it.
func (j *junitReport) add(name string, cases []junitCase) {
	if len(cases) == 0 {
		return
	}
	s := junitSuite{Name: name, Cases: cases}
	for _, c := range cases {
		s.count(c)
		j.count(c)
	}
	j.Suites = append(j.Suites, s)
}

func (n *junitCounts) count(c junitCase) {
	n.Tests++
	if c.Failure != nil {
		n.Failures++
	}
	if c.Error != nil {
		n.Errors++
	}
}

func (r *verifyReport) junitResults() (cases []junitCase) {
	for i := range r.Results {
		of := &r.Results[i]
		c := junitCase{Class: "ckpt.verify", Name: xmlLine(r.relative(of.URL))}
		lines := r.findings(of)
		switch of.Verdict {
		case verify.OK:
			if len(lines) > 0 {
				c.Out = &junitText{xmlText(lines)}
			}
		case verify.Damaged:
			c.Failure = newJUnitProblem(verdictCause(of), string(of.Verdict), lines)
		default:
			c.Error = newJUnitProblem(verdictCause(of), string(of.Verdict), lines)
		}
		cases = append(cases, c)
	}
	return cases
}

func (r *verifyReport) junitErrors() (cases []junitCase) {
	for _, err := range r.Errors {
		c := junitCase{Class: "ckpt.listing", Name: xmlLine(cmp.Or(pathOf(err), "."))}
		c.Error = newJUnitProblem(escape(err.Error()), "unlisted", nil)
		cases = append(cases, c)
	}
	return cases
}

// junitGate has a case for each rule that was asked, and then for what else was breached.
func (r *verifyReport) junitGate() (cases []junitCase) {
	breaches := r.Gate
	for _, q := range r.Asked {
		c := junitCase{Class: "ckpt.gate", Name: xmlLine(gateName(q))}
		if len(breaches) > 0 && breaches[0].Question == q {
			c = r.junitBreach(breaches[0])
			breaches = breaches[1:]
		}
		cases = append(cases, c)
	}
	for _, b := range breaches {
		cases = append(cases, r.junitBreach(b))
	}
	return cases
}

func (r *verifyReport) junitBreach(b gate.Breach) junitCase {
	c := junitCase{Class: "ckpt.gate", Name: xmlLine(gateName(b.Question))}
	lines := escapeAll(appendHint([]string{r.relative(b.Path)}, "", b.Hint))
	p := newJUnitProblem(escape(b.Message), b.Rule, lines)
	if b.Unclear {
		c.Error = p
	} else {
		c.Failure = p
	}
	return c
}

// newJUnitProblem takes a message and lines that are escaped already.
func newJUnitProblem(message, kind string, lines []string) *junitProblem {
	return &junitProblem{xmlLine(message), kind, xmlText(append([]string{message}, lines...))}
}

// xmlLine is text that XML can hold: without control characters, broken UTF-8 and the two
// characters that are none.
func xmlLine(s string) string {
	return noCharacters.Replace(escape(s))
}

var noCharacters = strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`)

// xmlText is lines that are escaped already.
func xmlText(lines []string) string { return noCharacters.Replace(strings.Join(lines, "\n")) }
