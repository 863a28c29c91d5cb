package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifBase   = "ROOT" // names the root in locations
	projectURL  = "https://github.com/ckpt-tool/ckpt"
)

// sarifLog is a SARIF 2.1.0 document, as far as it is used here.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Invocations []sarifInvocation        `json:"invocations"`
	Bases       map[string]sarifArtifact `json:"originalUriBaseIds"`
	Results     []sarifResult            `json:"results"`
	Properties  sarifRunProperties       `json:"properties"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	URI     string      `json:"informationUri"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Full  sarifText `json:"fullDescription"`
	Help  sarifText `json:"help"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifResult struct {
	Rule         string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   sarifProperties   `json:"properties"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI  string `json:"uri"`
	Base string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	ByteOffset int64 `json:"byteOffset"`
}

type sarifRunProperties struct {
	Root  string       `json:"root"`
	Level verify.Level `json:"level"`
}

// sarifProperties are what SARIF has no words for.
type sarifProperties struct {
	Checkpoint string `json:"checkpoint,omitempty"`
	URL        string `json:"url"`
	Operator   string `json:"operator,omitempty"`
	UID        string `json:"uid,omitempty"`
	Name       string `json:"name,omitempty"`
	Subtask    *int32 `json:"subtask,omitempty"` // -1 for the coordinator
	Slot       string `json:"slot,omitempty"`
	Handle     string `json:"handle,omitempty"`
	File       string `json:"file,omitempty"`
	Job        string `json:"job,omitempty"`
	Unclear    bool   `json:"unclear,omitempty"`
	Offset     *int64 `json:"offset,omitempty"` // in the file of url
}

var sarifLevels = map[verify.Severity]string{verify.Error: "error", verify.Warning: "warning", verify.Info: "note"}

// writeSARIF writes a log with one run. Only the same findings make the same bytes: there
// is no time in it.
func writeSARIF(w io.Writer, r verifyReport) error {
	s := sarifWriter{verifyReport: &r, rules: slices.Clone(sarifRules), prints: map[string]int{}}
	s.run.Results = []sarifResult{} // the schema tells apart no results and no run
	for i := range r.Results {
		s.result(&r.Results[i])
	}
	for _, b := range r.Gate {
		s.breach(b)
	}
	for _, err := range r.Errors {
		s.notify(escape(err.Error()))
	}
	b := readBuild()
	s.run.Tool.Driver = sarifDriver{"ckpt", b.Version, projectURL, s.rules}
	s.run.Invocations = []sarifInvocation{{r.whole(), s.notifications}}
	s.run.Bases = map[string]sarifArtifact{sarifBase: {URI: rootURI(r.Root)}}
	s.run.Properties = sarifRunProperties{r.Root, r.Level}
	out, err := marshal(sarifLog{sarifSchema, "2.1.0", []sarifRun{s.run}}, "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(out)
	return err
}

// sarifWriter makes a run of a report.
type sarifWriter struct {
	*verifyReport
	run           sarifRun
	rules         []sarifRule
	notifications []sarifNotification
	prints        map[string]int // how often each fingerprint was given
}

// notify tells what the run could not do.
func (s *sarifWriter) notify(message string) {
	s.notifications = append(s.notifications, sarifNotification{"error", sarifText{message}})
}

// result adds what is wrong with a snapshot. What could not be checked is a result as
// well, as few look at notifications.
func (s *sarifWriter) result(of *verify.Result) {
	name := s.relative(of.URL)
	if of.Verdict == verify.Unreadable && (of.Err != nil || len(of.Findings) == 0) {
		s.notify(escape(name) + ": " + verdictCause(of))
		s.add(sarifUnreadable, "error", []string{verdictCause(of)}, s.at(of.URL, -1), sarifProperties{Checkpoint: name, URL: of.URL})
	}
	for i := range of.Findings {
		f := &of.Findings[i]
		where := s.at(f.URL, f.Offset)
		if _, below := layout.Below(s.Root, f.URL); !below {
			// GitHub refuses a log in which any location has a scheme of its own.
			where = s.at(layout.Join(of.URL, layout.MetadataName), -1)
		}
		s.add(string(f.Reason), sarifLevels[f.Severity], s.sarifLines(f), where, findingProperties(name, f))
	}
}

// sarifLines are for people who see the location elsewhere.
func (s *sarifWriter) sarifLines(f *verify.Finding) []string {
	text := f.Message
	if f.By != nil {
		text += " (" + f.By.String() + ")"
	}
	return escapeAll(appendHint([]string{s.relative(f.URL) + ": " + text}, "", f.Hint))
}

func findingProperties(snapshot string, f *verify.Finding) sarifProperties {
	p := sarifProperties{Checkpoint: snapshot, URL: f.URL}
	if f.Offset >= 0 {
		p.Offset = &f.Offset
	}
	if by := f.By; by != nil {
		p.Operator, p.UID, p.Name, p.Subtask = by.Operator.String(), by.UID, by.Name, &by.Subtask
		p.Slot, p.Handle, p.File = by.Slot.String(), by.Class, by.File
	}
	return p
}

func (s *sarifWriter) breach(b gate.Breach) {
	if b.Unclear {
		s.notify(escape(gateName(b.Question) + ": " + b.Message))
	}
	lines := escapeAll(appendHint([]string{b.Message}, "", b.Hint))
	s.add(sarifGate+b.Rule, "error", lines, s.at(b.Path, -1), sarifProperties{URL: b.Path, Job: b.Job, Unclear: b.Unclear})
}

func (s *sarifWriter) add(rule, level string, lines []string, where sarifLocation, p sarifProperties) {
	s.run.Results = append(s.run.Results, sarifResult{
		Rule: rule, RuleIndex: s.ruleIndex(rule), Level: level, Message: sarifText{strings.Join(lines, "\n")},
		Locations: []sarifLocation{where}, Properties: p,
		Fingerprints: map[string]string{"primaryLocationLineHash": s.fingerprint(rule, p)}, // the one that GitHub looks at
	})
}

// ruleIndex is where the rule stands; one that the table does not have is added.
func (s *sarifWriter) ruleIndex(id string) int {
	i := slices.IndexFunc(s.rules, func(r sarifRule) bool { return r.ID == id })
	if i < 0 {
		i = len(s.rules)
		s.rules = append(s.rules, newSARIFRule(id, id, "See the message.", "See the message."))
	}
	return i
}

// fingerprint is the same for the same finding of another run. Messages are no part of
// it, as they may have an age or the number of a request in them; what differs by its
// message alone is counted.
func (s *sarifWriter) fingerprint(rule string, p sarifProperties) string {
	b, _ := marshal(struct {
		Rule       string
		Properties sarifProperties
	}{rule, p}, "") // strings and numbers, which never fail
	sum := sha256.Sum256(b)
	print := hex.EncodeToString(sum[:16])
	s.prints[print]++
	return fmt.Sprintf("%s:%d", print, s.prints[print])
}
