package layout

import "testing"

func TestCanonical(t *testing.T) {
	for url, want := range map[string]string{
		"/a/b":                    "/a/b",
		"/a//b/":                  "/a/b",
		"file:/a/b":               "/a/b",
		"file:///a/b":             "/a/b",
		"file://localhost/a":      "/a",
		"FILE:/a":                 "/a",
		"file://host/a":           "file://host/a",
		"file:/a b/100%/%20/ü?x#": "/a b/100%/%20/ü?x#",
		"s3://b/x":                "s3://b/x",
		"s3a://b/x/":              "s3://b/x",
		"s3p://b//x":              "s3://b/x",
		"S3://b":                  "s3://b",
		"s3://b/":                 "s3://b",
		"s3n://b/x":               "s3n://b/x",
		"abfss://c@a.dfs/x":       "abfs://c@a.dfs/x",
		"hdfs://nn:8020/x":        "hdfs://nn:8020/x",
		"hdfs:///x":               "hdfs:///x",
		"a:b":                     "a:b",
		"1a:/b":                   "1a:/b",
		"rel//path/":              "rel/path",
		".":                       ".",
		"/":                       "/",
		"":                        "",
	} {
		if got := Canonical(url); got != want {
			t.Errorf("Canonical(%q) = %q, want %q", url, got, want)
		}
		if again := Canonical(want); again != want {
			t.Errorf("Canonical(%q) = %q: it has no rest", want, again)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, c := range []struct {
		root, url, key string
		ok             bool
	}{
		{"/a", "/a", "", true},
		{"/a", "/a/b/c", "b/c", true},
		{"/a", "/ab", "", false},
		{"/", "/a", "a", true},
		{"s3://b", "s3://b/x", "x", true},
		{"s3://b", "s3://bc/x", "", false},
		{"s3://b/x", "s3://b", "", false},
		{"/a", "s3://a/b", "", false},
	} {
		key, ok := Below(c.root, c.url)
		if ok != c.ok || ok && key != c.key {
			t.Errorf("Below(%q, %q) = %q, %v", c.root, c.url, key, ok)
		}
		if ok && Join(c.root, key) != c.url {
			t.Errorf("Join(%q, %q) = %q, want %q", c.root, key, Join(c.root, key), c.url)
		}
	}
}

func TestCleanKey(t *testing.T) {
	for key, want := range map[string]string{
		"": "", ".": "", "a": "a", "a/": "a", "./a//b/.": "a/b", "a b/ü%20": "a b/ü%20", "..a/b..": "..a/b..",
	} {
		if got, err := CleanKey(key); err != nil || got != want {
			t.Errorf("CleanKey(%q) = %q, %v", key, got, err)
		}
	}
	for _, key := range []string{"..", "../a", "a/..", "a/../b", "/a", "/", "a\x00b"} {
		if got, err := CleanKey(key); err == nil {
			t.Errorf("CleanKey(%q) = %q", key, got)
		}
	}
}
