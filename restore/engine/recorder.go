package engine

import (
	"context"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// recorder is the streams of one task's snapshot. It knows what was written, so that a snapshot that fails leaves nothing, and
// files of older checkpoints that it refers to stay.
type recorder struct {
	backends.Streams
	mu      sync.Mutex
	written []metadata.StreamHandle
	bytes   int64
}

func (r *recorder) note(h metadata.StreamHandle) {
	if h == nil {
		return
	}
	r.mu.Lock()
	r.written = append(r.written, h)
	r.bytes += h.StateSize()
	r.mu.Unlock()
}

// Create implements backends.Streams.
func (r *recorder) Create(ctx context.Context, scope metadata.Scope) (backends.StateStream, error) {
	s, err := r.Streams.Create(ctx, scope)
	if err != nil {
		return nil, err
	}
	return &recordedStream{s, r}, nil
}

// Upload implements backends.Streams.
func (r *recorder) Upload(ctx context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	h, err := r.Streams.Upload(ctx, scope, path)
	if err == nil {
		r.note(h)
	}
	return h, err
}

// Discard implements backends.Streams.
func (r *recorder) Discard(ctx context.Context, h metadata.StreamHandle) error {
	r.mu.Lock()
	for i := range r.written {
		if r.written[i] == h {
			r.written = append(r.written[:i], r.written[i+1:]...)
			break
		}
	}
	r.mu.Unlock()
	return r.Streams.Discard(ctx, h)
}

// discardAll deletes what was written; what cannot be deleted is told, and stays as a file that nothing uses.
func (r *recorder) discardAll(ctx context.Context, failed func(error)) {
	r.mu.Lock()
	written := r.written
	r.written = nil
	r.mu.Unlock()
	for _, h := range written {
		if err := r.Streams.Discard(ctx, h); err != nil {
			failed(err)
		}
	}
}

type recordedStream struct {
	backends.StateStream
	r *recorder
}

// CloseAndHandle implements backends.StateStream.
func (s *recordedStream) CloseAndHandle() (metadata.StreamHandle, error) {
	h, err := s.StateStream.CloseAndHandle()
	if err == nil {
		s.r.note(h)
	}
	return h, err
}
