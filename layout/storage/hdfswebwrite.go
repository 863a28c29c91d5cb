package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"
)

// remove implements hdfsChanger.
func (w *webHDFS) remove(ctx context.Context, path string) error {
	_, err := w.change(ctx, &webRequest{op: "DELETE", method: http.MethodDelete, path: path, params: url.Values{"recursive": {"false"}}})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// change asks for a change, and gives what it answers: whether it was made, if it says so.
func (w *webHDFS) change(ctx context.Context, q *webRequest) (done bool, err error) {
	err = w.call(ctx, q, func(body io.ReadCloser) error {
		defer body.Close()
		reply := struct{ Boolean *bool }{}
		if err := json.NewDecoder(io.LimitReader(body, maxFault)).Decode(&reply); err != nil && err != io.EOF {
			return badReply(err)
		}
		done = reply.Boolean == nil || *reply.Boolean
		return nil
	})
	return done, err
}

// rename implements hdfsChanger. Gateways leave the option out, and then answer whether
// they did it.
func (w *webHDFS) rename(ctx context.Context, from, to string, replace bool) error {
	q := &webRequest{op: "RENAME", method: http.MethodPut, path: from, params: url.Values{"destination": {to}, "renameoptions": {"NONE"}}}
	if replace {
		q.params.Set("renameoptions", "OVERWRITE")
	}
	done, err := w.change(ctx, q)
	if err != nil || done {
		return err
	}
	if _, err := w.stat(ctx, from); err != nil {
		return err
	}
	if !replace {
		return fs.ErrExist
	}
	if err := w.remove(ctx, to); err != nil {
		return err
	}
	if done, err = w.change(ctx, q); err == nil && !done {
		err = &judged{errors.New("the file cannot be renamed"), final}
	}
	return err
}

// put implements hdfsChanger. What is small is sent again where that failed; of what is
// large the bytes have gone by.
func (w *webHDFS) put(ctx context.Context, path string, r *exact) error {
	if r.size > w.settings.part() {
		if err := w.store(ctx, path, r, r.size); err != nil {
			return err
		}
		if err := r.end(); err != io.EOF {
			return err
		}
		return nil
	}
	data, err := r.all()
	if err != nil {
		return err
	}
	retry := newHDFSRetry(w.settings)
	for {
		err := w.store(ctx, path, bytes.NewReader(data), r.size)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if judge(err) == final {
			return err
		}
		if err := retry.wait(ctx, err); err != nil {
			return err
		}
	}
}

// store asks the namenode which datanode takes a file, and sends it there.
func (w *webHDFS) store(ctx context.Context, path string, r io.Reader, size int64) error {
	var address string
	q := &webRequest{op: "CREATE", method: http.MethodPut, path: path, params: url.Values{"overwrite": {"true"}}, located: &address}
	if err := w.call(ctx, q, io.ReadCloser.Close); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	guard := newSendGuard(r, func() { cancel(errStalled) })
	defer guard.timer.Stop()
	body := io.Reader(http.NoBody)
	if size > 0 {
		body = guard
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		return &judged{errors.New("the namenode leads to no address"), final}
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := w.direct.Do(req)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err != nil {
		return q.lost("", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
		return remoteFault(resp, resp.Body)
	}
	return nil
}

// sendGuard is what is sent. Where the other side takes nothing for long, it gives up; how
// long the bytes take to come is not its matter.
type sendGuard struct {
	io.Reader
	timer *time.Timer
}

func newSendGuard(r io.Reader, cancel func()) *sendGuard {
	return &sendGuard{r, time.AfterFunc(2*silence, cancel)}
}

// Read implements io.Reader.
func (g *sendGuard) Read(p []byte) (int, error) {
	g.timer.Stop()
	n, err := g.Reader.Read(p)
	g.timer.Reset(2 * silence)
	return n, err
}

// unfinished implements hdfsPeer.
func (w *webHDFS) unfinished(ctx context.Context, path string) (unfinished bool, err error) {
	var reply struct {
		LocatedBlocks *struct{ IsUnderConstruction *bool }
	}
	err = w.call(ctx, &webRequest{op: "GET_BLOCK_LOCATIONS", path: path, params: url.Values{"offset": {"0"}, "length": {"1"}}}, func(body io.ReadCloser) error {
		defer body.Close()
		return json.NewDecoder(body).Decode(&reply)
	})
	switch {
	case unknownOp(err):
		return false, errors.ErrUnsupported
	case err != nil:
		return false, err
	case reply.LocatedBlocks == nil || reply.LocatedBlocks.IsUnderConstruction == nil:
		return false, errors.ErrUnsupported
	}
	return *reply.LocatedBlocks.IsUnderConstruction, nil
}

// now implements hdfsPeer.
func (w *webHDFS) now(ctx context.Context) (time.Time, error) {
	return w.clock.now(ctx, func(ctx context.Context) error {
		_, err := w.stat(ctx, "/")
		return err
	})
}
