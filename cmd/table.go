package cmd

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// tableRows is how many rows are laid out together. Of a longer table the rest
// streams in the widths that these rows need.
const tableRows = 300

// column describes a column of a table.
type column struct {
	title  string
	right  bool // aligned to the right, as numbers are
	shrink bool // may lose the middle of its text where the terminal is too narrow
	first  bool // likewise, and before the others, to less
	may    bool // is left out where no row has anything there
	spare  bool // is left out where the terminal is too narrow still
	least  int  // the width of a long table's, whose first rows alone are known when it begins
}

// cell is one value: for people, and exactly for TSV.
type cell struct {
	human, exact string
	style        style
}

// in is c in a style.
func (c cell) in(s style) cell {
	c.style = s
	return c
}

// text is a cell of text; people see a dash where there is none.
func text(s string) cell { return cell{human: orDash(s), exact: s} }

// optional is a cell of text that may be missing.
func optional(s *string) cell {
	if s == nil {
		return text("")
	}
	return text(*s)
}

// number is a cell of a number.
func number(n int64) cell {
	s := strconv.FormatInt(n, 10)
	return cell{human: s, exact: s}
}

// size is a cell of n bytes, rounded for people unless they asked for more.
func (e *Env) size(n int64) cell {
	c := number(n)
	if !e.Verbose {
		c.human = humanSize(n)
	}
	return c
}

// bytes is a size within a sentence.
func (e *Env) bytes(n int64) string {
	if e.Verbose {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	return humanSize(n)
}

// age is a cell of a time, which people see as the time since then.
func (e *Env) age(t time.Time) cell {
	if t.IsZero() {
		return text("")
	}
	c := text(t.UTC().Format(time.RFC3339))
	if !e.Verbose {
		c.human = humanAge(e.Now().Sub(t))
	}
	return c
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// table writes rows, as a table for people or as TSV.
type table struct {
	env     *Env
	columns []column
	w       *bufio.Writer
	rows    [][]cell // not written yet
	widths  []int    // of the columns, once the first rows are out
	long    bool     // there are more rows than tableRows
	kept    []int    // which of the columns that newTable was given are shown; nil: all
}

// newTable starts a table in the form that was asked for, which is not JSON.
func (e *Env) newTable(columns ...column) *table {
	return &table{env: e, columns: columns, w: bufio.NewWriter(e.Out)}
}

// row adds a row with one cell a column.
func (t *table) row(cells ...cell) error {
	if t.env.Output == TSV {
		return t.writeTSV(cells)
	}
	if t.widths != nil {
		return t.writeAligned(t.without(cells))
	}
	t.rows = append(t.rows, cells)
	if len(t.rows) <= tableRows {
		return nil
	}
	return t.startStreaming()
}

// close writes what is left.
func (t *table) close() error {
	if t.env.Output != TSV && t.widths == nil {
		if err := t.render(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

func (t *table) writeTSV(cells []cell) error {
	for i, c := range cells {
		if i > 0 {
			t.w.WriteByte('\t')
		}
		t.w.WriteString(escapeTSV(c.exact))
	}
	return t.w.WriteByte('\n')
}

// escapeTSV is escape, and a backslash is doubled so that it can be undone.
func escapeTSV(s string) string { return escape(strings.ReplaceAll(s, `\`, `\\`)) }

// startStreaming writes the rows so far and fixes the widths for the rest.
func (t *table) startStreaming() error {
	t.long = true
	t.widths = t.fit()
	rows := t.rows
	t.rows = nil
	if err := t.writeAligned(t.header()); err != nil {
		return err
	}
	for _, r := range rows {
		if err := t.writeAligned(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) header() []cell {
	cells := make([]cell, len(t.columns))
	for i, c := range t.columns {
		cells[i] = cell{human: c.title, exact: c.title, style: bold}
	}
	return cells
}

func (t *table) writeAligned(cells []cell) error {
	for i, c := range cells {
		s := t.show(i, c, t.widths[i])
		pad := strings.Repeat(" ", max(0, t.widths[i]-twwidth.Width(s)))
		s = t.env.paintOut(c.style, s)
		last := i == len(cells)-1
		switch {
		case t.columns[i].right:
			s = pad + s
		case !last:
			s += pad
		}
		if !last {
			s += "  "
		}
		t.w.WriteString(s)
	}
	return t.w.WriteByte('\n')
}

// show is what people see of a cell.
func (t *table) show(i int, c cell, width int) string {
	s := escape(c.human)
	if t.env.OutTerminal && (t.columns[i].shrink || t.columns[i].first) {
		s = shorten(s, width)
	}
	return s
}

// render lays the rows out as a table for people.
func (t *table) render() error {
	t.dropEmpty()
	widths := t.fit()
	var buf bytes.Buffer
	w := tablewriter.NewTable(&buf, tablewriter.WithRenderer(renderer.NewBlueprint(bare)), tablewriter.WithConfig(t.config()))
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = t.env.paintOut(bold, t.show(i, cell{human: c.title}, widths[i]))
	}
	w.Header(header)
	for _, r := range t.rows {
		line := make([]string, len(r))
		for i, c := range r {
			line[i] = t.env.paintOut(c.style, t.show(i, c, widths[i]))
		}
		if err := w.Append(line); err != nil {
			return err
		}
	}
	if err := w.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(buf.String()) {
		t.w.WriteString(trimmed(line))
		t.w.WriteByte('\n')
	}
	return nil
}

// trimmed cuts the padding of the last column off, which stands before the end of its
// style where it has one: it would break a line that fills the terminal.
func trimmed(line string) string {
	line = strings.TrimRight(line, " \n")
	i := strings.LastIndex(line, "\x1b[")
	if i < 0 || !strings.HasSuffix(line, "m") || strings.ContainsRune(line[i:], ' ') {
		return line
	}
	return strings.TrimRight(line[:i], " ") + line[i:]
}

// bare is a table without lines: it can be copied, and leaves room at 80 columns.
var bare = tw.Rendition{
	Borders:  tw.BorderNone,
	Symbols:  tw.NewSymbols(tw.StyleNone),
	Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
}

func (t *table) config() tablewriter.Config {
	align := make([]tw.Align, len(t.columns))
	for i, c := range t.columns {
		align[i] = tw.AlignLeft
		if c.right {
			align[i] = tw.AlignRight
		}
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Padding:    tw.CellPadding{Global: tw.Padding{Left: "", Right: "  ", Overwrite: true}},
		Alignment:  tw.CellAlignment{PerColumn: align},
	}
	return tablewriter.Config{Header: cells, Row: cells}
}
