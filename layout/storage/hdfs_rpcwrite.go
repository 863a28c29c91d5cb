//go:build hdfsrpc

package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"time"

	hadoop "github.com/colinmarc/hdfs/v2"
)

// remove implements hdfsChanger.
func (r *hdfsRPC) remove(ctx context.Context, key string) error {
	err := r.call(ctx, func() error { return r.client.Remove(key) })
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// put implements hdfsChanger.
func (r *hdfsRPC) put(ctx context.Context, key string, from *exact) error {
	if err := r.call(ctx, func() error { return r.client.MkdirAll(path.Dir(key), 0o755) }); err != nil {
		return err
	}
	w, err := r.newFile(ctx, key)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, withContext{ctx, from})
	if closeErr := r.finish(ctx, w); err == nil {
		err = closeErr
	}
	return rpcError(err)
}

func (r *hdfsRPC) newFile(ctx context.Context, key string) (w *hadoop.FileWriter, err error) {
	err = r.call(ctx, func() error {
		w, err = r.client.Create(key)
		return err
	})
	return w, err
}

// finish closes a file. While its blocks are on their way to more datanodes, the namenode
// wants to be asked again.
func (r *hdfsRPC) finish(ctx context.Context, w *hadoop.FileWriter) error {
	retry := newHDFSRetry(r.settings)
	for {
		err := w.Close()
		if !hadoop.IsErrReplicating(err) {
			return err
		}
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
}

// rename implements hdfsChanger. The library knows no renaming that replaces nothing, and
// so the name is taken first, by an empty file that only one can make.
func (r *hdfsRPC) rename(ctx context.Context, from, to string, replace bool) error {
	if !replace {
		w, err := r.newFile(ctx, to)
		if err == nil {
			err = rpcError(r.finish(ctx, w))
		}
		if err != nil {
			return err
		}
	}
	err := r.call(ctx, func() error { return r.client.Rename(from, to) })
	if err != nil && !replace && !errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(err, r.remove(context.WithoutCancel(ctx), to))
	}
	return err
}

// unfinished implements hdfsPeer. The library does not tell, the namenode's web interface
// does.
func (r *hdfsRPC) unfinished(ctx context.Context, key string) (bool, error) {
	if r.web == nil {
		return false, errors.ErrUnsupported
	}
	unfinished, err := r.web.unfinished(ctx, key)
	if judge(err) != final {
		err = errors.ErrUnsupported
	}
	return unfinished, err
}

// now implements hdfsPeer.
func (r *hdfsRPC) now(ctx context.Context) (time.Time, error) {
	if r.web == nil {
		return time.Time{}, errors.ErrUnsupported
	}
	now, err := r.web.now(ctx)
	if judge(err) != final {
		err = errors.ErrUnsupported
	}
	return now, err
}
