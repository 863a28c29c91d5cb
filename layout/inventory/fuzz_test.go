package inventory

import (
	"bytes"
	"compress/gzip"
	"testing"
	"time"
)

const (
	seedSchema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
	seedRows   = `"b","cp/a%2Bb+c","v","true","false","12","2026-03-01T00:00:00.000Z","d41d"` + "\n" +
		`"b","gone","v","true","true","","2026-03-01T00:00:00.000Z",""` + "\n"
)

// Whatever stands in a CSV file, each row that comes out of it has what a listing needs.
func FuzzCSV(f *testing.F) {
	f.Add(seedSchema, []byte(seedRows))
	f.Add("Bucket, Key, Size, LastModifiedDate", []byte(`"b","k","1","2026-03-01T00:00:00Z"`))
	f.Add(seedSchema, []byte(`"b","`+"\n"))
	f.Fuzz(func(t *testing.T, schema string, text []byte) {
		c, err := parseColumns(schema)
		if err != nil {
			return
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(text)
		z.Close()
		rows := 0
		err = c.readCSV(&b, func(r row) error {
			rows++
			if r.check("b") == nil && !r.old && !r.marker && (r.key == "" || r.size < 0 || r.modified.IsZero()) {
				t.Errorf("a row without what a listing needs: %+v", r)
			}
			return nil
		})
		if err == nil && rows == 0 && len(bytes.TrimSpace(text)) > 0 {
			t.Errorf("no error, and none of %q was read", text)
		}
		_ = c.readCSV(bytes.NewReader(text), func(row) error { return nil })
	})
}

// Whatever stands in a manifest, what is believed of it can be verified.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"sourceBucket":"b","destinationBucket":"arn:aws:s3:::d","version":"2016-11-30","creationTimestamp":"1514944800000","fileFormat":"CSV","fileSchema":"` +
		seedSchema + `","files":[{"key":"i/b/data/x.csv.gz","size":7,"MD5checksum":"f11166069f1990abeb9c97ace9cdfabc"}]}`))
	f.Add([]byte(`{"sourceBucket":"b","version":"2016-11-30","creationTimestamp":1,"fileFormat":"Parquet","files":[]}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		if m.SourceBucket == "" || m.created.Before(time.UnixMilli(1)) || m.created.Year() > 9999 {
			t.Errorf("believed: %+v", m)
		}
		for _, file := range m.Files {
			if file.Key == "" || file.Size < 0 || len(file.MD5) != 32 {
				t.Errorf("a file that cannot be verified: %+v", file)
			}
		}
	})
}
