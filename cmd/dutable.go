package cmd

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/usage"
)

// duTable is the report for people.
type duTable struct {
	*diskUsage
	report *duReport
	out    bytes.Buffer // of lines that are no table
}

func (d *diskUsage) printTable(r *duReport) error {
	t := &duTable{diskUsage: d, report: r}
	for i, root := range r.allRoots() {
		if i > 0 {
			t.line("")
		}
		t.root(&root)
		if err := t.tree(&root); err != nil {
			return err
		}
	}
	if err := t.operatorTable(); err != nil {
		return err
	}
	if err := t.reasons(); err != nil {
		return err
	}
	if err := t.orphanList(); err != nil {
		return err
	}
	t.doubts()
	if err := t.deletion(); err != nil {
		return err
	}
	return t.flush()
}

func (t *duTable) line(format string, args ...any) {
	fmt.Fprintf(&t.out, format+"\n", args...)
}

// flush writes the lines so far.
func (t *duTable) flush() error {
	_, err := io.Copy(t.env.Out, &t.out)
	return err
}

// barWidth is how wide a bar is.
const barWidth = 10

// root says what the bytes of a tree are there for.
func (t *duTable) root(r *duRoot) {
	t.line("%s", t.env.paintOut(bold, escape(r.Path)))
	t.line("  %s in %s", t.env.bytes(r.Bytes), plural(int(r.Files), "file"))
	class := func(c usage.Class, bytes int64, s style) {
		percent := ""
		if r.Bytes > 0 {
			percent = fmt.Sprintf("%.1f%%", 100*float64(bytes)/float64(r.Bytes))
		}
		t.line("  %-10s %12s  %s  %6s", c, t.env.size(bytes).human, t.env.paintOut(s, pad(bar(bytes, r.Bytes, 2*barWidth), 2*barWidth)), percent)
	}
	class(usage.Referenced, r.Referenced, green)
	class(usage.Orphan, r.Orphan, red)
	class(usage.InFlight, r.InFlight, yellow)
	class(usage.Unknown, r.Unknown, faint)
	for why := usage.Unread; int(why) < len(usage.Sums{}.Reason); why++ {
		if bytes, ok := r.UnknownWhy[why.String()]; ok {
			t.line("    %s", t.env.wrap(t.env.bytes(bytes)+": "+why.Text(), "    "))
		}
	}
	if m := r.Merged; m != nil {
		t.line("  %s", t.env.wrap(fmt.Sprintf("%s in %s of merged state, of which checkpoints use %s (%.0f%%)",
			t.env.bytes(m.Bytes), plural(int(m.Files), "file"), t.env.bytes(m.Live), 100*float64(m.Live)/float64(max(1, m.Bytes))), "  "))
	}
	t.line("")
}

// bar is n of total as a line of at most width characters.
func bar(n, total int64, width int) string {
	if n <= 0 || total <= 0 {
		return ""
	}
	eighths := max(1, int(float64(min(n, total))/float64(total)*float64(8*width)))
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return s
}

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len([]rune(s)))) }
