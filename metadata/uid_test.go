package metadata

import (
	"regexp"
	"strings"
	"testing"
)

// The first three stand as operator ids in checkpoints that Flink wrote.
func TestOperatorIDOf(t *testing.T) {
	for uid, want := range map[string]string{
		"CheckpointingSource1":            "69f32d314b97c6f7f9ed7873983167f2",
		"CheckpointingKeyedStateFlatMap1": "d5c8b168c6cbfe8c507a10f88b325243",
		"second":                          "6730ef7375fb60f9d9bbdfdfd174d803",
		"first":                           "adf090656b210b1609ad3203d4ee7329",
		"my-uid":                          "8409efe6adc6d20787611f16017c808f",
		"日本-uid":                          "9c9bb80fc02bcba585b7b6ef6b1a9103",
		"":                                strings.Repeat("0", 32),
	} {
		if got := OperatorIDOf(uid).String(); got != want {
			t.Errorf("OperatorIDOf(%q) = %s, want %s", uid, got, want)
		}
	}
}

// Java's String.getBytes writes "?" for a surrogate without its partner, so Guava
// hashes that. The bytes of one, as some encoders leave them, stand for it here.
func TestOperatorIDOfInvalid(t *testing.T) {
	for uid, same := range map[string]string{
		"a\xed\xa0\x80b":           "a?b",  // a high surrogate
		"\xed\xbf\xbf":             "?",    // a low one
		"\xed\xa0\x80\xed\xb0\x80": "??",   // a pair, but each half on its own: no UTF-8
		"a\xff\xfeb":               "a??b", // bytes that no Java string has
		"cut \xed\xa0":             "cut ??",
		"\uFFFD":                   "\uFFFD", // a character like any other
		"😀":                        "😀",
	} {
		if got, want := OperatorIDOf(uid), OperatorIDOf(same); got != want {
			t.Errorf("OperatorIDOf(%q) = %s, want that of %q, %s", uid, got, same, want)
		}
	}
}

func TestNewUUID(t *testing.T) {
	random := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := NewUUID()
		if !random.MatchString(id) || seen[id] {
			t.Fatalf("%q, after %d others", id, len(seen))
		}
		seen[id] = true
	}
}
