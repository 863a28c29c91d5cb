package job

import (
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Expr is an expression of the file, and where it stands.
type Expr struct {
	Source string
	at     position
	// exact is whether at is where the first letter of Source stands in the file, and margin the column where its further lines begin.
	exact  bool
	margin int
}

// Named is an expression with the name of its column.
type Named struct {
	Name string
	Expr
	nameAt position
}

// Exprs are expressions by name, in the order of the file.
type Exprs []Named

// ColumnKinds are columns and their types, in the order of the file.
type ColumnKinds []ColumnKind

// ColumnKind is a column.
type ColumnKind struct {
	engine.Column
	at position
}

// columns are the columns alone.
func (c ColumnKinds) columns() (all []engine.Column) {
	for _, column := range c {
		all = append(all, column.Column)
	}
	return all
}

// UID names a source or operator whose output is read.
type UID struct {
	Name string
	at   position
}

// Names are names of columns, and where each stands.
type Names []UID

// Strings are the names alone.
func (n Names) Strings() []string {
	var all []string
	for _, one := range n {
		all = append(all, one.Name)
	}
	return all
}

// parseDuration reads a duration as Flink does, with a sign in front where it may be negative.
func parseDuration(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	digits, negative := strings.CutPrefix(text, "-")
	var c flinkconf.Config
	c.Set("duration", digits)
	d, err := c.Duration("duration", 0)
	if negative {
		d = -d
	}
	return d, err == nil
}

// parseSize reads a number of bytes as Flink does.
func parseSize(text string) (int64, bool) {
	var c flinkconf.Config
	c.Set("size", text)
	n, err := c.Bytes("size", 0)
	return n, err == nil
}

// Size is a number of bytes.
type Size int64
