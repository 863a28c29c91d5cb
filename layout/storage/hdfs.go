package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// hdfsPeer is a client of HDFS, by whatever protocol. Paths are absolute. An error
// matches fs.ErrNotExist and fs.ErrPermission and names no path; the store adds it.
type hdfsPeer interface {
	// stat describes what lies at path, without its key.
	stat(ctx context.Context, path string) (layout.Object, error)
	// list hands over what lies in a directory, page by page, with names for keys,
	// until page says false. A page comes whole or not at all.
	list(ctx context.Context, path string, page func([]layout.Object) bool) error
	// open reads length bytes from offset on, which the file is known to have.
	open(ctx context.Context, path string, offset, length int64) (io.ReadCloser, error)
	// unfinished tells whether a file is under construction.
	unfinished(ctx context.Context, path string) (bool, error)
	// now is the time of the namenode.
	now(ctx context.Context) (time.Time, error)
	close() error
}

// hdfs is a directory of a Hadoop file system.
type hdfs struct {
	settings Settings
	peer     hdfsPeer
	url      string // canonical
	root     string // path, "" for "/"
}

// hdfsDriver serves HDFS: by WebHDFS, or, where the build tag hdfsrpc is set, hdfs://
// by Hadoop's RPC.
func hdfsDriver(s Settings) Driver {
	return Driver{
		Schemes: []string{"hdfs", "webhdfs", "swebhdfs"},
		Open: func(ctx context.Context, place layout.Place) (layout.Store, error) {
			h, err := openHDFS(ctx, s, place, false)
			if err != nil {
				return nil, err
			}
			return h, nil
		},
		OpenMutable: func(ctx context.Context, place layout.Place) (layout.MutableStore, error) {
			h, err := openHDFS(ctx, s, place, true)
			if err != nil {
				return nil, err
			}
			return &mutableHDFS{h, h.peer.(hdfsChanger)}, nil
		},
	}
}

// openHDFS opens a directory, which need not be there where it may be new.
func openHDFS(ctx context.Context, s Settings, place layout.Place, mayBeNew bool) (*hdfs, error) {
	conf, err := loadHadoopConf(s)
	if err != nil {
		return nil, err
	}
	if place, err = conf.qualify(place); err != nil {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: err}
	}
	h := &hdfs{settings: s, url: layout.Canonical(place.String()), root: strings.TrimSuffix(path.Clean(place.Path), "/")}
	if place.Scheme == "hdfs" {
		h.peer, err = newHDFSPeer(s, conf, place)
	} else {
		h.peer, err = newWebHDFS(s, conf, place)
	}
	if err != nil {
		return nil, h.fail(err, "")
	}
	o, err := h.Stat(ctx, "")
	if mayBeNew && errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	} else if o.Type != layout.TypeDir {
		return nil, errors.Join(h.fail(layout.ErrNotDirectory, ""), h.Close())
	}
	return h, nil
}

// URL implements layout.Store.
func (h *hdfs) URL() string { return h.url }

// Close implements layout.Store.
func (h *hdfs) Close() error { return h.peer.close() }

// Stat implements layout.Opener.
func (h *hdfs) Stat(ctx context.Context, key string) (layout.Object, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	o, err := h.peer.stat(ctx, h.path(key))
	if err != nil {
		return layout.Object{}, h.fail(err, key)
	}
	o.Key = key
	return o, nil
}

// Open implements layout.Opener.
func (h *hdfs) Open(ctx context.Context, key string) (*layout.Content, error) {
	o, err := h.file(ctx, key)
	if err != nil {
		return nil, err
	}
	r, err := h.read(ctx, o, 0, o.Size)
	if err != nil {
		return nil, err
	}
	return &layout.Content{ReadCloser: r, Object: o}, nil
}

// OpenRange implements layout.Opener.
func (h *hdfs) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 {
		return nil, h.fail(fs.ErrInvalid, key)
	}
	o, err := h.file(ctx, key)
	if err != nil {
		return nil, err
	}
	offset = min(offset, o.Size)
	return h.read(ctx, o, offset, min(length, o.Size-offset))
}

// file describes what can be read. A link is not followed: it may lead to another
// file system.
func (h *hdfs) file(ctx context.Context, key string) (layout.Object, error) {
	o, err := h.Stat(ctx, key)
	if err == nil && o.Type != layout.TypeFile {
		err = h.fail(layout.ErrNotFile, o.Key)
	}
	return o, err
}

// List implements layout.Lister.
func (h *hdfs) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return h.list(ctx, dir, true)
}

// Children implements layout.Lister.
func (h *hdfs) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return h.list(ctx, dir, false)
}

func (h *hdfs) list(ctx context.Context, dir string, deep bool) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		o, err := h.Stat(ctx, dir)
		if err == nil && o.Type != layout.TypeDir {
			err = h.fail(fs.ErrNotExist, o.Key) // as a path that leads through a file
		}
		if err != nil {
			yield(layout.Object{Key: dir}, err)
			return
		}
		if deep && !yield(o, nil) {
			return
		}
		w := hdfsWalk{hdfs: h, top: o.Key, listed: make(chan hdfsPart)}
		w.run(ctx, deep, yield)
	}
}

// path is where a key lies.
func (h *hdfs) path(key string) string { return path.Join("/", h.root, key) }

// fail gives an error the full path.
func (h *hdfs) fail(err error, key string) error {
	if err == context.Canceled || err == context.DeadlineExceeded { // and not a time-out of the network
		return err
	}
	return &fs.PathError{Op: "open", Path: layout.Join(h.url, key), Err: err}
}

// Now implements layout.Clock.
func (h *hdfs) Now(ctx context.Context) (time.Time, error) {
	now, err := h.peer.now(ctx)
	if err != nil {
		err = h.fail(err, "")
	}
	return now, err
}

// Remarks implements layout.Inspector.
func (h *hdfs) Remarks(context.Context) (layout.Remarks, error) { return layout.Remarks{}, nil }

// Unfinished implements layout.Inspector. Where the server does not tell, that is
// errors.ErrUnsupported.
func (h *hdfs) Unfinished(ctx context.Context, key string) (bool, error) {
	o, err := h.file(ctx, key)
	if err != nil {
		return false, err
	}
	unfinished, err := h.peer.unfinished(ctx, h.path(o.Key))
	if err != nil {
		err = h.fail(err, o.Key)
	}
	return unfinished, err
}
