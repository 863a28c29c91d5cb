package cmd

import (
	"encoding/csv"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
)

// inBucket runs a command line on a bucket that has a copy of dir below flink/. It is a
// minute later than now, as the objects are of now.
func inBucket(t *testing.T, dir string) (run func(args ...string) result) {
	t.Helper()
	web := httptest.NewServer(upload(t, dir))
	t.Cleanup(web.Close)
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "/nonexistent")
	}
	return func(args ...string) result {
		env := call{now: time.Now().Add(time.Minute)}.world(append(args, "-D", "s3.endpoint="+web.URL, "-D", "s3.access-key=who", "-D", "s3.secret-key=secret", "-D", "s3.path.style.access=true"))
		env.Storage = func(s storage.Settings) layout.OpenStore { return storage.New(s).Open }
		env.Mutable = func(s storage.Settings) layout.OpenMutable { return storage.New(s).OpenMutable }
		var out, errs strings.Builder
		env.Out, env.Err = &out, &errs
		code := Run(t.Context(), env)
		return result{code, out.String(), errs.String()}
	}
}

// TestPruneBucket: in a bucket it is the same, and what S3 is to delete by itself is
// listed without any _metadata.
func TestPruneBucket(t *testing.T) {
	run := inBucket(t, old(t, "2.2.0/savepoint-and-checkpoints", threeDays))
	tags := filepath.Join(t.TempDir(), "tags.csv")
	args := append([]string{"prune", "s3a://bucket/flink", "--keep-last", "1", "--unsafe-min-age", "0s", "-o", "json"}, evidence...)
	doc := &pruneDocument{}
	run(append(args, "--emit-tag-manifest", tags)...).want(t, OK).decode(t, doc)
	f, err := os.Open(tags)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range rows {
		listed[row[1]] = row[0] == "bucket"
	}
	for _, d := range doc.Delete {
		if want := !strings.HasSuffix(d.Path, "/_metadata"); listed["flink/"+d.Path] != want {
			t.Errorf("%s: listed %t, want %t", d.Path, !want, want)
		}
	}
	if len(rows) != len(doc.Delete)-2 || len(doc.Delete) != 48 {
		t.Errorf("%d rows, %d to be deleted", len(rows), len(doc.Delete))
	}
	*doc = pruneDocument{}
	run(append(args, "--apply")...).want(t, OK).decode(t, doc)
	if doc.Results == nil || doc.Results.Objects != 48 {
		t.Errorf("%+v", doc.Results)
	}
	run("verify", "s3://bucket/flink").want(t, OK)
	*doc = pruneDocument{}
	run(args...).want(t, OK).decode(t, doc)
	if len(doc.Delete) != 0 {
		t.Errorf("left: %+v", doc.Delete)
	}
	// nobody says that these jobs have ended
	if r := run("prune", "s3://bucket/flink", "--unsafe-min-age", "0s", "--emit-tag-manifest", tags).want(t, OK); r.out != "" {
		t.Error(r.out)
	}
	if data, err := os.ReadFile(tags); err != nil || len(data) != 0 {
		t.Errorf("%v: %s", err, data)
	}
	if r := run("prune", "s3://bucket/nothing").want(t, Refused); !strings.Contains(r.err, "guard root") {
		t.Error(r.err)
	}
}
