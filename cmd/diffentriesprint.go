package cmd

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/entrydiff"
	"github.com/ckpt-tool/ckpt/backends/line"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// operatorName is what either side calls the operator.
func operatorName(snaps []*snapshot.Snapshot, id metadata.OperatorID) string {
	for _, s := range snaps {
		if name := s.Name(id); name != id.String() {
			return name
		}
	}
	return id.String()
}

// shownState is the name of a state, as everywhere.
func shownState(name string, kind backends.Kind) string {
	shown, _ := snapshot.StateName(&backends.State{Name: name, Kind: kind})
	return shown
}

// appendChange is a change as JSON.
func appendChange(dst []byte, op string, c *entrydiff.Change) []byte {
	start := len(dst)
	dst = types.AppendString(append(dst, `{"change":`...), string(c.What))
	dst = types.AppendString(append(dst, `,"op":`...), op)
	dst = types.AppendString(append(dst, `,"state":`...), shownState(c.State, c.Kind))
	dst = types.AppendString(append(dst, `,"kind":`...), c.Kind.String())
	if c.KeyGroup >= 0 {
		dst = fmt.Appendf(dst, `,"kg":%d`, c.KeyGroup)
	}
	dst = append(dst, c.Identity...)
	for _, side := range []struct {
		name string
		text []byte
	}{{"old", c.Old}, {"new", c.New}} {
		if len(side.text) > 0 {
			dst = fmt.Appendf(dst, `,%q:{%s}`, side.name, side.text[1:])
		}
	}
	return append(dst[:start], safeJSON(append(dst[start:], '}'))...)
}

// changeLine is a change for people, such as "changed counter count "ann": 7 -> 8".
func changeLine(op string, c *entrydiff.Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s %s %s", c.What, op, shownState(c.State, c.Kind))
	for name, value := range line.Fields(asObject(c.Identity)) {
		switch name {
		case "service", "value":
		case "key":
			fmt.Fprintf(&b, " %s", value)
		default:
			fmt.Fprintf(&b, " %s %s", name, value)
		}
	}
	was, is := changeValue(c.Old), changeValue(c.New)
	switch {
	case c.What == entrydiff.Changed:
		fmt.Fprintf(&b, ": %s -> %s", was, is)
	case was+is != "":
		fmt.Fprintf(&b, ": %s", was+is)
	}
	return b.String()
}

// changeValue is the value among fields; with other fields, all of them.
func changeValue(fields []byte) string {
	value, others := "", false
	for name, v := range line.Fields(asObject(fields)) {
		if name == "value" {
			value = string(v)
		} else {
			others = true
		}
	}
	if others {
		return string(asObject(fields))
	}
	return value
}

// asObject makes an object of fields, each of which stands behind a comma.
func asObject(fields []byte) []byte {
	if len(fields) == 0 {
		return []byte("{}")
	}
	return append(append([]byte{'{'}, fields[1:]...), '}')
}

// diffEntriesJSON is the part of the JSON of `ckpt diff` that --entries adds.
type diffEntriesJSON struct {
	States    []diffStateJSON   `json:"states"`
	Changes   []json.RawMessage `json:"changes"` // the first of them
	More      int64             `json:"more"`    // changes that are not listed
	Undecoded int64             `json:"undecoded"`
}

// diffStateJSON sums up a state.
type diffStateJSON struct {
	Operator string  `json:"op"`
	ID       string  `json:"operator"`
	State    string  `json:"state"`
	Service  *string `json:"service"` // the full name of a state of timers
	Kind     string  `json:"kind"`
	Same     int64   `json:"same"`
	Added    int64   `json:"added"`
	Removed  int64   `json:"removed"`
	Changed  int64   `json:"changed"`
	Unread   int64   `json:"unread,omitempty"` // entries of one side, where it is not known whether the other has them
}

func (c *entryChanges) report() *diffEntriesJSON {
	r := &diffEntriesJSON{States: []diffStateJSON{}, Changes: []json.RawMessage{}, More: c.more, Undecoded: c.passed[0] + c.passed[1]}
	for i := range c.counts {
		n := &c.counts[i]
		r.States = append(r.States, diffStateJSON{
			Operator: c.name(n), ID: n.Operator.String(), State: shownState(n.State, n.Kind), Service: serviceOf(n), Kind: n.Kind.String(),
			Same: n.Same, Added: n.Added, Removed: n.Removed, Changed: n.Changed, Unread: n.Unread,
		})
	}
	for _, line := range c.shown {
		r.Changes = append(r.Changes, json.RawMessage(line))
	}
	return r
}

// undecoded is the error where a part of the state could not be compared.
func (c *entryChanges) undecoded() error {
	if c.first == nil {
		return nil
	}
	n := c.passed[0] + c.passed[1]
	entries := "an entry"
	if n > 1 {
		entries = fmt.Sprintf("%d entries", n)
	}
	return &uncomparedError{message: entries + " could not be compared: " + messageOf(c.first), err: c.first}
}

// uncomparedError is for state that could not be compared, whatever was wrong with it: that is no difference.
type uncomparedError struct {
	message string
	err     error // the first reason
}

// Error implements error.
func (e *uncomparedError) Error() string { return e.message }

// ErrPath is where the first lies.
func (e *uncomparedError) ErrPath() string { return pathOf(e.err) }

// ErrHint is what may be done about it.
func (e *uncomparedError) ErrHint() string { return rawHint(e.err, entryOf(e.err)) }

// serviceOf is the full name of a state of timers.
func serviceOf(n *entrydiff.Count) *string {
	_, service := snapshot.StateName(&backends.State{Name: n.State, Kind: n.Kind})
	return orNull(service)
}

// printEntries shows people what differs in the state; TSV has the states that differ, and nothing else.
func (d *difference) printEntries() error {
	t := d.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KIND", spare: true},
		column{title: "SAME", right: true}, column{title: "ADDED", right: true}, column{title: "REMOVED", right: true}, column{title: "CHANGED", right: true},
		column{title: "UNREAD", right: true, may: true})
	for i := range d.changes.counts {
		n := &d.changes.counts[i]
		cells := []cell{text(d.changes.name(n)), text(shownState(n.State, n.Kind)), text(n.Kind.String()), number(n.Same),
			number(n.Added), number(n.Removed), number(n.Changed), text("")}
		if n.Unread > 0 {
			cells[7] = number(n.Unread).in(yellow)
		}
		if d.env.Output == TSV {
			if cells = append(cells[:7], text(n.Operator.String())); !n.Differs() {
				continue
			}
		}
		if err := t.row(cells...); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil || d.env.Output == TSV {
		return err
	}
	for i, shown := range d.changes.shown {
		if shown = escape(shown); d.env.OutTerminal && d.env.Width() > 0 {
			shown = shorten(shown, d.env.Width())
		}
		if i == 0 {
			shown = "\n" + shown
		}
		if _, err := fmt.Fprintln(d.env.Out, shown); err != nil {
			return err
		}
	}
	if d.changes.more > 0 {
		_, err := fmt.Fprintf(d.env.Out, "%d more entries differ: --limit lists more of them\n", d.changes.more)
		return err
	}
	return nil
}
