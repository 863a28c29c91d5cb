package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
)

// Where each file has a directory of its own, a walk gives up and says so.
func TestTooManyDirectories(t *testing.T) {
	memory := &storage.Memory{}
	for i := range 50 {
		memory.Put("b", fmt.Sprintf("cp/%04d/x/chk-1/file", i), nil)
	}
	live, err := storage.Registry{memory.Driver()}.Open(t.Context(), "mem://b/cp")
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]string{151: "", 150: "more than 150 directories", 1: "more than 1 directories"} {
		w := newWalk(t.Context(), live)
		w.limit = limit
		var failed []string
		whole := w.run(func(o layout.Object, err error) bool {
			if err != nil {
				failed = append(failed, err.Error())
			}
			return true
		})
		if got := strings.Join(failed, "\n"); !strings.Contains(got, want) || whole != (want == "") || want == "" && got != "" {
			t.Errorf("limit %d: %v %q", limit, whole, got)
		}
	}
}
