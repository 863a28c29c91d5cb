package storage

import (
	"errors"
	"strings"
	"testing"
)

func TestSchemes(t *testing.T) {
	for url, want := range map[string]string{
		"":             "the path is empty",
		"s3://b/x":     "s3:// is not supported by this build yet",
		"S3A://b/x":    "s3a:// is not supported by this build yet",
		"s3p:/b/x":     "s3p:// is not supported by this build yet",
		"gs://b":       "gs:// is not supported by this build yet",
		"azblob://c":   "azblob:// is not supported by this build yet",
		"abfss://c@a/": "abfss:// is not supported by this build yet",
		"wasb://c@a/":  "wasb:// is not supported by this build yet",
		"hdfs://nn/x":  "hdfs:// is not supported by this build yet",
		"oss://b":      "oss:// is not supported by this build yet",
		"ftp://h/x":    `ftp://h/x: unknown scheme "ftp"`,
	} {
		_, err := Open(t.Context(), url)
		var scheme *SchemeError
		if !errors.As(err, &scheme) || err.Error() != want || scheme.ErrPath() != url {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if hint := scheme.ErrHint(); !strings.Contains(hint, "local path, file://") {
			t.Errorf("%s: hint %s", url, hint)
		}
	}
}
