package inventory

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// row is one version of one object.
type row struct {
	bucket, key string
	size        int64
	modified    time.Time
	etag        string // without quotes, "" where the report has none
	old, marker bool   // not the latest version; a delete marker
	sized       bool   // whether it has a size
	vague       bool   // whether it leaves open if it is the latest version
}

// check refuses a row that a listing of bucket could not have.
func (r *row) check(bucket string) error {
	switch {
	case r.bucket != bucket:
		return fmt.Errorf("a row of the bucket %q, not %q", r.bucket, bucket)
	case r.key == "":
		return fmt.Errorf("a row without a key")
	case r.vague:
		return fmt.Errorf("%q: whether it is the latest version is not told", r.key)
	case r.old || r.marker:
		return nil
	case !r.sized || r.size < 0:
		return fmt.Errorf("%q has no size", r.key)
	case r.modified.IsZero():
		return fmt.Errorf("%q has no time", r.key)
	}
	return nil
}

// tag is the ETag as S3 gives it in its answers.
func (r *row) tag() string {
	if r.etag == "" {
		return ""
	}
	return `"` + strings.Trim(r.etag, `"`) + `"`
}

// field is what a column says of a row.
type field func(r *row, value string) error

// fields are the columns that count, by their names in CSV and in Parquet.
var fields = map[string]field{
	"Bucket": func(r *row, v string) error { r.bucket = v; return nil },
	"Key": func(r *row, v string) (err error) {
		r.key, err = url.QueryUnescape(v)
		return err
	},
	"IsLatest": func(r *row, v string) error {
		latest, err := parseBool(v)
		r.old = !latest
		return err
	},
	"IsDeleteMarker": func(r *row, v string) (err error) {
		r.marker, err = parseBool(v)
		return err
	},
	"Size": func(r *row, v string) (err error) {
		if v == "" { // a delete marker
			return nil
		}
		r.sized = true
		r.size, err = strconv.ParseInt(v, 10, 64)
		return err
	},
	"LastModifiedDate": func(r *row, v string) (err error) {
		r.modified, err = time.Parse(time.RFC3339, v)
		return err
	},
	"ETag": func(r *row, v string) error { r.etag = v; return nil },
}

// required are the columns without which rows are no listing.
var required = []string{"Bucket", "Key", "Size", "LastModifiedDate"}

// columns are those of a CSV report; nil for one that does not count.
type columns []field

// parseColumns reads the fileSchema of CSV.
func parseColumns(schema string) (columns, error) {
	var found columns
	has := map[string]bool{}
	for name := range strings.SplitSeq(schema, ",") {
		name = strings.TrimSpace(name)
		if has[name] {
			return nil, &Error{Message: fmt.Sprintf("the column %q stands in fileSchema twice", name)}
		}
		has[name] = true
		found = append(found, fields[name])
	}
	for _, name := range required {
		if !has[name] {
			return nil, missingColumn(name)
		}
	}
	return found, nil
}

func missingColumn(name string) error {
	return &Error{Message: "the report has no column " + name, Hint: "let S3 Inventory include the size, last modified date and ETag of objects"}
}

// row takes one record apart.
func (c columns) row(record []string) (r row, err error) {
	for i, take := range c {
		if take == nil {
			continue
		}
		if err := take(&r, record[i]); err != nil {
			return r, fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return r, nil
}

func parseBool(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("%q is neither true nor false", s)
	}
	return s == "true", nil
}
