package cmd

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"

	"github.com/ckpt-tool/ckpt/layout/compare"
)

// printTable shows people what differs.
func (d *difference) printTable() error {
	if err := d.writeHead(); err != nil {
		return err
	}
	if d.Empty() {
		_, err := fmt.Fprintln(d.env.Out, "nothing differs")
		return err
	}
	if err := d.printSums(); err != nil {
		return err
	}
	if err := d.printOperators(); err != nil {
		return err
	}
	return d.writeDetails()
}

// writeHead says what is compared.
func (d *difference) writeHead() error {
	var b bytes.Buffer
	for _, side := range []struct {
		name    string
		of      *diffSide
		missing int
	}{{"A", d.a, d.Files.MissedA}, {"B", d.b, d.Files.MissedB}} {
		n := side.of.node
		title := fmt.Sprintf("%s %d", n.Kind, n.ID)
		if job := n.JobPrefix(); job != "" {
			title += " of job " + job
		}
		fmt.Fprintf(&b, "%s  %s\n   %s\n", d.env.paintOut(bold, side.name), title, escape(n.URL()))
		if side.missing > 0 {
			fmt.Fprintf(&b, "   %s\n", d.env.paintOut(red, plural(side.missing, "file")+" missing"))
		}
	}
	fmt.Fprintln(&b)
	_, err := io.Copy(d.env.Out, &b)
	return err
}

// printSums shows the fields of the snapshots that differ, and the files in all.
func (d *difference) printSums() error {
	t := d.env.newTable(column{title: ""}, column{title: "A", right: true}, column{title: "B", right: true})
	for _, c := range d.Changes {
		if err := t.row(text(words(c.Field)), d.value(c.Field, c.A), d.value(c.Field, c.B)); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		a, b *compare.Part
	}{{"files reused", &d.Files.Reused, &d.Files.Reused}, {"files dropped", &d.Files.Dropped, nil}, {"files added", nil, &d.Files.Added}} {
		if err := t.row(text(f.name), d.part(f.a), d.part(f.b)); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(d.env.Out)
	return err
}

func (d *difference) part(p *compare.Part) cell {
	if p == nil {
		return text("")
	}
	return text(fmt.Sprintf("%d (%s)", p.Files, d.env.bytes(p.Bytes)))
}

// printOperators lists the operators that differ.
func (d *difference) printOperators() error {
	t := d.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATUS"}, column{title: "STATE A", right: true},
		column{title: "STATE B", right: true}, column{title: "REUSED", right: true}, column{title: "ADDED", right: true}, column{title: "DROPPED", right: true})
	same := 0
	for i := range d.Operators {
		o := &d.Operators[i]
		if o.Status == compare.Same {
			same++
			continue
		}
		err := t.row(text(labelOf(o)), text(string(o.Status)).in(statusStyle(o.Status)), d.stateSize(o.A), d.stateSize(o.B),
			d.env.size(o.Files.Reused.Bytes), d.env.size(o.Files.Added.Bytes), d.env.size(o.Files.Dropped.Bytes))
		if err != nil {
			return err
		}
	}
	if same < len(d.Operators) {
		if err := t.close(); err != nil {
			return err
		}
	}
	if same == 0 {
		return nil
	}
	_, err := fmt.Fprintf(d.env.Out, "%s the same in both\n", plural(same, "operator")+map[bool]string{true: " is", false: " are"}[same == 1])
	return err
}

func labelOf(o *compare.OperatorDiff) string { return operatorLabel(o.Name(), o.UID(), o.ID) }

func (d *difference) stateSize(o *compare.Operator) cell {
	if o == nil {
		return text("")
	}
	return d.env.size(o.Sizes.State)
}

func statusStyle(s compare.Status) style {
	return map[compare.Status]style{compare.Added: green, compare.Removed: red, compare.Changed: yellow}[s]
}

