package rocksdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// PebbleFile is a file of a database of Pebble.
type PebbleFile struct {
	Name string
	Size int64  // in bytes
	Sum  uint32 // CRC-32C of all its bytes
}

// PebbleHeader is the name that the handle's meta stream has in a list of files.
const PebbleHeader = "header"

const pebbleTitle = "Pebble 1"

// pebbleNames are all names that files of a database have in a checkpoint, and in its list.
var pebbleNames = regexp.MustCompile(`^(\d{6,}\.sst|MANIFEST-\d{6,}|OPTIONS-\d{6,}|marker\.[a-z-]+\.\d{6,}\.[A-Za-z0-9-]+|` + PebbleHeader + `)$`)

// AppendPebbleFiles writes the content of the file PebbleMarker: all other files of the handle. It sorts them.
func AppendPebbleFiles(dst []byte, files []PebbleFile) []byte {
	slices.SortFunc(files, func(a, b PebbleFile) int { return strings.Compare(a.Name, b.Name) })
	dst = append(dst, pebbleTitle+"\n"...)
	for _, f := range files {
		dst = fmt.Appendf(dst, "%08x %d %s\n", f.Sum, f.Size, f.Name)
	}
	return dst
}

// ParsePebbleFiles reads what AppendPebbleFiles writes, and nothing else.
func ParsePebbleFiles(b []byte) ([]PebbleFile, error) {
	title, rest, _ := bytes.Cut(b, []byte("\n"))
	if string(title) != pebbleTitle {
		return nil, fmt.Errorf("the list of files begins with %.40q, not with %q: another version of ckpt wrote it", title, pebbleTitle)
	}
	var files []PebbleFile
	for n := 2; len(rest) > 0; n++ {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		var f PebbleFile
		k, err := fmt.Sscanf(string(line), "%x %d %s", &f.Sum, &f.Size, &f.Name)
		if !whole || k != 3 || err != nil || !pebbleNames.MatchString(f.Name) || f.Size < 0 {
			return nil, fmt.Errorf("the list of files has %.80q in line %d", line, n)
		}
		if len(files) > 0 && files[len(files)-1].Name >= f.Name {
			return nil, fmt.Errorf("the list of files has %s not in its place", f.Name)
		}
		files, rest = append(files, f), more
	}
	if !bytes.Equal(AppendPebbleFiles(nil, files), b) {
		return nil, errors.New("the list of files is not as ckpt writes it")
	}
	return files, nil
}

// readPebbleFiles reads the list of files, and holds the handle's against it.
func (db *database) readPebbleFiles(h *metadata.IncrementalHandle) error {
	if n := len(h.Shared) + len(h.Private); n != len(db.names) || db.names[PebbleHeader] != nil {
		return db.failed("the handle of the database has a file twice")
	}
	db.names[PebbleHeader] = h.Meta
	b, place, err := db.read(PebbleMarker)
	if err != nil {
		return err
	}
	db.place = place
	files, err := ParsePebbleFiles(b)
	if err != nil {
		return db.failed("%v", err)
	}
	db.listed = map[string]PebbleFile{}
	for _, f := range files {
		db.listed[f.Name] = f
		switch have := db.names[f.Name]; {
		case have == nil:
			return db.failed("the handle of the database does not have file %s, which the list of its files has", f.Name)
		case have.StateSize() != f.Size:
			return db.failed("the handle of the database has file %s with %d bytes, and the list of its files with %d", f.Name, have.StateSize(), f.Size)
		}
	}
	if n := len(db.names) - 1; n != len(files) {
		return db.failed("the handle of the database has %d files, and the list of its files %d", n, len(files))
	}
	_, _, err = db.readListed(PebbleHeader)
	return err
}

// readListed reads a small file, which must be what the list says where there is one.
func (db *database) readListed(name string) ([]byte, string, error) {
	b, place, err := db.read(name)
	if f, ok := db.listed[name]; ok && err == nil && (f.Size != int64(len(b)) || f.Sum != crc32.Checksum(b, castagnoli)) {
		return nil, "", f.another(place)
	}
	return b, place, err
}

func (f *PebbleFile) another(place string) *backends.Error {
	return &backends.Error{Path: place, KeyGroup: -1, Message: fmt.Sprintf("this is not the file that was written as %s of the database, of %d bytes with checksum %08x", f.Name, f.Size, f.Sum)}
}

// verifyListed holds all files but the tables against the list.
func (db *database) verifyListed(report func(*backends.Error)) error {
	for _, name := range slices.Sorted(maps.Keys(db.listed)) {
		if strings.HasSuffix(name, tableSuffix) {
			continue
		}
		var e *backends.Error
		if _, _, err := db.readListed(name); errors.As(err, &e) {
			report(e)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// verifySummed verifies a table that the list has. What is read in order anyway is summed up on the way.
func (t *liveTable) verifySummed(ctx context.Context, table *Table, report func(*backends.Error)) (int64, error) {
	s := &summing{src: table.src}
	n, err := table.verify(ctx, s, report)
	if err == nil {
		err = table.explain(s.rest(ctx, table.size))
	}
	if f := t.db.listed[t.Name()]; err == nil && (s.sum != f.Sum || table.size != f.Size) {
		report(f.another(table.blob.Name()))
	}
	return n, err
}

// summing sums up what is read through it, as far as that is in order.
type summing struct {
	src io.ReaderAt
	at  int64 // up to where
	sum uint32
}

// ReadAt implements io.ReaderAt.
func (s *summing) ReadAt(p []byte, offset int64) (int, error) {
	n, err := s.src.ReadAt(p, offset)
	if end := offset + int64(n); offset <= s.at && s.at < end {
		s.sum = crc32.Update(s.sum, castagnoli, p[s.at-offset:n])
		s.at = end
	}
	return n, err
}

// rest sums up what was not read.
func (s *summing) rest(ctx context.Context, size int64) error {
	buf := make([]byte, min(mostRead, size-s.at))
	for s.at < size {
		if err := errors.Join(ctx.Err(), readFull(s, buf[:min(int64(len(buf)), size-s.at)], s.at)); err != nil {
			return err
		}
	}
	return nil
}
