package prune

import (
	"os"
	"strings"
	"testing"
)

// docs/safety.md has a row for each guard, with its class, in the order of [Guards].
func TestGuardsDocumented(t *testing.T) {
	rows := guardRows(t)
	for i, g := range Guards {
		if i >= len(rows) {
			t.Errorf("%s has no row", g.Name)
			continue
		}
		row := rows[i]
		if row[0] != string(g.Name) || row[1] != g.Class.String() {
			t.Errorf("row %d is of %s, %s; want %s, %s", i+1, row[0], row[1], g.Name, g.Class)
		}
		if len(row) != 4 || row[2] == "" || row[3] == "" {
			t.Errorf("%s: the row does not say what trips it and what to do: %q", g.Name, row)
		}
	}
	if len(rows) > len(Guards) {
		t.Errorf("rows of no guard: %q", rows[len(Guards):])
	}
}

// guardRows are the cells of the table below the heading Guards, without its head.
func guardRows(t *testing.T) (rows [][]string) {
	t.Helper()
	data, err := os.ReadFile("../../docs/safety.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(data), "\n## Guards\n")
	if !ok {
		t.Fatal("docs/safety.md has no section Guards")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatal("the section has no table")
	}
	return rows[2:]
}
