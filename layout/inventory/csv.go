package inventory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// longestLine is far above what a row may have: a key of 1,024 bytes, each of which takes
// three, and an access control list of some KB.
const longestLine = 1 << 20

// readCSV gives the rows of one compressed file.
func (c columns) readCSV(src io.Reader, give func(row) error) error {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(src, 1<<16))
	if err != nil {
		return fmt.Errorf("not compressed by gzip: %w", err)
	}
	records := csv.NewReader(&lines{Reader: unzipped})
	records.FieldsPerRecord, records.ReuseRecord = len(c), true
	for {
		record, err := records.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		r, err := c.row(record)
		if err == nil {
			err = give(r)
		}
		if err != nil {
			line, _ := records.FieldPos(0)
			if err == errStop {
				return err
			}
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// lines refuses lines without an end: a few KB may unzip to gigabytes.
type lines struct {
	io.Reader
	length int
}

var errLongLine = errors.New("a line is longer than any row of a report")

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		l.length = n - i - 1
	} else if l.length += n; l.length > longestLine {
		return 0, errLongLine
	}
	return n, err
}
