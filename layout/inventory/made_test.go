package inventory_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/inventory"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/parquet-go/parquet-go"
)

const (
	bucket      = "flink"
	destination = "reports"
	reportDir   = "all/flink/daily/"
	manifestURL = "mem://" + destination + "/" + reportDir + "2026-03-01T01-00Z/manifest.json"
	jobID       = "495d8572c34476e61174bd4e676c9523"
)

// listed is a row of a report.
type listed struct {
	bucket, key        string
	size               int64
	modified           time.Time
	notLatest, deleted bool
}

// world is a bucket with a tree, and one with reports of it.
type world struct {
	memory  storage.Memory
	created time.Time
	rows    []listed
	// Parts of what is written about the rows may be spoiled.
	manifest func(m map[string]any)
	data     func(data []byte) []byte
	checksum func(sum string) string
	format   string
}

func newWorld() *world {
	return &world{created: time.Now().Add(time.Hour).Truncate(time.Millisecond), format: "CSV"}
}

func (w *world) open(ctx context.Context, url string) (layout.Store, error) {
	return storage.Registry{w.memory.Driver()}.Open(ctx, url)
}

// put stores an object, and notes it for the report.
func (w *world) put(key, content string) {
	w.memory.Put(bucket, key, []byte(content))
	w.note(key, int64(len(content)))
}

func (w *world) note(key string, size int64) {
	w.rows = append(w.rows, listed{bucket: bucket, key: key, size: size, modified: w.created.Add(-2 * time.Hour)})
}

// putTree stores what lies below a directory.
func (w *world) putTree(t *testing.T, prefix, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if err == nil {
			rel, _ := filepath.Rel(dir, file)
			w.put(prefix+filepath.ToSlash(rel), string(data))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// publish writes the report, in two data files.
func (w *world) publish(t *testing.T) {
	t.Helper()
	m := map[string]any{
		"sourceBucket": bucket, "destinationBucket": "arn:aws:s3:::" + destination, "version": "2016-11-30",
		"creationTimestamp": strconv.FormatInt(w.created.UnixMilli(), 10), "fileFormat": w.format,
		"fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass",
	}
	var files []map[string]any
	half := len(w.rows) / 2
	for i, rows := range [][]listed{w.rows[:half], w.rows[half:]} {
		key := fmt.Sprintf("%sdata/part-%d.csv.gz", reportDir, i)
		data := csvOf(rows)
		if w.format == "Parquet" {
			key, data = fmt.Sprintf("%sdata/part-%d.parquet", reportDir, i), parquetOf(t, rows)
		}
		files = append(files, map[string]any{"key": key, "size": len(data), "MD5checksum": fmt.Sprintf("%x", md5.Sum(data))})
		if w.data != nil && i == 1 {
			data = w.data(data)
		}
		if data != nil {
			w.memory.Put(destination, key, data)
		}
	}
	m["files"] = files
	if w.manifest != nil {
		w.manifest(m)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSuffix(strings.TrimPrefix(manifestURL, "mem://"+destination+"/"), "manifest.json")
	w.memory.Put(destination, dir+"manifest.json", text)
	sum := fmt.Sprintf("%x", md5.Sum(text))
	if w.checksum != nil {
		sum = w.checksum(sum)
	}
	if sum != "" {
		w.memory.Put(destination, dir+"manifest.checksum", []byte(sum+"\n"))
	}
}

func csvOf(rows []listed) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, r := range rows {
		size, etag := strconv.FormatInt(r.size, 10), "d41d8cd98f00b204e9800998ecf8427e"
		if r.deleted {
			size, etag = "", ""
		}
		key := strings.ReplaceAll(url.QueryEscape(r.key), "%2F", "/")
		fmt.Fprintf(z, "%q,%q,%q,\"%v\",\"%v\",%q,%q,%q,%q\n", r.bucket, key, "", !r.notLatest, r.deleted, size,
			r.modified.UTC().Format("2006-01-02T15:04:05.000Z"), etag, "STANDARD")
	}
	z.Close()
	return b.Bytes()
}

// parquetRow is a row as S3 writes it.
type parquetRow struct {
	Bucket       string  `parquet:"bucket"`
	Key          string  `parquet:"key"`
	VersionID    *string `parquet:"version_id,optional"`
	IsLatest     *bool   `parquet:"is_latest,optional"`
	IsMarker     *bool   `parquet:"is_delete_marker,optional"`
	Size         *int64  `parquet:"size,optional"`
	LastModified *int64  `parquet:"last_modified_date,optional,timestamp(millisecond)"`
	ETag         *string `parquet:"e_tag,optional"`
	StorageClass *string `parquet:"storage_class,optional"`
}

func parquetOf(t *testing.T, rows []listed) []byte {
	t.Helper()
	var out []parquetRow
	for _, r := range rows {
		p := parquetRow{Bucket: r.bucket, Key: r.key, IsLatest: new(!r.notLatest), IsMarker: new(r.deleted), LastModified: new(r.modified.UnixMilli()), StorageClass: new("STANDARD")}
		if !r.deleted {
			p.Size, p.ETag = new(r.size), new("d41d8cd98f00b204e9800998ecf8427e")
		}
		out = append(out, p)
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[parquetRow](&b, parquet.Compression(&parquet.Snappy))
	if _, err := w.Write(out); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// openLive opens the tree at a URL, by way of wrap.
func (w *world) openLive(t *testing.T, url string, wrap func(layout.OpenStore) layout.OpenStore) layout.Store {
	t.Helper()
	open := layout.OpenStore(w.open)
	if wrap != nil {
		open = wrap(open)
	}
	live, err := open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// store is the tree at url with the report.
func (w *world) store(t *testing.T, url string, wrap func(layout.OpenStore) layout.OpenStore) layout.Store {
	t.Helper()
	w.publish(t)
	s, created, err := inventory.Open(t.Context(), w.open, manifestURL, w.openLive(t, url, wrap))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if !created.Equal(w.created) {
		t.Errorf("created %v, want %v", created, w.created)
	}
	return s
}

// keys are the files that a listing has, and its first error.
func keys(t *testing.T, s layout.Store, dir string) (files []string, err error) {
	t.Helper()
	for o, e := range s.List(t.Context(), dir) {
		switch {
		case e != nil && err == nil:
			err = e
		case e == nil && o.Type == layout.TypeFile:
			files = append(files, o.Key)
		}
	}
	slices.Sort(files)
	return files, err
}
