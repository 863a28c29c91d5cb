package cmd

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// trashReport is the JSON of what lies in a trash.
type trashReport struct {
	Schema string     `json:"schema"`
	Trash  string     `json:"trash"`
	Runs   []trashRun `json:"runs"`
}

type trashRun struct {
	Run       string     `json:"run"`
	Created   *time.Time `json:"created"`
	Ended     bool       `json:"ended"`
	Roots     []string   `json:"roots"`
	Snapshots []string   `json:"checkpoints"`
	Whole     []string   `json:"whole"` // of these, of which the trash still has the _metadata
	Files     int        `json:"files"`
	Bytes     int64      `json:"bytes"`
	Error     *string    `json:"error"`
	Expired   bool       `json:"expired"` // empty-trash: --apply deletes it
}

func newTrashRun(r *prune.TrashRun) trashRun {
	out := trashRun{Run: r.Run, Ended: r.Ended, Roots: append([]string{}, r.Roots...), Snapshots: append([]string{}, r.Snapshots...), Whole: []string{}, Files: r.Files, Bytes: r.Bytes}
	if !r.Created.IsZero() {
		out.Created = new(r.Created.UTC())
	}
	if r.Err != nil {
		out.Error = new(r.Err.Error())
	}
	return out
}

// state is a word for what can be done with a run.
func (r *trashRun) state() string {
	switch {
	case r.Error != nil:
		return "unreadable"
	case !r.Ended:
		return "unfinished"
	case r.Expired:
		return "expired"
	}
	return "whole"
}

// printTrash lists runs. expired tells which of them empty-trash would delete; it is nil
// where that is not the question.
func printTrash(env *Env, opts *trashOptions, runs []prune.TrashRun, expired func(*prune.TrashRun) bool) error {
	report := trashReport{Schema: "ckpt.prune.trash/v1", Trash: opts.trash, Runs: []trashRun{}}
	for i := range runs {
		r := newTrashRun(&runs[i])
		r.Whole = append(r.Whole, opts.whole[r.Run]...)
		r.Expired = expired != nil && expired(&runs[i])
		report.Runs = append(report.Runs, r)
	}
	if env.Output == JSON {
		return env.writeJSON(report)
	}
	table := env.newTable(column{title: "RUN"}, column{title: "AGE", right: true}, column{title: "FILES", right: true}, column{title: "SIZE", right: true},
		column{title: "CHECKPOINTS", right: true}, column{title: "STATE"}, column{title: "ROOTS", shrink: true})
	for i, r := range report.Runs {
		row := []cell{text(r.Run), env.age(runs[i].Created), number(int64(r.Files)), env.size(r.Bytes), r.count(), text(r.state()), text(strings.Join(r.Roots, " "))}
		if err := table.row(row...); err != nil {
			return err
		}
	}
	if err := table.close(); err != nil || !env.Verbose || env.Output != Table {
		return err
	}
	return report.list(env)
}

// count is how many checkpoints can be brought back, and of how many that is where some
// have been.
func (r *trashRun) count() cell {
	n := number(int64(len(r.Snapshots)))
	if len(r.Whole) != len(r.Snapshots) {
		n.human = fmt.Sprintf("%d of %d", len(r.Whole), len(r.Snapshots))
	}
	return n
}

// list names the checkpoints of each run.
func (r *trashReport) list(env *Env) error {
	for _, run := range r.Runs {
		if _, err := fmt.Fprintf(env.Out, "\n%s\n", run.Run); err != nil {
			return err
		}
		for _, url := range run.Snapshots {
			back := ""
			if !slices.Contains(run.Whole, url) {
				back = "  (not in the trash any more)"
			}
			if _, err := fmt.Fprintf(env.Out, "  %s%s\n", escape(url), back); err != nil {
				return err
			}
		}
	}
	return nil
}

// trashResult is the JSON of what was done.
type trashResult struct {
	Schema    string    `json:"schema"`
	Objects   int       `json:"objects"`
	Bytes     int64     `json:"bytes"`
	Snapshots int       `json:"checkpoints"`
	Runs      int       `json:"runs"`
	Failed    int       `json:"failedObjects"`
	Failures  []failure `json:"failures"`
}

// trashLog tells of each file, and keeps what went wrong.
type trashLog struct {
	env      *Env
	progress *progress
	did      string
	mu       sync.Mutex
	done     int
	failures failures
	stayed   stayed
}

func (l *trashLog) observe(e prune.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	l.progress.set(l.done)
	level := slog.LevelDebug
	if l.env.jsonLog {
		level = slog.LevelInfo
	}
	if e.Err == nil && !e.Left {
		l.env.Log.LogAttrs(context.Background(), level, l.did, slog.String("path", e.URL), slog.Int64("bytes", e.Bytes))
		return
	}
	l.failures.add(e)
	l.stayed.add(e)
	if !l.env.eachObject() {
		return // see conclude
	}
	attrs := []slog.Attr{slog.String("path", e.URL)}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	l.env.Log.LogAttrs(context.Background(), slog.LevelWarn, "not "+l.did, attrs...)
}

// conclude prints the result, and gives the error to end with.
func (l *trashLog) conclude(r trashResult) error {
	r.Failures = append([]failure{}, r.Failures...)
	if !l.env.eachObject() && l.env.Output != JSON { // which lists them
		l.stayed.log(l.env, "not "+l.did)
	}
	if err := l.print(&r); err != nil {
		return err
	}
	if r.Failed == 0 {
		return nil
	}
	e := &findingsError{message: fmt.Sprintf("%s could not be %s", plural(r.Failed, "file"), l.did)}
	if len(r.Failures) > 0 {
		e.path = r.Failures[0].Path
		e.message += ", the first of them: " + r.Failures[0].Path + ": " + r.Failures[0].Error
	}
	return e
}

func (l *trashLog) print(r *trashResult) error {
	if l.env.Output == JSON {
		return l.env.writeJSON(r)
	}
	if l.env.Quiet {
		return nil
	}
	what := plural(r.Runs, "run")
	if l.did == "restored" {
		what = plural(r.Snapshots, "checkpoint")
	}
	_, err := fmt.Fprintf(l.env.Out, "%s %s, %s, of %s\n", l.did, plural(r.Objects, "file"), l.env.bytes(r.Bytes), what)
	return err
}
