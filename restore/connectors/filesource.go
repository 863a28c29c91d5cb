package connectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DefaultPoll is how often a growing source looks for more.
const DefaultPoll = time.Second

// FileSource reads text files: exactly once (Flink: FileSource). Each file is a split of its own, by its URL. A position is a Long: the byte
// behind the last record; of files whose name ends in .gz, in what is compressed. When a job resumes, a file is taken for the same if it is long
// enough and a line ends there.
type FileSource struct {
	// URL names a file, a directory (all files below it) or a pattern with * ? [a-z] within names and ** for any directories. Files and directories whose
	// names begin with . or _ are passed over, unless the URL says otherwise.
	URL   string
	Store layout.OpenStore
	Records
	// Growing is whether files that come, and what is appended to files, are read as well. The source then never ends. A line is read
	// when its end is there. A compressed file must be whole when it comes. One that gets shorter, is replaced or goes away fails the job.
	Growing bool
	// Poll is how often Growing looks; 0: DefaultPoll.
	Poll time.Duration
}

var _ engine.Source = (*FileSource)(nil)

// Check tells what is wrong with the settings.
func (s *FileSource) Check() error {
	if s.URL == "" {
		return errors.New("file source: no URL")
	}
	if err := s.place().check(); err != nil {
		return fmt.Errorf("file source %s: %w", s.URL, err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("file source %s: %w", s.URL, err)
	}
	return nil
}

// Guarantee implements engine.Source.
func (*FileSource) Guarantee() engine.Guarantee { return engine.ExactlyOnce }

// Ended implements engine.SplitReopener: where files grow, so may one that was read to its end before. One that is compressed is whole.
func (s *FileSource) Ended(split engine.Split, _ any) (bool, error) {
	return !s.Growing || strings.HasSuffix(split.ID, ".gz"), nil
}

// Bounded implements engine.Source.
func (s *FileSource) Bounded() bool { return !s.Growing }

// Position implements engine.Source.
func (*FileSource) Position() backends.Type { return longType }

// DiscoveryInterval implements engine.Source.
func (s *FileSource) DiscoveryInterval() int64 {
	if !s.Growing {
		return 0
	}
	return max(1, s.poll().Milliseconds())
}

func (s *FileSource) poll() time.Duration { return cmp.Or(s.Poll, DefaultPoll) }

// Discover implements engine.Source. A split's index is a hash of its URL: sub-tasks look at different times, and must never
// disagree about whose a file is.
func (s *FileSource) Discover(ctx context.Context) ([]engine.Split, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	urls, err := s.place().list(ctx, s.Store)
	if s.Growing && errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it may come
	}
	if err != nil {
		return nil, fmt.Errorf("file source: %w", err)
	}
	slices.Sort(urls)
	splits := make([]engine.Split, len(urls))
	for i, url := range urls {
		h := fnv.New64a()
		h.Write([]byte(url))
		splits[i] = engine.Split{ID: url, Index: int64(h.Sum64() & math.MaxInt64)}
	}
	return splits, nil
}

// Open implements engine.Source.
func (s *FileSource) Open(ctx context.Context, split engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	offset, ok := position.(int64)
	if position != nil && !ok || offset < 0 {
		return nil, fmt.Errorf("%s: position %v: want a byte", split.ID, position)
	}
	dir, name := splitURL(split.ID)
	if name == "" {
		return nil, fmt.Errorf("file source: split %q is no file", split.ID)
	}
	store, err := s.Store(ctx, dir)
	if err != nil {
		return nil, err
	}
	f := &file{ctx: ctx, store: store, key: name, url: split.ID, clock: at.Clock, poll: s.poll()}
	if strings.HasSuffix(name, ".gz") {
		f.kind = gzipFile
	} else if s.Growing {
		f.kind = growingFile
	}
	r := newRecordReader(&s.Records, split.ID)
	if err := begin(r, f, offset); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// begin has r read on at an offset.
func begin(r *recordReader, f *file, offset int64) error {
	if r.header && offset > 0 {
		if err := f.open(0); err != nil {
			return err
		}
		r.start(f, 0)
		record, _, err := r.next()
		if err == nil {
			err = r.take(record)
		}
		if err == io.EOF || errors.Is(err, engine.ErrNothingYet) {
			err = f.changed("it ends before that: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("%s: the header, to go on at byte %d: %w", f.url, offset, err)
		}
	}
	if err := f.open(offset); err != nil {
		return err
	}
	r.start(f, offset)
	return nil
}
