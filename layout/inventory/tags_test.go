package inventory_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/inventory"
)

func TestWriteTagManifest(t *testing.T) {
	var b strings.Builder
	err := inventory.WriteTagManifest(&b, "my-bucket.x", slices.Values([]string{
		"cp/" + jobID + "/shared/53310b3e-8b68-473b-a578-88a7cfe22d40", "a b+c,\"d\"%20/ü\n=", "plain-._~",
	}))
	want := "my-bucket.x,cp/" + jobID + "/shared/53310b3e-8b68-473b-a578-88a7cfe22d40\n" +
		"my-bucket.x,a%20b%2Bc%2C%22d%22%2520/%C3%BC%0A%3D\n" +
		"my-bucket.x,plain-._~\n"
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestWriteTagManifestRefuses(t *testing.T) {
	for _, c := range []struct{ bucket, key, want string }{
		{"", "k", "no name of a bucket"},
		{"a,b", "k", "no name of a bucket"},
		{"a/b", "k", "no name of a bucket"},
		{"b", "", "without a key"},
		{"b", "cp/chk-7/_metadata", "no data file"},
		{"b", "cp/chk-7/", "no data file"},
	} {
		err := inventory.WriteTagManifest(io.Discard, c.bucket, slices.Values([]string{"good", c.key}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: %v", c.bucket, c.key, err)
		}
	}
	if err := inventory.WriteTagManifest(full{}, "b", slices.Values([]string{"good"})); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("no space left")

type full struct{}

// Write implements io.Writer.
func (full) Write([]byte) (int, error) { return 0, errFull }
