package inventory_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/inventory"
	"github.com/parquet-go/parquet-go"
)

func set(key string, value any) func(map[string]any) {
	return func(m map[string]any) { m[key] = value }
}

func inFile(key string, value any) func(map[string]any) {
	return func(m map[string]any) { m["files"].([]map[string]any)[1][key] = value }
}

// defects are reports that must not be believed, with a part of what is said.
var defects = map[string]struct {
	spoil func(w *world)
	want  string
}{
	"no JSON":           {func(w *world) { w.manifest = set("files", "none") }, "not a manifest of S3 Inventory"},
	"no files":          {func(w *world) { w.manifest = set("files", nil) }, "files is missing"},
	"no bucket":         {func(w *world) { w.manifest = set("sourceBucket", "") }, "is missing"},
	"another bucket":    {func(w *world) { w.manifest = set("sourceBucket", "other") }, "it is of the bucket other"},
	"another version":   {func(w *world) { w.manifest = set("version", "2030-01-01") }, `version "2030-01-01"`},
	"no time":           {func(w *world) { w.manifest = set("creationTimestamp", "0") }, "no time in milliseconds"},
	"a time far off":    {func(w *world) { w.manifest = set("creationTimestamp", "9223372036854775807") }, "no time in milliseconds"},
	"ORC":               {func(w *world) { w.manifest = set("fileFormat", "ORC") }, "in ORC"},
	"unknown format":    {func(w *world) { w.manifest = set("fileFormat", "XML") }, `in "XML"`},
	"no size":           {func(w *world) { w.manifest = set("fileSchema", "Bucket, Key, LastModifiedDate") }, "no column Size"},
	"a column twice":    {func(w *world) { w.manifest = set("fileSchema", "Bucket, Key, Key, Size, LastModifiedDate") }, "twice"},
	"fewer columns":     {func(w *world) { w.manifest = set("fileSchema", "Bucket, Key, Size, LastModifiedDate") }, "wrong number of fields"},
	"other columns":     {func(w *world) { w.manifest = set("fileSchema", "Bucket, Key, a, b, c, LastModifiedDate, Size, d, e") }, "column 6"},
	"no checksum":       {func(w *world) { w.manifest = inFile("MD5checksum", "") }, "no MD5checksum"},
	"a wrong checksum":  {func(w *world) { w.manifest = inFile("MD5checksum", strings.Repeat("ab", 16)) }, "its MD5 is"},
	"another size":      {func(w *world) { w.manifest = inFile("size", 7) }, "incomplete"},
	"a negative size":   {func(w *world) { w.manifest = inFile("size", -7) }, "-7 bytes"},
	"a file twice":      {func(w *world) { w.manifest = inFile("key", reportDir+"data/part-0.csv.gz") }, "twice"},
	"a way out":         {func(w *world) { w.manifest = inFile("key", "../../etc/passwd") }, "no key of an object"},
	"an absolute key":   {func(w *world) { w.manifest = inFile("key", "/etc/passwd") }, "no key of an object"},
	"manifest.checksum": {func(w *world) { w.checksum = func(string) string { return strings.Repeat("0", 32) } }, "manifest.checksum"},
	"cut off":           {func(w *world) { w.data = func(d []byte) []byte { return d[:len(d)/2] } }, "incomplete"},
	"a flipped bit":     {func(w *world) { w.data = func(d []byte) []byte { d = bytes.Clone(d); d[len(d)/2] ^= 4; return d } }, "its MD5 is"},
	"a file is missing": {func(w *world) { w.data = func([]byte) []byte { return nil } }, "is missing"},
	"row of another bucket": {func(w *world) {
		w.rows = append(w.rows, listed{bucket: "other", key: "x", modified: w.created})
	}, `a row of the bucket "other"`},
	"row without a key": {func(w *world) { w.rows = append(w.rows, listed{bucket: bucket, modified: w.created}) }, "without a key"},
	"row of negative size": {func(w *world) {
		w.rows = append(w.rows, listed{bucket: bucket, key: "x", size: -1, modified: w.created})
	}, "no size"},
}

func spoiled(t *testing.T, format string, spoil func(*world)) error {
	t.Helper()
	w := newWorld()
	w.format = format
	w.put(jobID+"/chk-7/_metadata", "m")
	for i := range 40 {
		w.put(fmt.Sprintf("%s/shared/%d", jobID, i), "m")
	}
	spoil(w)
	w.publish(t)
	live := w.openLive(t, "mem://flink", nil)
	s, _, err := inventory.Open(t.Context(), w.open, manifestURL, live)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = layout.NewTree(t.Context(), s, nil)
	return err
}

func TestDefects(t *testing.T) {
	csvOnly := []string{"a column twice", "fewer columns", "other columns", "no size", "a file twice"}
	for name, c := range defects {
		for _, format := range []string{"CSV", "Parquet"} {
			if format == "Parquet" && strings.Contains(strings.Join(csvOnly, "\n"), name) {
				continue
			}
			err := spoiled(t, format, c.spoil)
			if err == nil {
				t.Errorf("%s, %s: believed", format, name)
				continue
			}
			var located interface{ ErrPath() string }
			if !strings.Contains(err.Error(), c.want) || !errors.As(err, &located) || !strings.HasPrefix(located.ErrPath(), "mem://reports/"+reportDir) {
				t.Errorf("%s, %s: %v", format, name, err)
			}
		}
	}
	for _, format := range []string{"CSV", "Parquet"} {
		if err := spoiled(t, format, func(*world) {}); err != nil {
			t.Errorf("%s, whole: %v", format, err)
		}
	}
}

