// Package flinkconf reads Flink's own configuration: config.yaml (1.19 and later), which
// is YAML, and flink-conf.yaml (up to 1.20), whose lines are keys and values.
//
// In config.yaml keys may be nested, flat, or both; "a: {b: 1}" is "a.b: 1". Scalars
// become strings as Flink prints them, and lists become "x;y", which Flink takes for a
// list as well. In flink-conf.yaml each line is "key: value", "#" starts a comment
// wherever it stands, and there are no quotes; Flink leaves out a line that it cannot
// read, and so does this package, with a warning.
//
// Flink renamed many keys. Whichever spelling is asked for, the current key counts
// first, then its older ones in Flink's order.
package flinkconf

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names of the files in Flink's conf directory.
const (
	FileName       = "config.yaml"
	LegacyFileName = "flink-conf.yaml"
)

// Config is Flink's configuration. The zero value is an empty one.
type Config struct {
	entries  map[string]entry
	warnings []string
}

// entry is a value and where it stands.
type entry struct{ value, origin string }

// Error is a place in a configuration that cannot be read, or a value of the wrong
// kind. It names the value of no key that could hold a secret.
type Error struct {
	Path    string // of the file, or "-D"
	Line    int    // 0 where there is none
	Key     string // or ""
	Message string
}

// Error implements error.
func (e *Error) Error() string {
	s := place(e.Path, e.Line)
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Message
}

// ErrPath is the file.
func (e *Error) ErrPath() string { return e.Path }

func place(path string, line int) string {
	if line == 0 {
		return path
	}
	return fmt.Sprintf("%s:%d", path, line)
}

// Load reads a file, or what lies in a conf directory.
func Load(path string) (*Config, error) {
	c := &Config{entries: map[string]entry{}}
	path, err := c.choose(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if filepath.Base(path) == LegacyFileName {
		c.readLines(path, data)
		return c, nil
	}
	if err := c.readYAML(path, data); err != nil {
		return nil, err
	}
	return c, nil
}

// choose finds the file in a directory. Where both lie there, Flink 2 reads
// config.yaml, and older versions the other.
func (c *Config) choose(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	file, legacy := filepath.Join(path, FileName), filepath.Join(path, LegacyFileName)
	_, legacyErr := os.Stat(legacy)
	switch _, err := os.Stat(file); {
	case err == nil && legacyErr == nil:
		c.warn("%s is read, and %s is not; Flink 1.19 and 1.20 do it the other way round", file, LegacyFileName)
	case errors.Is(err, fs.ErrNotExist) && legacyErr == nil:
		return legacy, nil
	case errors.Is(err, fs.ErrNotExist):
		return "", &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("neither %s nor %s: %w", FileName, LegacyFileName, fs.ErrNotExist)}
	}
	return file, nil
}

func (c *Config) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// add sets a key that a file has, and of two the later.
func (c *Config) add(key, value, path string, line int) {
	origin := place(path, line)
	if old, twice := c.entries[key]; twice {
		c.warn("%s: %s has been set at %s already; the later one counts", origin, key, old.origin)
	}
	c.entries[key] = entry{value, origin}
}

// Set overrides a key, as -D does. As in Flink, an older spelling that is set this way
// does not overrule the current key of a file.
func (c *Config) Set(key, value string) {
	if c.entries == nil {
		c.entries = map[string]entry{}
	}
	c.entries[key] = entry{value, "-D"}
}

// Lookup is the value of a key, by whichever of its spellings.
func (c *Config) Lookup(key string) (string, bool) {
	_, e, ok := c.find(key)
	return e.value, ok
}

// find tells the spelling as well.
func (c *Config) find(key string) (string, entry, bool) {
	for _, spelling := range Spellings(key) {
		if e, ok := c.entries[spelling]; ok {
			return spelling, e, true
		}
	}
	return key, entry{}, false
}

// Origin is where the value of a key stands: "path:line", "-D", or "" for nowhere.
func (c *Config) Origin(key string) string {
	_, e, _ := c.find(key)
	return e.origin
}

// Keys are all keys that are set, as they are spelled, sorted.
func (c *Config) Keys() []string { return slices.Sorted(maps.Keys(c.entries)) }

// Warnings are what the user should know: lines that were left out, keys that are set
// twice, and spellings of one key that are at odds.
func (c *Config) Warnings() []string {
	all := slices.Clone(c.warnings)
	seen := map[string]bool{}
	for _, key := range c.Keys() {
		spellings := Spellings(key)
		if seen[spellings[0]] {
			continue
		}
		seen[spellings[0]] = true
		if w := c.odds(spellings); w != "" {
			all = append(all, w)
		}
	}
	return all
}

// odds tells of spellings that have not the same value.
func (c *Config) odds(spellings []string) string {
	winner, first, _ := c.find(spellings[0])
	var others []string
	for _, s := range spellings {
		if e, ok := c.entries[s]; ok && e.value != first.value {
			others = append(others, fmt.Sprintf("%s (%s)", s, e.origin))
		}
	}
	if others == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s counts, and not %s, which is the same key and says otherwise", first.origin, winner, strings.Join(others, ", "))
}

// sensitive are the parts by which Flink knows keys of secrets.
var sensitive = []string{
	"password", "secret", "fs.azure.account.key", "apikey", "api-key", "auth-params", "service-key", "token", "basic-auth",
	"jaas.config", "http-headers",
}

// Redacted tells whether the value of a key must not be shown, by Flink's rule.
func Redacted(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(sensitive, func(part string) bool { return strings.Contains(key, part) })
}
