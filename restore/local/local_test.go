package local_test

import (
	"errors"
	"os"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/local"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// A storage of one's own is asked for by its name, and may ask for its settings, also where nothing is set. What a run that does not come about
// had is gone.
func TestStorageOfOnesOwn(t *testing.T) {
	for want, setting := range map[string]checkpoints.Setting{
		"unset": nil,
		"there": func(key string) (string, bool) { return "there", key == "mine.place" },
	} {
		s, err := settings.Load(settings.Layers{})
		if err != nil {
			t.Fatal(err)
		}
		s.Storage, s.LocalDir = "mine", t.TempDir()
		var got string
		_, err = local.New(s, local.World{Setting: setting, Storages: checkpoints.Registry{{Names: []string{"mine"}, New: func(get checkpoints.Setting) (checkpoints.Storage, error) {
			place, ok := get("mine.place")
			if got = place; !ok {
				got = "unset"
			}
			return nil, errNotThere
		}}}})
		if !errors.Is(err, errNotThere) || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
		if left, err := os.ReadDir(s.LocalDir); err != nil || len(left) > 0 {
			t.Errorf("%v are left: %v", left, err)
		}
	}
}

var errNotThere = errors.New("not there")
