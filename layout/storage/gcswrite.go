package storage

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/ckpt-tool/ckpt/layout"
)

// gcsWriter is a bucket of Google Cloud Storage that can be changed.
type gcsWriter struct {
	*gcsBucket
	settings Settings
}

const gcsWriteAccess = "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account " +
	"that may list, read, create and delete objects (roles/storage.objectUser)"

// batch implements writer. Google's batches are requests one by one, too.
func (b *gcsWriter) batch() int { return 1 }

// remove implements writer.
func (b *gcsWriter) remove(ctx context.Context, items []item) []error {
	errs := make([]error, len(items))
	for n, i := range items {
		errs[n] = b.removeOne(ctx, i)
	}
	return errs
}

func (b *gcsWriter) removeOne(ctx context.Context, i item) error {
	params := url.Values{}
	if i.tag != "" {
		params.Set("ifGenerationMatch", i.tag)
	}
	resp, err := b.do(ctx, http.MethodDelete, b.address(i.key, params), http.Header{}, nil)
	if err == nil {
		return resp.Body.Close()
	}
	return removed(err)
}

// made is the error of a request that creates: a condition that failed says that the
// object is there.
func made(err error) error {
	if errors.Is(err, errChanged) {
		return fs.ErrExist
	}
	return err
}

// create implements writer.
func (b *gcsWriter) create(ctx context.Context, key string, r *exact) (item, error) {
	if _, err := b.head(ctx, key); !errors.Is(err, fs.ErrNotExist) { // before much is sent
		return item{}, errors.Join(err, present(err))
	}
	if r.size > b.settings.part() {
		i, err := b.upload(ctx, key, r)
		return i, made(err)
	}
	data, err := r.all()
	if err != nil {
		return item{}, err
	}
	i, err := b.put(ctx, key, data, "0")
	return i, made(err)
}

// present is the error for an object that was found.
func present(err error) error {
	if err == nil {
		return fs.ErrExist
	}
	return nil
}

// replace implements writer.
func (b *gcsWriter) replace(ctx context.Context, key string, data []byte) error {
	_, err := b.put(ctx, key, data, "")
	return err
}

// uploads is the address of an upload. A generation of "0" is that of what is not there.
func (b *gcsWriter) uploads(key, kind, generation string) string {
	params := url.Values{"uploadType": {kind}, "name": {key}, "fields": {objectFields}, "prettyPrint": {"false"}}
	if generation != "" {
		params.Set("ifGenerationMatch", generation)
	}
	return b.endpoint + "/upload/storage/v1/b/" + url.PathEscape(b.name) + "/o?" + params.Encode()
}

// crc32cOf is the checksum as Google writes it.
func crc32cOf(sum uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

// put stores an object in one request, which holds its checksum for the store to compare.
func (b *gcsWriter) put(ctx context.Context, key string, data []byte, generation string) (item, error) {
	sum := crc32cOf(crc32.Checksum(data, castagnoli))
	about, err := json.Marshal(map[string]string{"name": key, "crc32c": sum, "contentType": "application/octet-stream"})
	if err != nil {
		return item{}, err
	}
	const boundary = "ckpt-7d1f2b5c9a3e4806"
	body := fmt.Appendf(nil, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n--%[1]s\r\nContent-Type: application/octet-stream\r\n\r\n", boundary, about)
	body = append(body, data...)
	body = fmt.Appendf(body, "\r\n--%s--\r\n", boundary)
	header := http.Header{"Content-Type": {"multipart/related; boundary=" + boundary}}
	resp, err := b.do(ctx, http.MethodPost, b.uploads(key, "multipart", generation), header, body)
	if err != nil {
		return item{}, err
	}
	return b.stored(resp, sum)
}

// stored describes what has been stored, whose checksum must be sum.
func (b *gcsWriter) stored(resp *http.Response, sum string) (item, error) {
	var o gcsObject
	if err := decodeGCS(resp, &o); err != nil {
		return item{}, err
	}
	if o.CRC32C != "" && o.CRC32C != sum {
		return o.item(), &problem{message: fmt.Sprintf("the store has other bytes than were sent: their CRC32C is %s, not %s", o.CRC32C, sum)}
	}
	return o.item(), nil
}

// copy implements writer. Google copies step by step where that takes long.
func (b *gcsWriter) copy(ctx context.Context, from service, src item, key string) (item, error) {
	other := gcsOf(from)
	if other == nil || other.endpoint != b.endpoint {
		return item{}, errors.ErrUnsupported
	}
	if _, err := b.head(ctx, key); !errors.Is(err, fs.ErrNotExist) {
		return item{}, errors.Join(err, present(err))
	}
	now, err := other.head(ctx, src.key)
	if err != nil {
		return item{}, err
	} else if !src.is(now) {
		return item{}, layout.ErrChanged
	}
	params := url.Values{"ifGenerationMatch": {"0"}, "ifSourceGenerationMatch": {now.tag}}
	way := b.endpoint + "/storage/v1/b/" + url.PathEscape(other.name) + "/o/" + url.PathEscape(src.key) +
		"/rewriteTo/b/" + url.PathEscape(b.name) + "/o/" + url.PathEscape(key) + "?"
	for {
		var out struct {
			Done         bool
			RewriteToken string
			Resource     gcsObject
		}
		resp, err := b.do(ctx, http.MethodPost, way+params.Encode(), http.Header{}, nil)
		if err == nil {
			err = decodeGCS(resp, &out)
		}
		if err != nil || out.Done {
			return out.Resource.item(), b.copied(ctx, err, key)
		}
		params.Set("rewriteToken", out.RewriteToken)
	}
}

// copied is the error of a copy: a condition that failed is of the source, unless the
// object is there.
func (b *gcsWriter) copied(ctx context.Context, err error, key string) error {
	if !errors.Is(err, errChanged) {
		return err
	}
	if _, err := b.head(ctx, key); err == nil {
		return fs.ErrExist
	}
	return layout.ErrChanged
}

// gcsOf is the bucket behind a service, nil where it is none of Google's.
func gcsOf(s service) *gcsBucket {
	switch s := s.(type) {
	case *gcsBucket:
		return s
	case *gcsWriter:
		return s.gcsBucket
	}
	return nil
}

// remarks implements remarker. Google does not list uploads.
func (b *gcsBucket) remarks(ctx context.Context, _ string, log *slog.Logger) (layout.Remarks, error) {
	resp, err := b.do(ctx, http.MethodGet, b.endpoint+"/storage/v1/b/"+url.PathEscape(b.name)+"?fields=versioning", http.Header{}, nil)
	if errors.Is(err, fs.ErrPermission) {
		log.Debug("the store does not tell", "what", "versioning", "because", err) // it takes storage.buckets.get
		return layout.Remarks{}, nil
	}
	var out struct{ Versioning struct{ Enabled bool } }
	if err == nil {
		err = decodeGCS(resp, &out)
	}
	return layout.Remarks{Versioned: out.Versioning.Enabled}, err
}
