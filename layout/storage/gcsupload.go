package storage

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// gcsChunk is what the lengths of all chunks but the last are multiples of.
const gcsChunk = 256 << 10

// gcsUpload is an object that is stored chunk by chunk. It is seen when the last has come.
type gcsUpload struct {
	*gcsWriter
	session string
	size    int64
}

// upload stores an object in chunks.
func (b *gcsWriter) upload(ctx context.Context, key string, r *exact) (item, error) {
	header := http.Header{"X-Upload-Content-Length": {strconv.FormatInt(r.size, 10)}, "Content-Type": {"application/json; charset=UTF-8"}}
	resp, err := b.do(ctx, http.MethodPost, b.uploads(key, "resumable", "0"), header, []byte("{}"))
	if err != nil {
		return item{}, err
	}
	resp.Body.Close()
	u := &gcsUpload{b, resp.Header.Get("Location"), r.size}
	if u.session == "" {
		return item{}, &problem{message: "the store does not say where an upload goes"}
	}
	i, err := u.chunks(ctx, r)
	if err != nil {
		u.cancel(ctx)
	}
	return i, err
}

// chunks sends all of them.
func (u *gcsUpload) chunks(ctx context.Context, r *exact) (item, error) {
	chunk := max(u.settings.part()/gcsChunk, 1) * gcsChunk
	for {
		offset := r.size - r.left
		data := make([]byte, min(chunk, r.left)) // anew, as in inParts
		if err := r.next(data); err != nil {
			return item{}, err
		}
		resp, err := u.send(ctx, data, offset)
		if err != nil {
			return item{}, err
		}
		if r.left == 0 {
			return u.finished(ctx, resp, r)
		}
		resp.Body.Close()
	}
}

// send stores a chunk, in several requests where the store takes less than was sent.
func (u *gcsUpload) send(ctx context.Context, data []byte, offset int64) (*http.Response, error) {
	end := offset + int64(len(data))
	for {
		header := http.Header{"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", offset, end-1, u.size)}}
		resp, err := u.do(ctx, http.MethodPut, u.session, header, data)
		if err != nil {
			return nil, err
		}
		got := received(resp)
		if resp.StatusCode != http.StatusPermanentRedirect || got == end {
			return resp, nil
		}
		resp.Body.Close()
		if got <= offset || got > end {
			return nil, &problem{message: fmt.Sprintf("the store has %d bytes of an upload that has come to %d", got, end)}
		}
		offset, data = got, data[got-offset:]
	}
}

// received is how many bytes an upload has, by an answer that asks for more.
func received(resp *http.Response) int64 {
	_, last, ok := strings.Cut(resp.Header.Get("Range"), "-")
	n, err := strconv.ParseInt(last, 10, 64)
	if !ok || err != nil {
		return 0
	}
	return n + 1
}

// finished looks at what has been stored. What is not what was sent is deleted again.
func (u *gcsUpload) finished(ctx context.Context, resp *http.Response, r *exact) (item, error) {
	if resp.StatusCode == http.StatusPermanentRedirect {
		resp.Body.Close()
		return item{}, &problem{message: "the store wants more bytes than there are"}
	}
	i, err := u.stored(resp, crc32cOf(r.sum))
	if err != nil && i.tag != "" {
		u.removeOne(ctx, i) // or it stays, and the error tells of it
	}
	return i, err
}

// cancel lets go of what has been sent, also when the user has cancelled. Otherwise it
// goes by itself within a week.
func (u *gcsUpload) cancel(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	if resp, err := u.do(ctx, http.MethodDelete, u.session, http.Header{}, nil); err == nil {
		resp.Body.Close()
	}
}
