package cmd

import (
	"log/slog"
	"strings"
	"testing"
)

func TestPlainMessages(t *testing.T) {
	var out strings.Builder
	log := newLogger(&out, false, slog.LevelInfo)
	log.Debug("unseen")
	log.Info("found by its tail", "path", "/a b", "n", 3)
	log.With("job", "x").WithGroup("file").Warn("odd\x1b", "name", "\x1b")
	log.Error("broken", "quoted", `"`)
	want := `ckpt: found by its tail path="/a b" n=3
ckpt: warning: odd\x1b job=x file.name=\x1b
ckpt: error: broken quoted="\""
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestJSONMessages(t *testing.T) {
	var out strings.Builder
	newLogger(&out, true, slog.LevelWarn).Info("unseen")
	newLogger(&out, true, slog.LevelWarn).Warn("seen", "n", 1)
	if got := out.String(); !strings.Contains(got, `"msg":"seen","n":1}`) || strings.Contains(got, "unseen") {
		t.Error(got)
	}
}
