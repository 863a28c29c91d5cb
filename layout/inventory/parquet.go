package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
)

// parquetColumn is a column that counts. Unlike in CSV, keys are not encoded.
type parquetColumn struct {
	csv  string // its name in CSV
	kind parquet.Kind
	take func(r *row, v parquet.Value)
}

var parquetColumns = map[string]parquetColumn{
	"bucket":             {"Bucket", parquet.ByteArray, func(r *row, v parquet.Value) { r.bucket = string(v.ByteArray()) }},
	"key":                {"Key", parquet.ByteArray, func(r *row, v parquet.Value) { r.key = string(v.ByteArray()) }},
	"is_latest":          {"IsLatest", parquet.Boolean, func(r *row, v parquet.Value) { r.old, r.vague = !v.Boolean(), r.vague || v.IsNull() }},
	"is_delete_marker":   {"IsDeleteMarker", parquet.Boolean, func(r *row, v parquet.Value) { r.marker, r.vague = v.Boolean(), r.vague || v.IsNull() }},
	"size":               {"Size", parquet.Int64, func(r *row, v parquet.Value) { r.size, r.sized = v.Int64(), !v.IsNull() }},
	"last_modified_date": {"LastModifiedDate", parquet.Int64, takeTime},
	"e_tag":              {"ETag", parquet.ByteArray, func(r *row, v parquet.Value) { r.etag = string(v.ByteArray()) }},
}

func takeTime(r *row, v parquet.Value) {
	if !v.IsNull() {
		r.modified = time.UnixMilli(v.Int64()).UTC()
	}
}

// readParquet gives the rows of one file. The library panics on some files that are none:
// that is an error of the file.
func readParquet(src io.ReaderAt, size int64, give func(row) error) (err error) {
	giving := false
	defer func() {
		if giving { // a panic of who takes the rows is none of the file's
			return
		}
		if broken := recover(); broken != nil {
			err = fmt.Errorf("not a Parquet file that can be read: %v", broken)
		}
	}()
	if err := checkFooter(src, size); err != nil {
		return err
	}
	file, err := parquet.OpenFile(src, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	schema, err := project(file)
	if err != nil {
		return err
	}
	takes, err := takers(schema)
	if err != nil {
		return err
	}
	reader := parquet.NewGenericReader[any](file, schema)
	defer reader.Close()
	return giveRows(reader, takes, func(r row) error {
		giving = true
		err := give(r)
		giving = false
		return err
	})
}

// checkFooter refuses a footer that is longer than the file, for which the library would
// make room.
func checkFooter(src io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("too short for a Parquet file")
	}
	if _, err := src.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	if footer := int64(binary.LittleEndian.Uint32(tail[:])); footer > size-12 {
		return fmt.Errorf("the footer of %d bytes does not fit into the file of %d", footer, size)
	}
	return nil
}

// project is the part of the file's schema that counts, so that nothing else is read.
func project(file *parquet.File) (*parquet.Schema, error) {
	group := parquet.Group{}
	for name, column := range parquetColumns {
		leaf := file.Root().Column(name)
		switch {
		case leaf == nil && mayLack(column.csv):
			continue
		case leaf == nil:
			return nil, missingColumn(name)
		case !leaf.Leaf() || leaf.Repeated() || leaf.Type().Kind() != column.kind:
			return nil, &Error{Message: fmt.Sprintf("the column %s is not of a type that S3 Inventory writes: %s", name, leaf.Type())}
		case name == "last_modified_date" && !isMillis(leaf.Type()):
			return nil, &Error{Message: fmt.Sprintf("the column %s is not in milliseconds: %s", name, leaf.Type())}
		}
		group[name] = leaf
	}
	return parquet.NewSchema(file.Schema().Name(), group), nil
}

func mayLack(name string) bool {
	for _, r := range required {
		if r == name {
			return false
		}
	}
	return true
}

// isMillis takes both spellings: TIMESTAMP_MILLIS and TIMESTAMP(MILLIS,true).
func isMillis(t parquet.Type) bool {
	return strings.Contains(strings.ToUpper(t.String()), "MILLI")
}

// takers are what to do with the columns of schema, by their numbers.
func takers(schema *parquet.Schema) ([]func(*row, parquet.Value), error) {
	var takes []func(*row, parquet.Value)
	for _, path := range schema.Columns() {
		if len(path) != 1 {
			return nil, fmt.Errorf("the column %s is not flat", strings.Join(path, "."))
		}
		takes = append(takes, parquetColumns[path[0]].take)
	}
	return takes, nil
}

// giveRows reads to the end.
func giveRows(reader parquet.RowReader, takes []func(*row, parquet.Value), give func(row) error) error {
	rows := make([]parquet.Row, 256)
	for {
		n, err := reader.ReadRows(rows)
		for _, values := range rows[:n] {
			var r row
			for _, v := range values {
				takes[v.Column()](&r, v)
			}
			if err := give(r); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrNoProgress
		}
	}
}
