package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// gcsBucket is a bucket of Google Cloud Storage, by its JSON API. Google's own client
// would double the time that ckpt takes to start, for gRPC, of which nothing is needed.
type gcsBucket struct {
	name     string
	endpoint string // without a slash at the end
	client   doer
	access   string // how one gets it
	token    func(ctx context.Context) (header http.Header, err error)
}

// gcsObject is what the JSON API says of an object.
type gcsObject struct {
	Name       string    `json:"name"`
	Size       int64     `json:"size,string"`
	Updated    time.Time `json:"updated"`
	Generation string    `json:"generation"`
	CRC32C     string    `json:"crc32c"`
}

func (o gcsObject) item() item {
	return item{key: o.Name, size: o.Size, modified: o.Updated, tag: o.Generation}
}

// objectFields are those of gcsObject.
const objectFields = "name,size,updated,generation,crc32c"

// list implements service.
func (b *gcsBucket) list(ctx context.Context, q query) (page, error) {
	params := url.Values{"maxResults": {"1000"}, "fields": {"items(" + objectFields + "),prefixes,nextPageToken"}}
	for name, v := range map[string]string{"prefix": q.prefix, "delimiter": q.delimiter, "pageToken": q.token} {
		if v != "" {
			params.Set(name, v)
		}
	}
	if q.after != "" {
		params.Set("startOffset", q.after) // and with it
	}
	var out struct {
		Items         []gcsObject `json:"items"`
		Prefixes      []string    `json:"prefixes"`
		NextPageToken string      `json:"nextPageToken"`
	}
	if err := b.ask(ctx, "", params, &out); err != nil {
		return page{}, err
	}
	p := page{items: make([]item, 0, len(out.Items)+len(out.Prefixes)), next: out.NextPageToken, ordered: true}
	for _, o := range out.Items {
		if q.after == "" || o.Name != q.after {
			p.items = append(p.items, o.item())
		}
	}
	for _, prefix := range out.Prefixes {
		p.items = append(p.items, item{key: prefix, dir: true})
	}
	return p, nil
}

// get implements service.
func (b *gcsBucket) get(ctx context.Context, key string, offset, length int64, tag string) (stream, error) {
	params := url.Values{"alt": {"media"}}
	if tag != "" {
		params.Set("ifGenerationMatch", tag)
	}
	header := http.Header{"Accept-Encoding": {"gzip"}} // the bytes as they are stored
	if r := rangeHeader(offset, length); r != "" {
		header.Set("Range", r)
	}
	resp, err := b.send(ctx, key, params, header)
	if err != nil {
		return stream{}, err
	}
	modified, _ := http.ParseTime(resp.Header.Get("Last-Modified"))
	i := item{key: key, modified: modified, tag: resp.Header.Get("X-Goog-Generation")}
	return newStream(i, resp.Body, resp.ContentLength, resp.Header.Get("Content-Range"), offset, length)
}

// head implements service.
func (b *gcsBucket) head(ctx context.Context, key string) (item, error) {
	var o gcsObject
	if err := b.ask(withWholeAnswer(ctx), key, url.Values{"fields": {objectFields}}, &o); err != nil {
		return item{}, err
	}
	return o.item(), nil
}

// ask reads an answer in JSON.
func (b *gcsBucket) ask(ctx context.Context, key string, params url.Values, out any) error {
	resp, err := b.send(ctx, key, params, http.Header{})
	if err != nil {
		return err
	}
	return decodeGCS(resp, out)
}

func decodeGCS(resp *http.Response, out any) error {
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return &problem{message: "the store's answer cannot be read: " + err.Error(), err: err}
	}
	return nil
}

// send asks for an object, or for the list of them where key is "".
func (b *gcsBucket) send(ctx context.Context, key string, params url.Values, header http.Header) (*http.Response, error) {
	return b.do(ctx, http.MethodGet, b.address(key, params), header, nil)
}

// address is that of an object, or of the list of them where key is "".
func (b *gcsBucket) address(key string, params url.Values) string {
	address := b.endpoint + "/storage/v1/b/" + url.PathEscape(b.name) + "/o"
	if key != "" {
		address += "/" + url.PathEscape(key)
	}
	params.Set("prettyPrint", "false")
	return address + "?" + params.Encode()
}

// do sends a request. An answer that is no success is an error; 308 asks for the rest of
// an upload.
func (b *gcsBucket) do(ctx context.Context, method, address string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	granted, err := b.token(ctx)
	if err != nil {
		return nil, noCredentials(ctx, "Google Cloud Storage", err, b.access)
	}
	for name, v := range granted {
		req.Header[name] = v
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, unreachable(err, " "+b.endpoint)
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusPermanentRedirect {
		defer resp.Body.Close()
		return nil, b.failure(resp)
	}
	return resp, nil
}

// gcsAccess is how one gets access for reading.
const gcsAccess = "run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account " +
	"that may list and read objects (roles/storage.objectViewer)"

// failure is what an answer says went wrong.
func (b *gcsBucket) failure(resp *http.Response) error {
	data, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	a := answer{status: resp.StatusCode}
	var body struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	if json.Unmarshal(data, &body) == nil {
		a.message = body.Error.Message
		for _, e := range body.Error.Errors {
			a.code = e.Reason
		}
	}
	if resp.StatusCode == http.StatusNotFound && !strings.Contains(resp.Request.URL.Path, "/o/") {
		a.code = "NoSuchBucket" // a list of nothing is no error
	}
	return a.problem(fmt.Errorf("%s", resp.Status), b.access)
}
