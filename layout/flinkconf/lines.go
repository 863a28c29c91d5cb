package flinkconf

import (
	"strings"
)

// readLines reads flink-conf.yaml.
func (c *Config) readLines(path string, data []byte) {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = trim(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		key, value = trim(key), trim(value)
		switch {
		case !ok:
			c.warn("%s: left out: no key and value (is the space after the colon missing?)", place(path, n))
		case key == "" || value == "":
			c.warn("%s: left out: the key or the value is empty", place(path, n))
		default:
			c.add(key, value, path, n)
		}
	}
}

// trim is Java's: everything up to the space goes, and no other white space.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
