package flinkjson

import (
	"fmt"
	"strings"
	"unicode"
)

// uri is a path as java.net.URI prints it, which is what Flink takes for the physical
// id of a file: the same, but what a URI may not hold is percent-encoded, and a
// percent sign always (FileStateHandle.getStreamStateHandleID).
func uri(path string) string {
	head, rest := "", path
	if scheme, after, ok := strings.Cut(path, ":"); ok && !strings.Contains(scheme, "/") {
		head, rest = scheme+":", after
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		authority, _, _ := strings.Cut(after, "/")
		head, rest = head+"//"+authority, after[len(authority):]
	}
	if !strings.ContainsFunc(rest, quoted) {
		return path
	}
	var b strings.Builder
	b.WriteString(head)
	for _, r := range rest {
		if !quoted(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// quoted tells whether java.net.URI encodes r in a path.
func quoted(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
		return false
	case r < 0x80:
		return !strings.ContainsRune("-_.!~*'():@&=+$,;/", r)
	}
	return unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp) || unicode.IsControl(r)
}
