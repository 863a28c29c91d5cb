package prune

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/layout"
)

// longestLine is more than any line that is written: a header names the snapshots of a
// batch. No more is read at a time than a line has.
const longestLine = 64 << 20

// header is the first line of every file of lines.
type header interface{ schema() (got, want string) }

// createLines creates a file of JSON values, one a line, which write gives twice in the
// same way: stores want to know the size before, and there may be too many to keep.
func createLines(ctx context.Context, store layout.Putter, key string, write func(put func(any) error) error) (layout.Object, error) {
	var size counter
	if err := write(putter(&size)); err != nil {
		return layout.Object{}, err
	}
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffered := bufio.NewWriterSize(w, 1<<16)
		err := write(putter(buffered))
		w.CloseWithError(errors.Join(err, buffered.Flush()))
	}()
	o, err := store.Create(ctx, key, r, int64(size))
	r.Close() // ends the writer where the store did not read to the end
	<-ended
	return o, err
}

// putter writes values as lines.
func putter(w io.Writer) func(any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode
}

// counter counts what is written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// readLines reads a file of lines from a store.
func readLines(ctx context.Context, store layout.Opener, key string, head header, line func([]byte) error) error {
	content, err := store.Open(ctx, key)
	if err != nil {
		return err
	}
	defer content.Close()
	return scanLines(content.Whole(), head, line)
}

// scanLines reads a header and gives the lines behind it. Each must end: what was torn
// off is no line.
func scanLines(r io.Reader, head header, line func([]byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, longestLine)
	s.Split(wholeLines)
	if !s.Scan() {
		return errors.Join(s.Err(), errors.New("it is empty"))
	}
	if err := json.Unmarshal(s.Bytes(), head); err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	if got, want := head.schema(); got != want {
		return fmt.Errorf("it is of the schema %q, not %q", got, want)
	}
	for n := 2; s.Scan(); n++ {
		if err := line(s.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}

var errTorn = errors.New("it ends in the midst of a line")

func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errTorn
	}
	return 0, nil, nil
}
