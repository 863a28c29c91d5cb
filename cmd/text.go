package cmd

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fatih/color"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// escape makes text from a file safe for a terminal: control characters, those
// that turn the direction of writing, and bytes that are not UTF-8 become visible.
func escape(s string) string { return escapeExcept(s, "") }

// escapeLines is escape for text that may have several lines.
func escapeLines(s string) string { return escapeExcept(s, "\n") }

func escapeExcept(s, keep string) string {
	if isPrintable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strings.ContainsRune(keep, r) || !isHarmful(r):
			b.WriteRune(r)
		default:
			b.WriteString(escapedRune(r))
		}
		i += n
	}
	return b.String()
}

func escapedRune(r rune) string {
	switch {
	case r == '\t':
		return `\t`
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// isPrintable tells whether s is ASCII without control characters, as nearly
// everything is.
func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isHarmful tells whether a terminal may obey r rather than show it.
func isHarmful(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// shorten cuts the middle out of s so that it takes at most width columns.
func shorten(s string, width int) string {
	if twwidth.Width(s) <= width {
		return s
	}
	if width <= 1 {
		return "…"
	}
	runes := []rune(s)
	head := takeWidth(runes, width/2)
	slices.Reverse(runes[len(head):])
	tail := takeWidth(runes[len(head):], width-1-width/2)
	slices.Reverse(tail)
	return string(head) + "…" + string(tail)
}

// takeWidth is as much of the front of runes as fits into width columns.
func takeWidth(runes []rune, width int) []rune {
	for i, r := range runes {
		width -= twwidth.Width(string(r))
		if width < 0 {
			return runes[:i]
		}
	}
	return runes
}

// wrap breaks s between words where the terminal ends, and begins the further lines
// with indent. A word that is too long, such as a path, is left whole.
func (e *Env) wrap(s, indent string) string { return e.wrapAfter(len(indent), s, indent) }

// wrapAfter is wrap for a text that stands behind used columns of its first line.
func (e *Env) wrapAfter(used int, s, indent string) string {
	if !e.OutTerminal || e.Width() <= 0 {
		return s
	}
	var b strings.Builder
	left := e.Width() - used
	for i, word := range strings.Split(s, " ") {
		n := twwidth.Width(word)
		switch {
		case i == 0:
		case n+1 > left:
			b.WriteString("\n" + indent)
			left = e.Width() - len(indent)
		default:
			b.WriteByte(' ')
			left--
		}
		b.WriteString(word)
		left -= n
	}
	return b.String()
}

// humanSize is n bytes in IEC units with three digits or so.
func humanSize(n int64) string {
	if n > -1024 && n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for ; (f >= 1023.95 || f <= -1023.95) && unit < 6; unit++ {
		f /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", f, " KMGTPE"[unit])
}

// humanAge is a duration in its largest unit, two where the first is small.
func humanAge(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "in the future"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d < 10*day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// style is how a word looks where colours are on.
type style = color.Attribute

// The styles of words.
const (
	plain  style = 0
	bold         = color.Bold
	faint        = color.Faint
	red          = color.FgRed
	green        = color.FgGreen
	yellow       = color.FgYellow
	cyan         = color.FgCyan
)

// paintOut styles a word for Out.
func (e *Env) paintOut(s style, word string) string { return paint(e.ColorOut, s, word) }

// paintErr styles a word for Err.
func (e *Env) paintErr(s style, word string) string { return paint(e.ColorErr, s, word) }

func paint(on bool, s style, word string) string {
	if !on || s == plain {
		return word
	}
	c := color.New(s)
	c.EnableColor() // the library's own guess knows nothing of --color
	return c.Sprint(word)
}
