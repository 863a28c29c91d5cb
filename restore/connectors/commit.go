package connectors

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// closePatience is how long the end of a task may wait for storage.
const closePatience = 10 * time.Second

// committer makes parts visible. All it does may be done again.
type committer struct {
	sink  *FileSink
	store layout.MutableStore
	log   *slog.Logger
}

// stage writes a part to where nobody sees it.
func (c *committer) stage(ctx context.Context, p part, data []byte) error {
	o, err := c.store.Create(ctx, p.Staged, bytes.NewReader(data), p.Size)
	if err == nil && o.Size != p.Size {
		err = fmt.Errorf("%s has %d bytes, and %d were written", layout.Join(p.Dir, p.Staged), o.Size, p.Size)
	}
	return err
}

// all commits parts in their order.
func (c *committer) all(ctx context.Context, parts []part) error {
	for _, p := range parts {
		if err := c.commit(ctx, p); err != nil {
			return fmt.Errorf("commit of %s, of checkpoint %d: %w", layout.Join(p.Dir, p.Final), p.Checkpoint, err)
		}
	}
	return nil
}

// commit gives a part its final name, and deletes the staged one. See the package comment for what each state of the two means.
func (c *committer) commit(ctx context.Context, p part) error {
	store, done, err := c.storeOf(ctx, p)
	if err != nil {
		return err
	}
	defer done()
	staged, err := store.Stat(ctx, p.Staged)
	if errors.Is(err, fs.ErrNotExist) {
		return c.committed(ctx, store, p)
	}
	if err != nil {
		return err
	}
	if staged.Size != p.Size {
		return fmt.Errorf("%s has %d bytes, and %d were written", layout.Join(store.URL(), p.Staged), staged.Size, p.Size)
	}
	err = publish(ctx, store, staged, p.Final)
	if errors.Is(err, fs.ErrExist) {
		err = c.committed(ctx, store, p)
	}
	if err != nil {
		return err
	}
	return deleteOne(ctx, store, staged)
}

// storeOf is where a part lies. That is the sink's directory as it was when the part was written, which may have moved or changed since.
func (c *committer) storeOf(ctx context.Context, p part) (_ layout.MutableStore, done func(), err error) {
	here := func() {}
	if p.Dir == c.store.URL() {
		return c.store, here, nil
	}
	for _, key := range []string{p.Staged, p.Final} {
		if _, err := c.store.Stat(ctx, key); err == nil {
			return c.store, here, nil // moved: names are unique
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	old, err := c.sink.Store(ctx, p.Dir)
	if err != nil {
		return nil, nil, err
	}
	return old, func() { _ = old.Close() }, nil
}

// committed tells whether a part was committed before.
func (c *committer) committed(ctx context.Context, store layout.Store, p part) error {
	o, err := store.Stat(ctx, p.Final)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.sink.Consumed:
		c.log.Info("a committed part was taken away", "part", layout.Join(store.URL(), p.Final))
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("neither it nor the staged %s is there (%w): it was committed and taken away since, or given up when the job "+
			"went on from an earlier checkpoint; its %d bytes are not written again", p.Staged, fs.ErrNotExist, p.Size)
	case err != nil:
		return err
	case o.Type != layout.TypeFile || o.Size != p.Size:
		return fmt.Errorf("something else has its name: want %d bytes, found %d", p.Size, o.Size)
	}
	return nil
}

// publish copies a staged file to its final name, by way of this machine where the storage cannot do it.
func publish(ctx context.Context, store layout.MutableStore, staged layout.Object, key string) error {
	_, err := store.CopyFrom(ctx, store, staged, key)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	content, err := store.Open(ctx, staged.Key)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = store.Create(ctx, key, content.Whole(), staged.Size)
	return err
}

func deleteOne(ctx context.Context, store layout.Deleter, o layout.Object) (err error) {
	store.Delete(ctx, []layout.Object{o}, func(_ int, e error) { err = e })
	return err
}

// clean deletes what nobody needs, and gives back what is too young for it. That it cannot is no reason to fail: it is hidden.
func (c *committer) clean(ctx context.Context, files []layout.Object) (young []layout.Object) {
	now, err := c.store.Now(ctx)
	if err != nil { // it has no clock but this machine's
		now = time.Now()
	}
	limit := now.Add(-cmp.Or(c.sink.AbandonAfter, DefaultAbandonAfter))
	var old []layout.Object
	for _, o := range files {
		if c.sink.ours(tokenOf(o.Name())) || o.Modified.Before(limit) {
			old = append(old, o)
		} else {
			young = append(young, o)
		}
	}
	c.store.Delete(ctx, old, func(i int, err error) {
		if err != nil {
			c.log.Warn("an abandoned part stays", "part", layout.Join(c.store.URL(), old[i].Key), "error", err)
		}
	})
	return young
}

// close deletes parts that are in no snapshot, also where the task was cancelled.
func (c *committer) close(open []part) error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	for _, p := range open {
		o, err := c.store.Stat(ctx, p.Staged)
		if err == nil {
			err = deleteOne(ctx, c.store, o)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("an abandoned part stays", "part", layout.Join(p.Dir, p.Staged), "error", err)
		}
	}
	return c.store.Close()
}
