package cmd

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// drawTable writes rows of a path, a size and an age.
func drawTable(t *testing.T, env *Env, rows int) string {
	t.Helper()
	var out strings.Builder
	env.Out = &out
	tab := env.newTable(column{title: "PATH", shrink: true}, column{title: "SIZE", right: true}, column{title: "AGE", right: true}, column{title: "NAME"})
	for i := range rows {
		path := fmt.Sprintf("s3://bucket/flink/00000000000000000000000000000000/chk-%d", i)
		if err := tab.row(text(path), env.size(int64(i)<<20), env.age(testNow.Add(-time.Duration(i)*time.Minute)), text("日\x1b")); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func tableEnv(c call, form Format) *Env {
	env := c.world(nil)
	env.Output = form
	return env
}

func TestTableForPeople(t *testing.T) {
	got := drawTable(t, tableEnv(call{terminal: true, width: 60}, Table), 3)
	want := `PATH                                       SIZE  AGE  NAME
s3://bucket/flink/0…000000000000/chk-0      0 B   0s  日\x1b
s3://bucket/flink/0…000000000000/chk-1  1.0 MiB   1m  日\x1b
s3://bucket/flink/0…000000000000/chk-2  2.0 MiB   2m  日\x1b
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The layout must not change where the rows become too many for one.
func TestLongTableStreams(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		c := call{terminal: terminal, width: 60}
		few := strings.Split(drawTable(t, tableEnv(c, Table), tableRows), "\n")
		many := strings.Split(drawTable(t, tableEnv(c, Table), tableRows+50), "\n")
		if len(many) != tableRows+52 {
			t.Fatalf("%d lines", len(many))
		}
		for i, line := range few[:len(few)-1] {
			if many[i] != line {
				t.Fatalf("terminal %t, line %d: %q\nbut streamed %q", terminal, i, line, many[i])
			}
		}
		for _, line := range many {
			if terminal && twwidth.Width(line) > 60 {
				t.Errorf("%d columns: %s", twwidth.Width(line), line)
			}
		}
	}
}

// A pipe gets everything, whatever COLUMNS says.
func TestNothingIsShortenedInAPipe(t *testing.T) {
	for _, form := range []Format{Table, TSV} {
		got := drawTable(t, tableEnv(call{width: 20}, form), 1)
		if !strings.Contains(got, "s3://bucket/flink/00000000000000000000000000000000/chk-0") || strings.Contains(got, "…") {
			t.Errorf("%s: %s", form, got)
		}
	}
}

func TestTSV(t *testing.T) {
	env := tableEnv(call{}, TSV)
	var out strings.Builder
	env.Out = &out
	tab := env.newTable(column{title: "A"}, column{title: "B"}, column{title: "C"}, column{title: "D"})
	if err := tab.row(text("tab\there \\ \x1b"), text(""), env.size(3<<30), env.age(testNow)); err != nil {
		t.Fatal(err)
	}
	if err := tab.row(optional(nil), optional(new("x")), number(-1), env.age(time.Time{})); err != nil {
		t.Fatal(err)
	}
	if err := tab.close(); err != nil {
		t.Fatal(err)
	}
	want := "tab\\there \\\\ \\x1b\t\t3221225472\t2026-03-01T12:00:00Z\n\tx\t-1\t\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestVerboseIsExact(t *testing.T) {
	env := tableEnv(call{}, Table)
	env.Verbose = true
	got := drawTable(t, env, 2)
	for _, part := range []string{"1048576", "2026-03-01T11:59:00Z"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s lacks %s", got, part)
		}
	}
}

// Styles do not count as width.
func TestStyledCells(t *testing.T) {
	for _, rows := range []int{1, tableRows + 1} {
		env := tableEnv(call{terminal: true, width: 80}, Table)
		env.ColorOut = true
		var out strings.Builder
		env.Out = &out
		tab := env.newTable(column{title: "STATE"}, column{title: "N"})
		for range rows {
			if err := tab.row(text("ok").in(green), text("1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := tab.close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if !strings.HasPrefix(lines[1], "\x1b[32mok\x1b[0m ") || twwidth.Width(lines[1]) != len("STATE  1") {
			t.Errorf("%d rows: %q", rows, lines[1])
		}
		if !strings.HasPrefix(lines[0], "\x1b[1mSTATE\x1b[") {
			t.Errorf("%d rows: header %q", rows, lines[0])
		}
	}
}

func TestTableWithoutRows(t *testing.T) {
	if got := drawTable(t, tableEnv(call{}, Table), 0); got != "PATH  SIZE  AGE  NAME\n" {
		t.Errorf("table: %q", got)
	}
	if got := drawTable(t, tableEnv(call{}, TSV), 0); got != "" {
		t.Errorf("tsv: %q", got)
	}
}

func TestTableReportsAFailedWrite(t *testing.T) {
	failure := errors.New("disk")
	for _, form := range []Format{Table, TSV} {
		for _, rows := range []int{1, 5 * tableRows} {
			env := tableEnv(call{}, form)
			env.Out = &failingWriter{1, failure}
			tab := env.newTable(column{title: "A"})
			var err error
			for i := 0; i < rows && err == nil; i++ {
				err = tab.row(text(strings.Repeat("x", 100)))
			}
			if err == nil {
				err = tab.close()
			}
			if !errors.Is(err, failure) {
				t.Errorf("%s, %d rows: %v", form, rows, err)
			}
		}
	}
}

func BenchmarkLongTable(b *testing.B) {
	env := tableEnv(call{terminal: true, width: 80}, Table)
	env.Out = io.Discard
	for b.Loop() {
		tab := env.newTable(column{title: "PATH", shrink: true}, column{title: "SIZE", right: true})
		for i := range 100_000 {
			_ = tab.row(text("00000000000000000000000000000000/chk-1"), env.size(int64(i)))
		}
		_ = tab.close()
	}
}
