package offsets

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// fileSplit reads a split of FileSource.
func fileSplit(r *reader) Position {
	p := newPosition("file", "")
	p.Split = r.utf()
	p.Path = filePath(r)
	p.Start, p.Length = r.i64(), r.i64()
	modified, size := r.i64(), r.i64()
	for n := r.count(2); n > 0 && r.ok(); n-- {
		r.utf()
	}
	p.Offset = p.Start
	if r.bool() {
		p.readerAt(r, r.i64(), r.i64())
	}
	if p.Split == "" || p.Path == "" || p.Start < 0 || p.Length < 0 || modified < 0 || size < 0 {
		r.fail("split %q of file %q, bytes from %d on, %d of them, of %d", p.Split, p.Path, p.Start, p.Length, size)
	}
	return p
}

// readerAt takes a position (Flink: CheckpointedPosition). -1 means that records count from the beginning of the split.
func (p *Position) readerAt(r *reader, offset, skip int64) {
	if offset < -1 || skip < 0 {
		r.fail("position %d and %d records", offset, skip)
	}
	if offset >= 0 {
		p.Offset = offset
	}
	p.Skip = skip
}

// filePath reads a Path as a URI in parts (Flink: Path.serializeToDataOutputView).
func filePath(r *reader) string {
	if !r.bool() {
		r.fail("no path")
		return ""
	}
	scheme, user, host := nullable(r), nullable(r), nullable(r)
	port := r.i32()
	path, query, fragment := nullable(r), nullable(r), nullable(r)
	if !strings.HasPrefix(path, "/") && (scheme != "" || host != "") || path == "" || port < -1 || port > 65535 {
		r.fail("%q is no path", path)
		return ""
	}
	return joinURI(scheme, user, host, port, path, query, fragment)
}

// nullable is a string that may be null, which is "".
func nullable(r *reader) string {
	if !r.bool() {
		return ""
	}
	s, ok := r.str()
	if !ok {
		r.fail("a null within a path")
	}
	return s
}

// Enumerator states of FileSource begin with this.
const pendingSplitsMagic = 0xdeadbeef

// fileEnumerator reads the splits not yet handed out, and counts the files that were seen
// (Flink: PendingSplitsCheckpointSerializer). Its own numbers are little-endian.
func fileEnumerator(r *reader, c *Coordinator) {
	if magic := r.le32(); magic != pendingSplitsMagic {
		r.fail("%08x at its beginning", magic)
	}
	if v := r.le32(); v != 1 {
		r.fail("a file split of version %d", v)
	}
	splits, paths := r.le32(), r.le32()
	if int64(splits)+int64(paths) > int64(len(r.b)-r.at)/4 {
		r.fail("%d splits and %d paths in %d bytes", splits, paths, len(r.b)-r.at)
		return
	}
	for ; splits > 0 && r.ok(); splits-- {
		c.unassigned(inner(r, r.take(int(r.le32())), fileSplit))
	}
	for ; paths > 0 && r.ok(); paths-- {
		if b := r.take(int(r.le32())); len(b) == 0 || !utf8.Valid(b) {
			r.fail("%q is no path", b)
		}
		c.Processed++
	}
}

func (r *reader) le32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
