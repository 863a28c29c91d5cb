package storage

import (
	"errors"
	"strings"
	"testing"
)

func TestSchemes(t *testing.T) {
	for url, want := range map[string]string{
		"":             "the path is empty",
		"oss://b":      "oss:// is not supported",
		"viewfs://c/x": "viewfs:// is not supported",
		"ftp://h/x":    `ftp://h/x: unknown scheme "ftp"`,
	} {
		_, err := Open(t.Context(), url)
		var scheme *SchemeError
		if !errors.As(err, &scheme) || err.Error() != want || scheme.ErrPath() != url {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if hint := scheme.ErrHint(); scheme.Instead == "" && !strings.Contains(hint, "local path, file://, s3://") || hint == "" {
			t.Errorf("%s: hint %s", url, hint)
		}
	}
}
