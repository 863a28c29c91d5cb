package cmd

import (
	"errors"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// verdict is the error to end with, as that of ls.
func (d *diskUsage) verdict() error {
	l := &listing{env: d.env, inv: &layout.Inventory{}}
	for _, t := range d.used.Graph.Trees {
		l.inv.Errors = append(l.inv.Errors, t.Errors...)
		l.snapshots = append(l.snapshots, t.Snapshots...)
	}
	for i := range d.used.Graph.Nodes {
		n := &d.used.Graph.Nodes[i]
		switch {
		case n.State == layout.Corrupt || n.State == layout.Unsupported:
			l.codes = append(l.codes, Findings)
		case n.Err != nil && !slices.ContainsFunc(l.inv.Errors, func(err error) bool { return errors.Is(n.Err, err) }):
			l.unread = append(l.unread, n.Err)
		}
	}
	return l.verdict()
}
