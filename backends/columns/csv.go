package columns

import (
	"bytes"
	"io"

	"github.com/ckpt-tool/ckpt/backends/line"
)

// CSV writes a table as comma-separated values (RFC 4180, with a line feed at the end of lines). The first line
// has the names of the columns. What is null is nothing; the empty text is "".
type CSV struct {
	w     io.Writer
	table *Table
	cells [][]byte
	buf   []byte
}

// NewCSV writes the first line.
func NewCSV(w io.Writer, t *Table) (*CSV, error) {
	c := &CSV{w: w, table: t, cells: make([][]byte, len(t.Columns))}
	for i := range t.Columns {
		c.comma(i)
		c.text([]byte(t.Columns[i].Name))
	}
	c.buf = append(c.buf, '\n')
	return c, c.flush()
}

// Add writes an entry. An error that is *RowError leaves it out, and nothing else.
func (c *CSV) Add(entry []byte) error {
	if err := c.table.Cells(entry, c.cells); err != nil {
		return &RowError{err}
	}
	for i, cell := range c.cells {
		c.comma(i)
		switch {
		case cell == nil:
		default:
			c.text([]byte(line.Text(cell)))
		}
	}
	c.buf = append(c.buf, '\n')
	if len(c.buf) < 32<<10 {
		return nil
	}
	return c.flush()
}

// Close writes what is left. It does not close the writer below.
func (c *CSV) Close() error { return c.flush() }

func (c *CSV) flush() error {
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

func (c *CSV) comma(i int) {
	if i > 0 {
		c.buf = append(c.buf, ',')
	}
}

func (c *CSV) text(s []byte) {
	if len(s) > 0 && !bytes.ContainsAny(s, ",\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		c.buf = append(c.buf, s...)
		return
	}
	c.buf = append(c.buf, '"')
	c.buf = append(c.buf, bytes.ReplaceAll(s, []byte(`"`), []byte(`""`))...)
	c.buf = append(c.buf, '"')
}

// RowError is of an entry that does not fit its columns.
type RowError struct{ Err error }

// Error implements error.
func (e *RowError) Error() string { return e.Err.Error() }

// Unwrap gives what does not fit.
func (e *RowError) Unwrap() error { return e.Err }