// writeDetails says in words what changed within operators, besides the sizes.
func (d *difference) writeDetails() error {
	var b bytes.Buffer
	for i := range d.Operators {
		o := &d.Operators[i]
		for _, line := range d.details(o) {
			fmt.Fprintf(&b, "%s\n", d.env.wrap(escape(labelOf(o)+": "+line), "  "))
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := fmt.Fprint(d.env.Out, "\n", b.String())
	return err
}

func (d *difference) details(o *compare.OperatorDiff) []string {
	var lines []string
	rescaled := o.A != nil && o.B != nil && (o.A.Parallelism != o.B.Parallelism || o.A.MaxParallelism != o.B.MaxParallelism)
	for _, c := range o.Changes {
		switch {
		case c.Field == "inlineDigest":
			lines = append(lines, "other bytes within _metadata, as many as before")
		case isSize(c.Field) || c.Field == "keyGroups" && rescaled:
		default:
			lines = append(lines, fmt.Sprintf("%s: %s → %s", words(c.Field), d.value(c.Field, c.A).human, d.value(c.Field, c.B).human))
		}
	}
	for _, id := range o.Alike {
		lines = append(lines, fmt.Sprintf("%s, but operator %s has the same name or uid: the same one under another id?", o.Status, id))
	}
	return lines
}

// printFields is TSV: a line for each field that differs.
func (d *difference) printFields() error {
	t := d.env.newTable(make([]column, 6)...)
	row := func(o *compare.OperatorDiff, field, a, b string) error {
		if o == nil {
			return t.row(text("snapshot"), text(""), text(""), text(field), text(a), text(b))
		}
		return t.row(text("operator"), text(o.ID.String()), text(labelOf(o)), text(field), text(a), text(b))
	}
	each := func(o *compare.OperatorDiff, changes []compare.Change, f compare.Files) error {
		for _, c := range changes {
			if err := row(o, c.Field, exactValue(c.A), exactValue(c.B)); err != nil {
				return err
			}
		}
		if f.Dropped.Files == 0 && f.Added.Files == 0 {
			return nil
		}
		if err := row(o, "unsharedFiles", fmt.Sprint(f.Dropped.Files), fmt.Sprint(f.Added.Files)); err != nil {
			return err
		}
		return row(o, "unsharedBytes", fmt.Sprint(f.Dropped.Bytes), fmt.Sprint(f.Added.Bytes))
	}
	if err := each(nil, d.Changes, d.Files); err != nil {
		return err
	}
	for i := range d.Operators {
		o := &d.Operators[i]
		var err error
		switch o.Status {
		case compare.Added:
			err = row(o, "operator", "", "added")
		case compare.Removed:
			err = row(o, "operator", "removed", "")
		}
		if err == nil {
			err = each(o, o.Changes, o.Files)
		}
		if err != nil {
			return err
		}
	}
	return t.close()
}

// printFiles lists the files, operator by operator.
func (d *difference) printFiles() error {
	columns := []column{{title: "STATUS"}, {title: "OPERATOR", shrink: true}, {title: "SIZE", right: true}, {title: "PATH", shrink: true}}
	if d.env.Output == TSV {
		columns = make([]column, 6)
	}
	t := d.env.newTable(columns...)
	for _, f := range d.List() {
		row := []cell{text(string(f.Status)).in(fileStyle(f.Status)), text(labelOf(f.Operator)), d.env.size(f.Size()), text(f.URL())}
		if d.env.Output == TSV {
			row = []cell{row[0], text(f.Operator.ID.String()), row[1], row[2], optional(urlOrNull(f.A)), optional(urlOrNull(f.B))}
		}
		if err := t.row(row...); err != nil {
			return err
		}
	}
	return t.close()
}

func fileStyle(s compare.FileStatus) style {
	return map[compare.FileStatus]style{compare.FileAdded: green, compare.FileDropped: red}[s]
}

// words is the name of a field for people: "checkpoint id" for checkpointId.
func words(field string) string {
	if strings.HasPrefix(field, "state ") {
		return field
	}
	var b strings.Builder
	for _, r := range field {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func isSize(field string) bool {
	return strings.HasSuffix(field, "Size") || strings.HasSuffix(field, "Bytes")
}

// longestValue is how much of a list of values people see.
const longestValue = 60

// value is what people see of a field's value.
func (d *difference) value(field string, v any) cell {
	if n, ok := v.(int64); ok && isSize(field) {
		return d.env.size(n)
	}
	return text(shorten(exactValue(v), longestValue))
}

// exactValue is a value as text, "" where there is none.
func exactValue(v any) string {
	if v == nil {
		return ""
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		var all []string
		for i := range list.Len() {
			all = append(all, fmt.Sprint(list.Index(i)))
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprint(v)
}
