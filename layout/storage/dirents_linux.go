package storage

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/ckpt-tool/ckpt/layout"
	"golang.org/x/sys/unix"
)

// dirents reads an open directory as the system gives it: what package os makes of each
// entry on the way takes as long as the system's own part, and trees have millions.
type dirents struct {
	f   *os.File
	dir string // key
	buf *[64 << 10]byte
}

var direntBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

func newDirents(f *os.File, dir string) *dirents {
	return &dirents{f: f, dir: dir, buf: direntBuffers.Get().(*[64 << 10]byte)}
}

func (d *dirents) close() { direntBuffers.Put(d.buf) }

// next describes some entries, without following them; at the end it gives io.EOF.
func (d *dirents) next(fail func(error, string) error) ([]entry, error) {
	fd := int(d.f.Fd())
	n, err := again(func() (int, error) { return unix.ReadDirent(fd, d.buf[:]) })
	switch {
	case err != nil:
		return nil, os.NewSyscallError("getdents64", err)
	case n <= 0:
		return nil, io.EOF
	}
	entries := make([]entry, 0, n/64) // of names as long as UUIDs
	for rest := d.buf[:n]; len(rest) > 0; {
		size := binary.NativeEndian.Uint16(rest[unsafe.Offsetof(unix.Dirent{}.Reclen):])
		name := rest[unsafe.Offsetof(unix.Dirent{}.Name):size]
		name = name[:bytes.IndexByte(name, 0)]
		rest = rest[size:]
		if s := string(name); s != "." && s != ".." {
			entries = d.add(entries, fd, s, fail)
		}
	}
	return entries, nil
}

func (d *dirents) add(entries []entry, fd int, name string, fail func(error, string) error) []entry {
	key := name
	if d.dir != "" {
		key = d.dir + "/" + name
	}
	var st unix.Stat_t
	_, err := again(func() (int, error) { return 0, unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	switch err {
	case nil:
		return append(entries, entry{Object: statObject(key, &st)})
	case unix.ENOENT: // it has gone meanwhile
		return entries
	}
	return append(entries, entry{layout.Object{Key: key}, fail(os.NewSyscallError("fstatat", err), key)})
}

func statObject(key string, st *unix.Stat_t) layout.Object {
	o := layout.Object{Key: key, Modified: time.Unix(st.Mtim.Unix())}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		o.Size = st.Size
	case unix.S_IFDIR:
		o.Type = layout.TypeDir
	case unix.S_IFLNK:
		o.Type = layout.TypeLink
	default:
		o.Type = layout.TypeSpecial
	}
	return o
}

// again calls f until no signal interrupts it.
func again(f func() (int, error)) (int, error) {
	for {
		if n, err := f(); err != unix.EINTR {
			return n, err
		}
	}
}
