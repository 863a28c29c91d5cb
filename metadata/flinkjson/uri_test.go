package flinkjson

import "testing"

// TestURI holds what java.net.URI made of these paths (Java 17, by Flink 2.2's Path).
func TestURI(t *testing.T) {
	for path, want := range map[string]string{
		"file:/flink/a-b_c.d/x":     "file:/flink/a-b_c.d/x",
		"s3://bucket/a b%20c/x":     "s3://bucket/a%20b%2520c/x",
		"s3://b/日本/ż":               "s3://b/日本/ż",
		"hdfs://nn:8020/a#b?c[d]":   "hdfs://nn:8020/a%23b%3Fc%5Bd%5D",
		"/local/no scheme":          "/local/no%20scheme",
		"s3://b/a\"<>\\^`{|}\u00a0": "s3://b/a%22%3C%3E%5C%5E%60%7B%7C%7D%C2%A0",
		"s3://b/!~*'():@&=+$,;":     "s3://b/!~*'():@&=+$,;",
	} {
		if got := uri(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

// TestBackendUUID: an id that is no UUID becomes the UUID that it names.
func TestBackendUUID(t *testing.T) {
	for id, want := range map[string]string{
		"not-a-uuid":                           "84b1b24b-c3a1-3f06-a7c7-46d2ee9dd6f7", // by Flink 2.2
		"82a1164e-7924-4fdd-8935-3108e9238276": "82a1164e-7924-4fdd-8935-3108e9238276",
		"82A1164E-7924-4FDD-8935-3108E9238276": "82a1164e-7924-4fdd-8935-3108e9238276",
	} {
		if got := backendUUID(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
