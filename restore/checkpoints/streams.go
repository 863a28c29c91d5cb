package checkpoints

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// limits say where the bytes of a state go.
type limits struct {
	threshold int    // up to so many lie in the handle
	most      int    // more are refused; 0: none are
	buffer    int    // so many are held in memory
	temp      string // directory of temporary files
}

// Streams implements Location.
func (l *location) Streams() backends.Streams { return streams{l} }

type streams struct{ l *location }

// dir is the directory of a scope.
func (s streams) dir(scope metadata.Scope) string {
	if scope == metadata.Shared {
		return s.l.shared
	}
	return s.l.exclusive
}

// Create implements backends.Streams.
func (s streams) Create(ctx context.Context, scope metadata.Scope) (backends.StateStream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &stream{ctx: ctx, access: s.l.access, dir: s.dir(scope), name: metadata.NewUUID()}, nil
}

// Upload implements backends.Streams.
func (s streams) Upload(ctx context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	w := &stream{ctx: ctx, access: s.l.access, dir: s.dir(scope), name: metadata.NewUUID(), pos: info.Size()}
	if info.Size() == 0 {
		return &metadata.InlineHandle{Name: w.path(), Data: []byte{}}, nil
	}
	if limits := &w.access.limits; info.Size() > int64(limits.threshold) && limits.most == 0 {
		return w.create(f)
	}
	w.pos = 0
	defer w.Close()
	if _, err := io.Copy(w, f); err != nil {
		return nil, err
	}
	return w.CloseAndHandle()
}

// Discard implements backends.Streams.
func (s streams) Discard(ctx context.Context, h metadata.StreamHandle) error {
	return s.l.access.Discard(ctx, h, s.l.exclusive)
}

// stream gathers a state: in memory, then in a temporary file, as storages want to know a file's size before its first byte.
type stream struct {
	ctx       context.Context
	access    *access
	dir, name string
	memory    bytes.Buffer
	spill     *os.File
	pos       int64
	ended     bool
}

// ErrStreamClosed is returned for writing to a stream that has ended.
var ErrStreamClosed = errors.New("the stream of the state is closed")

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	if s.ended {
		return 0, ErrStreamClosed
	}
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	limits := &s.access.limits
	if n := s.pos + int64(len(p)); limits.most > 0 && n > int64(limits.most) {
		return 0, &StateSizeError{Size: n, Max: limits.most}
	}
	s.pos += int64(len(p))
	_, _ = s.memory.Write(p) // it never fails
	if limits.most == 0 && s.memory.Len() > max(limits.buffer, limits.threshold) {
		return len(p), s.flush()
	}
	return len(p), nil
}

// flush moves what is in memory to the temporary file.
func (s *stream) flush() (err error) {
	if s.spill == nil {
		if s.spill, err = os.CreateTemp(s.access.limits.temp, "ckpt-state-*"); err != nil {
			return err
		}
	}
	_, err = s.memory.WriteTo(s.spill)
	return err
}

// Pos implements backends.StateStream.
func (s *stream) Pos() int64 { return s.pos }

// CloseAndHandle implements backends.StateStream.
func (s *stream) CloseAndHandle() (metadata.StreamHandle, error) {
	if s.ended {
		return nil, ErrStreamClosed
	}
	defer s.Close()
	if err := s.ctx.Err(); err != nil || s.pos == 0 {
		return nil, err
	}
	if limits := &s.access.limits; s.pos <= int64(limits.threshold) || limits.most > 0 {
		return &metadata.InlineHandle{Name: s.path(), Data: bytes.Clone(s.memory.Bytes())}, nil
	}
	if s.spill == nil {
		return s.create(&s.memory)
	}
	if err := s.flush(); err != nil {
		return nil, err
	}
	if _, err := s.spill.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return s.create(s.spill)
}

// create writes the file of s.pos bytes.
func (s *stream) create(r io.Reader) (metadata.StreamHandle, error) {
	if err := s.access.stores.create(s.ctx, layout.Join(s.dir, s.name), r, s.pos); err != nil {
		return nil, err
	}
	return &metadata.FileHandle{Path: s.path(), Size: s.pos}, nil
}

// path is the file's URL as Flink writes it: local ones with their scheme.
func (s *stream) path() metadata.UTF {
	return metadata.NewUTF(flinkURL(layout.Join(s.dir, s.name)))
}

// flinkURL is a canonical URL with the scheme that Flink needs.
func flinkURL(url string) string {
	if strings.HasPrefix(url, "/") {
		return "file:" + url
	}
	return url
}

// Close implements backends.StateStream.
func (s *stream) Close() error {
	s.ended = true
	s.memory = bytes.Buffer{}
	if s.spill == nil {
		return nil
	}
	err := errors.Join(s.spill.Close(), os.Remove(s.spill.Name()))
	s.spill = nil
	return err
}

// StateSizeError tells that a state does not fit into the memory of a JobManagerCheckpointStorage.
type StateSizeError struct {
	Size int64 // bytes so far
	Max  int
}

// Error implements error.
func (e *StateSizeError) Error() string {
	return fmt.Sprintf("a state of %d bytes or more is larger than the %d that are kept in memory; %s", e.Size, e.Max, inFiles)
}
