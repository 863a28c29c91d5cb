package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
)

// checkpointArg names a checkpoint in usage lines.
const checkpointArg = "CKPT"

// aboutCheckpointArg goes into the help of commands that take a checkpoint.
const aboutCheckpointArg = `CKPT is a chk-N or savepoint directory, its _metadata, or latest:URL: the newest
complete checkpoint of the job below URL.`

// openOptions are the flags of commands that take one checkpoint.
type openOptions struct{ latestOptions }

func (o *openOptions) addFlags(c *cobra.Command) { o.latestOptions.addFlags(c, "with latest: ") }

// find locates the checkpoint that arg names.
func (o *openOptions) find(ctx context.Context, env *Env, arg string) (*layout.Target, error) {
	opts, err := o.latestOptions.find(env)
	if err != nil {
		return nil, err
	}
	t, err := layout.Find(ctx, env.OpenStore, arg, opts)
	if err != nil {
		return nil, err
	}
	passedOver(env, t.Store.URL(), t.Broken)
	return t, nil
}

// openMetadata opens the _metadata of t.
func openMetadata(ctx context.Context, t *layout.Target) (*layout.Content, error) {
	content, err := t.Store.Open(ctx, t.Metadata)
	if errors.Is(err, layout.ErrNotFile) {
		return nil, &layout.NotCheckpointError{Path: metadataURL(t), Message: "_metadata is a directory, or no regular file", Err: err}
	}
	if err != nil {
		return nil, err
	}
	whole := *content
	whole.ReadCloser = struct {
		io.Reader
		io.Closer
	}{content.Whole(), content}
	return &whole, nil
}

// openCheckpoint reads the whole checkpoint that arg names.
func openCheckpoint(ctx context.Context, env *Env, opts *openOptions, arg string) (*metadata.Checkpoint, *layout.Target, error) {
	t, err := opts.find(ctx, env, arg)
	if err != nil {
		return nil, nil, err
	}
	defer t.Store.Close()
	c, _, err := readMetadata(ctx, t)
	return c, t, err
}

// readMetadata reads and decodes the _metadata of t.
func readMetadata(ctx context.Context, t *layout.Target) (*metadata.Checkpoint, []byte, error) {
	data, err := readBytes(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	c, err := metadata.Decode(data)
	return c, data, brokenMetadata(t, err)
}

// brokenMetadata names the file in an error of the decoder.
func brokenMetadata(t *layout.Target, err error) error {
	var broken *metadata.Error
	if errors.As(err, &broken) {
		return &layout.NotCheckpointError{Path: metadataURL(t), Message: broken.Error(), Err: broken}
	}
	return err
}

func metadataURL(t *layout.Target) string { return layout.Join(t.Store.URL(), t.Metadata) }

// readBytes reads the _metadata of t without a look at what it says.
func readBytes(ctx context.Context, t *layout.Target) ([]byte, error) {
	content, err := openMetadata(ctx, t)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	data := make([]byte, content.Size)
	if _, err := io.ReadFull(content, data); err != nil {
		return nil, fmt.Errorf("reading %s: %w", metadataURL(t), err)
	}
	return data, nil
}
