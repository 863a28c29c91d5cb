package relocate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/ckpt-tool/ckpt/layout"
	"golang.org/x/time/rate"
)

// file brings one file over, or finds that it is there.
func (x *execution) file(ctx context.Context, f *File) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	out := Outcome{File: *f}
	var err error
	if size, ok := x.found[f.Key]; ok {
		out.How = Kept
		out.SHA256, err = x.keep(ctx, f, size)
	} else {
		out.How, out.SHA256, err = x.bring(ctx, f)
		if errors.Is(err, fs.ErrExist) {
			out.How = Kept
			out.SHA256, err = x.compare(ctx, f)
		}
	}
	if err != nil {
		return out, err
	}
	return out, x.ledger.done(ctx, f.Key, Digest{Size: f.Size, SHA256: out.SHA256})
}

// keep is for a file that was there before: one that was noted as done is trusted by its
// size, any other is compared.
func (x *execution) keep(ctx context.Context, f *File, size int64) (string, error) {
	if size != f.Size {
		return "", x.differs(f)
	}
	d, ok := x.ledger.before(f.Key)
	byStorage := ok && d.SHA256 == "" && !x.ledger.idle && !x.opts.Through
	if ok && (!x.opts.ReadBack || byStorage) {
		return d.SHA256, nil
	}
	return x.compare(ctx, f)
}

func (x *execution) differs(f *File) error {
	return refuse(layout.Join(x.store.URL(), f.Key), "it is not what the copy would hold; move it away, or choose another destination",
		"there is another file of this name in the destination")
}

// bring copies a file: within the storage where that can do it, or through here.
func (x *execution) bring(ctx context.Context, f *File) (How, string, error) {
	if x.serverSide(f) {
		err := x.within(ctx, f)
		if !errors.Is(err, errors.ErrUnsupported) {
			return ServerSide, "", err
		}
	}
	sum, err := x.through(ctx, f)
	return Copied, sum, err
}

// serverSide tells whether the storage may copy by itself. The local file system would
// read and write just the same, and then no checksum were known.
func (x *execution) serverSide(f *File) bool {
	scheme := layout.ParsePlace(x.plan.Destination).Scheme
	return f.Whole && !x.opts.Through && scheme != "" && scheme == layout.ParsePlace(f.Source).Scheme
}

func (x *execution) within(ctx context.Context, f *File) error {
	from, key, err := x.sources.of(ctx, f.Source)
	if err != nil {
		return err
	}
	o, err := from.Stat(ctx, key)
	if err != nil {
		return err
	}
	if o.Size != f.Size {
		return changed(f, o.Size)
	}
	made, err := x.store.CopyFrom(ctx, from, o, f.Key)
	if err == nil && made.Size != f.Size {
		err = short(f, made.Size)
	}
	return err
}

// changed is the error for a source that is not what it was when the copy was planned.
func changed(f *File, size int64) error {
	return fmt.Errorf("%s: %w: it has %d bytes, and had %d", f.Source, layout.ErrChanged, size, f.Size)
}

func short(f *File, size int64) error {
	return fmt.Errorf("%s: %w: %d bytes arrived of %d", f.Source, io.ErrShortWrite, size, f.Size)
}

// through streams a file, and sums it up on the way.
func (x *execution) through(ctx context.Context, f *File) (string, error) {
	src, err := x.sources.open(ctx, f)
	if err != nil {
		return "", err
	}
	defer src.Close()
	sum := sha256.New()
	counted := &summed{r: x.limited(ctx, src), sum: sum, passed: func(n int) { x.tell(0, int64(n)) }}
	made, err := x.store.Create(ctx, f.Key, counted, f.Size)
	if err != nil {
		return "", err
	}
	if made.Size != f.Size || counted.n != f.Size {
		return "", short(f, made.Size)
	}
	want := hex.EncodeToString(sum.Sum(nil))
	if !x.opts.ReadBack {
		return want, nil
	}
	have, err := x.sumOf(ctx, x.store, f.Key)
	if err == nil && have != want {
		err = &DamagedError{Path: layout.Join(x.store.URL(), f.Key), Message: "what was read back is not what was written"}
	}
	return want, err
}

// compare tells whether a file in the destination holds what the source does, which
// costs as much as copying it.
func (x *execution) compare(ctx context.Context, f *File) (string, error) {
	have, err := x.sumOf(ctx, x.store, f.Key)
	if err != nil {
		return "", err
	}
	src, err := x.sources.open(ctx, f)
	if err != nil {
		return "", err
	}
	defer src.Close()
	want, err := digest(x.limited(ctx, src))
	if err == nil && want != have {
		err = x.differs(f)
	}
	return want, err
}

func (x *execution) sumOf(ctx context.Context, store layout.Store, key string) (string, error) {
	content, err := store.Open(ctx, key)
	if err != nil {
		return "", err
	}
	defer content.Close()
	return digest(x.limited(ctx, content.Whole()))
}

func digest(r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// summed sums up what is read through it.
type summed struct {
	r      io.Reader
	sum    hash.Hash
	n      int64
	passed func(n int)
}

// Read implements io.Reader.
func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	s.n += int64(n)
	s.passed(n)
	return n, err
}

func (x *execution) limited(ctx context.Context, r io.Reader) io.Reader {
	return &limitedReader{ctx: ctx, r: r, limit: x.opts.Limit}
}

// limitedReader waits its turn, and ends with its context.
type limitedReader struct {
	ctx   context.Context
	r     io.Reader
	limit *rate.Limiter // nil for none
}

// Read implements io.Reader.
func (l *limitedReader) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.limit != nil && len(p) > l.limit.Burst() {
		p = p[:l.limit.Burst()]
	}
	n, err := l.r.Read(p)
	if l.limit != nil && n > 0 {
		if late := l.limit.WaitN(l.ctx, n); late != nil {
			return 0, late
		}
	}
	return n, err
}
