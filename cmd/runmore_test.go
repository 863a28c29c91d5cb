package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A source that ends at once, and one that does not end; the first has a computed column.
const moreJob = `
name: more
parallelism: 2
parameters: {few: 10, out: out}
sources:
  - {uid: few, type: sequence, records: "${few}", compute: {twice: 2 * n}}
  - {uid: many, type: sequence, records: 1000000000, rate: 1000}
sinks:
  - {uid: files, type: files, input: few, url: "${out}", format: json}
  - {uid: nothing, type: discard, input: many}
`

// TestRunMoreRecords: a source that had come to its end gives what is new when the job is resumed with more records, and nothing twice.
func TestRunMoreRecords(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "more.yaml"), filepath.Join(dir, "out")
	if err := os.WriteFile(file, []byte(moreJob), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	from := ""
	for _, few := range []int{10, 70, 70, 71} {
		x, _ := startJob(t, file, from, fmt.Sprint("few=", few), "out="+out)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		for x.Progress().Records < 300 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		c, err := x.StopWithSavepoint(ctx, filepath.Join(dir, "savepoints"), false)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		x.Wait()
		from = c.ExternalPointer
		if got := visible(t, out); len(got) != few || !slices.Contains(got, fmt.Sprintf(`{"n":%d,"twice":%d}`, few-1, 2*few-2)) {
			t.Errorf("%d records instead of %d: %q", len(got), few, got)
		}
	}
}
