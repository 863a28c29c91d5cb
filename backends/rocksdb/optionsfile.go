package rocksdb

import (
	"strings"
)

// mergeOperator is how the merge records of a column family are joined.
type mergeOperator struct {
	name      string
	delimiter string
}

const (
	appendTest       = "StringAppendTESTOperator"
	defaultDelimiter = ","
	noMergeOperator  = "nullptr"
)

// parseOptions reads the merge operators off an OPTIONS file, by column family. It is lines of "[CFOptions
// "name"]" and "key=value".
func parseOptions(text string) map[string]mergeOperator {
	found := map[string]mergeOperator{}
	family, inside := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			family, inside = strings.CutPrefix(line, `[CFOptions "`)
			family = strings.TrimSuffix(family, `"]`)
			continue
		}
		if v, ok := strings.CutPrefix(line, "merge_operator="); ok && inside {
			found[family] = parseMergeOperator(v)
		}
	}
	return found
}

// parseMergeOperator reads a name, or "{id=name;delimiter=,;}".
func parseMergeOperator(v string) mergeOperator {
	m := mergeOperator{name: v, delimiter: defaultDelimiter}
	inner, ok := strings.CutPrefix(v, "{")
	if !ok {
		return m
	}
	for rest := strings.TrimSuffix(inner, "}"); rest != ""; {
		var field string
		field, rest = cutField(rest)
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "id":
			m.name = value
		case "delimiter":
			m.delimiter = value
		}
	}
	return m
}

// cutField takes "key=value;" off s. A delimiter may be a semicolon itself: then it stands before another one.
func cutField(s string) (field, rest string) {
	i := strings.IndexByte(s, ';')
	if i < 0 {
		return s, ""
	}
	if strings.HasSuffix(s[:i], "=") && strings.HasPrefix(s[i:], ";;") {
		i++
	}
	return s[:i], s[i+1:]
}
