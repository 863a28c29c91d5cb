package cmd

import (
	"bufio"
	"bytes"
	"context"
)

// print writes the report in the form that was asked for.
func (d *diskUsage) print(ctx context.Context) error {
	r := d.report()
	r.IfDeleted = d.deletion()
	if d.target != "" {
		var err error
		if r.Operators, err = d.operators(ctx); err != nil {
			return err
		}
	}
	switch {
	case d.opts.stream:
		return d.printStream(r)
	case d.env.Output == JSON:
		return d.printJSON(r)
	case d.env.Output == TSV:
		return d.printTSV(r)
	}
	return d.printTable(r)
}

// printJSON writes the orphans one by one behind all else: there may be millions.
func (d *diskUsage) printJSON(r *duReport) error {
	head, err := marshal(r, "  ")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(d.env.Out, 64<<10)
	w.Write(bytes.TrimSuffix(head, []byte("\n}\n")))
	w.WriteString(",\n  \"orphans\": [")
	comma := ""
	for id := range d.orphans {
		b, err := marshal(d.orphan(id), "")
		if err != nil {
			return err
		}
		w.WriteString(comma + "\n    ")
		if _, err := w.Write(bytes.TrimSpace(b)); err != nil {
			return err
		}
		comma = ","
	}
	if comma != "" {
		w.WriteString("\n  ")
	}
	w.WriteString("]\n}\n")
	return w.Flush()
}

// printStream writes an object a line, whose only field says what it is.
func (d *diskUsage) printStream(r *duReport) error {
	w := bufio.NewWriterSize(d.env.Out, 64<<10)
	var failed error
	line := func(name string, v any) {
		b, err := marshal(map[string]any{name: v}, "")
		if err == nil {
			_, err = w.Write(b)
		}
		if failed == nil {
			failed = err
		}
	}
	for _, root := range r.allRoots() {
		line("root", root)
	}
	for _, j := range r.Jobs {
		line("job", j)
	}
	for _, c := range r.Checkpoints {
		line("checkpoint", c)
	}
	for _, o := range r.Operators {
		line("operator", o)
	}
	if r.IfDeleted != nil {
		line("ifDeleted", r.IfDeleted)
	}
	for id := range d.orphans {
		line("orphan", d.orphan(id))
	}
	for _, m := range r.Doubts {
		line("doubt", m)
	}
	if failed != nil {
		return failed
	}
	return w.Flush()
}

// allRoots are those that are shown.
func (r *duReport) allRoots() []duRoot {
	if r.Roots != nil {
		return r.Roots
	}
	return []duRoot{r.Root}
}
