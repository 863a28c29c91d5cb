package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// largestManifest is of ten million files.
const largestManifest = 2 << 30

// collectDigests remembers the checksums of what is read.
func (v *verification) collectDigests() {
	var mu sync.Mutex
	v.settings.Digest = func(d *verify.Digest) {
		mu.Lock()
		defer mu.Unlock()
		v.digests = append(v.digests, *d)
	}
}

// manifests writes a manifest, or compares with one.
func (v *verification) manifests(ctx context.Context, nodes []layout.Node) error {
	if v.opts.manifest == "" && v.opts.against == "" {
		return nil
	}
	if len(v.report.Results) != 1 {
		return usagef("name one chk-N or savepoint directory, or latest:URL", "a manifest is of one checkpoint; %d lie below %s", len(v.report.Results), v.report.Root)
	}
	var node *layout.Node
	for i := range nodes {
		if nodes[i].URL() == v.report.Results[0].URL {
			node = &nodes[i]
		}
	}
	if v.opts.against != "" {
		return v.compare(ctx, node)
	}
	r := &v.report.Results[0]
	if r.Verdict != verify.OK {
		v.env.Log.Error("no manifest was written: the checkpoint is "+string(r.Verdict), "path", v.opts.manifest)
		return nil
	}
	meta, err := digest(ctx, node.Tree.Store, node.Metadata.Key)
	if err != nil {
		return err
	}
	if have := len(v.digests) + 1; have != r.Files {
		return fmt.Errorf("no manifest was written: %d files have a checksum, and the checkpoint names %d", have, r.Files)
	}
	m := verify.NewManifest(v.report.Root, v.path(r.URL), r.ID, append(v.digests, *meta))
	data, err := marshal(m, "  ")
	if err != nil {
		return err
	}
	return replaceFile(v.opts.manifest, data)
}

// digest reads one file.
func digest(ctx context.Context, store layout.Store, key string) (*verify.Digest, error) {
	content, err := store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	h := sha256.New()
	n, err := io.Copy(h, content.Whole())
	if err != nil {
		return nil, err
	}
	return &verify.Digest{URL: layout.Join(store.URL(), key), Size: n, SHA256: fmt.Sprintf("%x", h.Sum(nil))}, nil
}

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, data []byte) error {
	return streamFile(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// streamFile is replaceFile for what is not to be in memory at once.
func streamFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return &fs.PathError{Op: "write", Path: path, Err: failed.Err}
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// compare looks whether the files are those of the manifest.
func (v *verification) compare(ctx context.Context, node *layout.Node) error {
	data, err := readSmall(v.opts.against, "manifest", largestManifest)
	if err != nil {
		return err
	}
	m, err := verify.ParseManifest(data)
	if err != nil {
		return usagef("--manifest writes one", "%s: %v", v.opts.against, err)
	}
	r := &v.report.Results[0]
	if r.HasID && m.ID != r.ID {
		return usagef("each checkpoint has a manifest of its own", "%s is of checkpoint %d (%s), and %s is checkpoint %d", v.opts.against, m.ID, m.Checkpoint, r.URL, r.ID)
	}
	return verify.Against(ctx, node, m, v.settings, r)
}
