package cmd

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"pgregory.net/rapid"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain/path-1":        "plain/path-1",
		"日本 é":                "日本 é",
		"a\tb\nc\rd":          `a\tb\nc\rd`,
		"\x1b[31mred\x07\x7f": `\x1b[31mred\x07\x7f`,
		"\u009b31m":           `\u009b31m`, // CSI in one character
		"abc\u202edef\u2028":  `abc\u202edef\u2028`,
		"\xff\xed\xa0\x80":    `\xff\xed\xa0\x80`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
	if got := escapeLines("a\nb\x1b"); got != "a\nb\\x1b" {
		t.Errorf("escapeLines: %q", got)
	}
}

func TestEscapeLeavesNothingHarmful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		for _, got := range []string{escape(s), escapeTSV(s)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Fatalf("%q is left as %q", s, got)
			}
		}
	})
}

func TestShorten(t *testing.T) {
	for _, test := range []struct {
		in    string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"0123456789", 5, "01…89"},
		{"0123456789", 6, "012…89"},
		{"日本語日本語", 7, "日…語"},
		{"anything", 1, "…"},
		{"anything", 0, "…"},
	} {
		if got := shorten(test.in, test.width); got != test.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", test.in, test.width, got, test.want)
		}
	}
}

func TestShortenFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := escape(rapid.String().Draw(t, "s"))
		width := rapid.IntRange(1, 60).Draw(t, "width")
		if got := shorten(s, width); twwidth.Width(got) > width {
			t.Fatalf("shorten(%q, %d) = %q takes %d columns", s, width, got, twwidth.Width(got))
		}
	})
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		5 << 30: "5.0 GiB", math.MaxInt64: "8.0 EiB", -1: "-1 B", -2048: "-2.0 KiB", math.MinInt64: "-8.0 EiB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("humanSize(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestHumanAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:            "in the future",
		0:                       "0s",
		59 * time.Second:        "59s",
		119 * time.Second:       "1m",
		2*time.Hour + 5*60e9:    "2h05m",
		26 * time.Hour:          "1d2h",
		10*24*time.Hour + 36e12: "10d",
		400 * 24 * time.Hour:    "400d",
	} {
		if got := humanAge(d); got != want {
			t.Errorf("humanAge(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	env := &Env{OutTerminal: true, Width: func() int { return 20 }}
	if got := env.wrap("one two three four five six /a/path/that/is/too/long end", "  "); got != "one two three four\n  five six\n  /a/path/that/is/too/long\n  end" {
		t.Errorf("%q", got)
	}
	env.OutTerminal = false
	if got := env.wrap("one two three four five six", "  "); strings.Contains(got, "\n") {
		t.Errorf("%q", got)
	}
}
