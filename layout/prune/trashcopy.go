package prune

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/ckpt-tool/ckpt/layout"
)

// copyFile copies a file to a new key. What lies there already counts where it is the very
// same: the answer to an earlier request was lost. Its size alone proves nothing, and the
// other copy may go because of this one.
func copyFile(ctx context.Context, to layout.MutableStore, key string, from layout.Store, file layout.Object) error {
	_, err := to.CopyFrom(ctx, from, file, key)
	if errors.Is(err, errors.ErrUnsupported) {
		err = streamFile(ctx, to, key, from, file)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, e := to.Stat(ctx, key)
	if e != nil || there.Type != layout.TypeFile || there.Size != file.Size {
		return err
	}
	same, e := sameBytes(ctx, to, key, from, file.Key)
	switch {
	case e != nil:
		return fmt.Errorf("a file lies there by now, and could not be compared: %w", e)
	case !same:
		return err
	}
	return nil
}

// sameBytes compares two files.
func sameBytes(ctx context.Context, a layout.Opener, aKey string, b layout.Opener, bKey string) (bool, error) {
	one, err := a.Open(ctx, aKey)
	if err != nil {
		return false, err
	}
	defer one.Close()
	other, err := b.Open(ctx, bKey)
	if err != nil {
		return false, err
	}
	defer other.Close()
	const step = 1 << 18
	x, y := bufio.NewReaderSize(one.Whole(), step), bufio.NewReaderSize(other.Whole(), step)
	for one.Size == other.Size {
		p, err := peek(x, step)
		if err != nil {
			return false, err
		}
		q, err := peek(y, step)
		if err != nil || !bytes.Equal(p, q) {
			return false, err
		}
		if len(p) == 0 {
			return true, nil
		}
		x.Discard(len(p)) //nolint:errcheck // it has been read
		y.Discard(len(p)) //nolint:errcheck // as well
	}
	return false, nil
}

// peek is what comes next, up to n bytes, and nothing at the end.
func peek(r *bufio.Reader, n int) ([]byte, error) {
	p, err := r.Peek(n)
	if err == io.EOF {
		err = nil
	}
	return p, err
}

// streamFile copies the bytes by way of this machine.
func streamFile(ctx context.Context, to layout.Putter, key string, from layout.Opener, file layout.Object) error {
	content, err := from.Open(ctx, file.Key)
	if err != nil {
		return err
	}
	defer content.Close()
	if !sameObject(&file, &layout.Object{Type: content.Type, Size: content.Size, Modified: content.Modified, Tag: content.Tag}) {
		return layout.ErrChanged
	}
	o, err := to.Create(ctx, key, content.Whole(), file.Size)
	if err == nil && o.Size != file.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}
