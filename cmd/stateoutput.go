package cmd

import (
	"bytes"
	"errors"

	"github.com/ckpt-tool/ckpt/backends/line"
)

// errEnough ends the reading of entries where --limit has been reached.
var errEnough = errors.New("no more entries are wanted")

// entryColumns are the columns of entries, with their fields in the JSON.
var entryColumns = []struct {
	column
	field string
}{
	{column{title: "OP", shrink: true}, "op"},
	{column{title: "STATE", shrink: true}, "state"},
	{column{title: "KIND"}, "kind"},
	{column{title: "KG", right: true}, "kg"},
	{column{title: "KEY", shrink: true}, "key"},
	{column{title: "NAMESPACE", shrink: true}, "namespace"},
	{column{title: "MAP KEY", shrink: true}, "mapKey"},
	{column{title: "VALUE", shrink: true}, "value"},
	{column{title: "TS", right: true}, "ts"},
	{column{title: "LAST ACCESS", right: true}, "lastAccess"},
}

// entryOutput writes entries, which come as lines of JSON.
type entryOutput struct {
	env   *Env
	left  int64  // how many are still wanted
	table *table // nil for JSON
	cells []cell
	lines int64 // written
}

// newEntryOutput is JSON unless formed says that a form of output was asked for. limit is how many entries to write,
// 0 for all.
func newEntryOutput(env *Env, formed bool, limit int64) *entryOutput {
	o := &entryOutput{env: env, left: limit}
	if limit == 0 {
		o.left = allEntries
	}
	if !formed || env.Output == JSON {
		return o
	}
	columns := make([]column, len(entryColumns))
	for i, c := range entryColumns {
		columns[i] = c.column
	}
	o.table, o.cells = env.newTable(columns...), make([]cell, len(columns))
	return o
}

// write takes whole lines.
func (o *entryOutput) write(lines []byte) error {
	lines, end := o.cut(lines)
	var err error
	if o.table == nil {
		_, err = o.env.Out.Write(lines)
	} else {
		for entry := range bytes.Lines(lines) {
			if err = o.row(entry); err != nil {
				break
			}
		}
	}
	if err == nil && end {
		err = errEnough
	}
	return err
}

// cut takes the lines that are still wanted. The last of them is told by end.
func (o *entryOutput) cut(lines []byte) (wanted []byte, end bool) {
	n := int64(bytes.Count(lines, []byte{'\n'}))
	if n < o.left {
		o.left -= n
		o.lines += n
		return lines, false
	}
	at := 0
	for range o.left {
		at += bytes.IndexByte(lines[at:], '\n') + 1
	}
	o.lines += o.left
	o.left = 0
	return lines[:at], true
}

// row writes an entry as a row. Text stands without quotes, all else as in JSON.
func (o *entryOutput) row(entry []byte) error {
	for i := range o.cells {
		o.cells[i] = text("")
	}
	for name, value := range line.Fields(entry) {
		for i, c := range entryColumns {
			if c.field == name {
				o.cells[i] = text(line.Text(value))
			}
		}
	}
	return o.table.row(append([]cell(nil), o.cells...)...)
}

func (o *entryOutput) close() error {
	if o.table == nil {
		return nil
	}
	return o.table.close()
}
