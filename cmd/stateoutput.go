package cmd

import (
	"bytes"
	"errors"

	"github.com/ckpt-tool/ckpt/backends/line"
)

// errEnough ends the reading of entries where --limit has been reached.
var errEnough = errors.New("no more entries are wanted")

// The widths of the longest kind, aggregating, and of a time in milliseconds.
const (
	widestKind = 11
	widestTime = 13
)

// entryColumns are the columns of entries, with their fields in the JSON.
var entryColumns = []struct {
	column
	field string
}{
	{column{title: "OP", shrink: true}, "op"},
	{column{title: "STATE", shrink: true, least: readable}, "state"},
	{column{title: "KIND", spare: true, least: widestKind}, "kind"},
	{column{title: "KG", right: true, may: true, spare: true, least: 5}, "kg"},
	{column{title: "KEY", shrink: true, may: true}, "key"},
	{column{title: "NAMESPACE", first: true, may: true}, "namespace"},
	{column{title: "MAP KEY", first: true, may: true}, "mapKey"},
	{column{title: "VALUE", first: true, may: true}, "value"},
	{column{title: "TS", right: true, may: true, least: widestTime}, "ts"},
	{column{title: "LAST ACCESS", right: true, may: true, spare: true, least: widestTime}, "lastAccess"},
}

// entryOutput writes entries, which come as lines of JSON.
type entryOutput struct {
	env   *Env
	left  int64  // how many are still wanted
	table *table // nil for JSON
	cells []cell
	at    map[string]int // which cell has which field
	lines int64          // written
}

// newEntryOutput is JSON unless formed says that a form of output was asked for. limit is how many entries to write,
// 0 for all. A table has columns for the fields that may say is not sure to be without values.
func newEntryOutput(env *Env, formed bool, limit int64, may func(field string) bool) *entryOutput {
	o := &entryOutput{env: env, left: limit, at: map[string]int{}}
	if limit == 0 {
		o.left = allEntries
	}
	if !formed || env.Output == JSON {
		return o
	}
	var columns []column
	for _, c := range entryColumns {
		if env.Output == TSV || may(c.field) {
			o.at[c.field] = len(columns)
			columns = append(columns, c.column)
		}
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
		if i, ok := o.at[name]; ok {
			o.cells[i] = text(line.Text(value))
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