// replaced is a report whose second file has other content, with its true size and checksum.
func replaced(t *testing.T, format string, data []byte) error {
	return spoiled(t, format, func(w *world) {
		w.data = func([]byte) []byte { return data }
		w.manifest = func(m map[string]any) {
			inFile("size", len(data))(m)
			inFile("MD5checksum", fmt.Sprintf("%x", md5.Sum(data)))(m)
		}
	})
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

// Files that are what the manifest says, and still no reports.
func TestOtherContent(t *testing.T) {
	noSize := bytes.Buffer{}
	err := parquet.Write(&noSize, []struct {
		Bucket string `parquet:"bucket"`
		Key    string `parquet:"key"`
	}{{"flink", "k"}})
	if err != nil {
		t.Fatal(err)
	}
	seconds := bytes.Buffer{}
	err = parquet.Write(&seconds, []struct {
		Bucket       string `parquet:"bucket"`
		Key          string `parquet:"key"`
		Size         int64  `parquet:"size"`
		LastModified int64  `parquet:"last_modified_date,timestamp(microsecond)"`
	}{{"flink", "k", 1, 1}})
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Buffer{}
	err = parquet.Write(&text, []struct {
		Bucket       string `parquet:"bucket"`
		Key          string `parquet:"key"`
		Size         string `parquet:"size"`
		LastModified int64  `parquet:"last_modified_date,timestamp(millisecond)"`
	}{{"flink", "k", "1", 1}})
	if err != nil {
		t.Fatal(err)
	}
	whole := parquetOf(t, []listed{{bucket: bucket, key: "k"}})
	for name, c := range map[string]struct {
		format string
		data   []byte
		want   string
	}{
		"not compressed":     {"CSV", []byte("a,b"), "gzip"},
		"empty":              {"CSV", nil, "is missing"},
		"a bomb":             {"CSV", zipped(strings.Repeat("x", 8<<20)), "longer than any row"},
		"a quoted bomb":      {"CSV", zipped(`"` + strings.Repeat("x", 8<<20)), "longer than any row"},
		"torn gzip":          {"CSV", zipped("x")[:20], "EOF"},
		"a bad escape":       {"CSV", zipped(`"flink","%zz","","true","false","1","2026-01-01T00:00:00.000Z","",""` + "\n"), "line 1: column 2"},
		"neither true":       {"CSV", zipped(`"flink","k","","","false","1","2026-01-01T00:00:00.000Z","",""` + "\n"), "neither true nor false"},
		"a bad time":         {"CSV", zipped(`"flink","k","","true","false","1","yesterday","",""` + "\n"), "column 7"},
		"no size of a file":  {"CSV", zipped(`"flink","k","","true","false","","2026-01-01T00:00:00.000Z","",""` + "\n"), "no size"},
		"no Parquet":         {"Parquet", []byte("PAR1 it is not, PAR1"), "not a data file"},
		"short":              {"Parquet", []byte("PAR1"), "too short"},
		"a footer too long":  {"Parquet", []byte("PAR1\xff\xff\xff\x7fPAR1"), "does not fit"},
		"Parquet cut off":    {"Parquet", whole[len(whole)/2:], "not a data file"},
		"no column":          {"Parquet", noSize.Bytes(), "no column"},
		"microseconds":       {"Parquet", seconds.Bytes(), "not in milliseconds"},
		"a size that's text": {"Parquet", text.Bytes(), "not of a type"},
	} {
		err := replaced(t, c.format, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "part-1") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A byte of a Parquet file may be wrong: that is an error or does not show, never a panic.
func TestSpoiledParquet(t *testing.T) {
	whole := parquetOf(t, []listed{{bucket: bucket, key: jobID + "/shared/x", size: 1}, {bucket: bucket, key: jobID + "/shared/y", size: 2}})
	failed, tried := 0, 0
	for i := 0; i < len(whole); i += 5 {
		tried++
		data := bytes.Clone(whole)
		data[i] ^= 0x15
		if replaced(t, "Parquet", data) != nil {
			failed++
		}
	}
	if failed < tried/4 {
		t.Errorf("only %d of %d were noticed", failed, tried)
	}
}

func TestOpenFails(t *testing.T) {
	w := newWorld()
	w.put("x", "m")
	w.publish(t)
	for url, want := range map[string]string{
		"mem://reports/" + reportDir + "2026-03-01T01-00Z/":  "not a manifest",
		"mem://reports/" + reportDir + "data/part-1.csv.gz":  "not a manifest",
		"mem://reports/" + reportDir + "nothing/manifest.js": "does not exist",
		"gs://reports/manifest.json":                         "unknown scheme",
	} {
		s, _, err := inventory.Open(t.Context(), w.open, url, w.openLive(t, "mem://flink", nil))
		if s != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	live := elsewhere{w.openLive(t, "mem://flink", nil)}
	if _, _, err := inventory.Open(t.Context(), w.open, manifestURL, live); !errors.Is(err, inventory.ErrOtherTree) || !strings.Contains(err.Error(), "does not lie in S3") {
		t.Errorf("a tree that is not in S3: %v", err)
	}
}

type elsewhere struct{ layout.Store }

// URL is no place in S3.
func (elsewhere) URL() string { return "gs://flink" }

// Cancelling ends a listing, and is no fault of the report.
func TestCancelled(t *testing.T) {
	w := newWorld()
	w.put(jobID+"/chk-7/_metadata", "m")
	w.put(jobID+"/shared/s", "m")
	for _, format := range []string{"CSV", "Parquet"} {
		w.format = format
		s := w.store(t, "mem://flink", nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for o, err := range s.List(ctx, "") {
			if cancel(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", o.Key, err)
			}
		}
		if _, err := layout.NewTree(ctx, s, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled listing: %v", err)
		}
	}
}
