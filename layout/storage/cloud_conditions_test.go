package storage

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
)

// What the servers within the tests leave out of what the stores do: conditions of
// deleting, and copying parts.

// ask asks a handler on the way to another answer.
func ask(h http.Handler, method, address string, header http.Header, body io.Reader) *http.Response {
	r := httptest.NewRequest(method, address, body)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// gcsConditions is Google's storage with conditions for deleting and copying.
func gcsConditions(real http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		of, _, copies := strings.Cut(r.URL.EscapedPath(), "/rewriteTo/")
		wanted := q.Get("ifSourceGenerationMatch")
		if !copies {
			wanted = q.Get("ifGenerationMatch")
		}
		if wanted != "" && (copies || r.Method == http.MethodDelete) {
			resp := ask(real, http.MethodGet, "http://gcs"+of, nil, nil)
			var o gcsObject
			if err := decodeGCS(resp, &o); resp.StatusCode == http.StatusOK && (err != nil || o.Generation != wanted) {
				w.WriteHeader(http.StatusPreconditionFailed)
				return
			}
		}
		real.ServeHTTP(w, r)
	}
}

type s3Deletion struct {
	Object []struct{ Key, ETag string }
}

// s3Conditions is S3 that deletes on conditions, and copies parts.
func s3Conditions(real http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Header.Get("If-None-Match") == "*" && ask(real, http.MethodHead, "http://s3"+r.URL.EscapedPath(), nil, nil).StatusCode == http.StatusOK {
			refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		switch source := r.Header.Get("X-Amz-Copy-Source"); {
		case r.Method == http.MethodPost && q.Has("delete"):
			s3Delete(real, w, r)
		case source != "" && q.Get("partNumber") != "":
			s3CopyPart(real, w, r, source)
		default:
			real.ServeHTTP(w, r)
		}
	}
}

func s3Delete(real http.Handler, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Content-Md5") == "" && r.Header.Get("X-Amz-Checksum-Crc32") == "" {
		refuse(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	var asked s3Deletion
	if err := xml.Unmarshal(body, &asked); err != nil || len(asked.Object) > 1000 {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	fmt.Fprint(w, "<DeleteResult>")
	for _, o := range asked.Object {
		var key bytes.Buffer
		xml.EscapeText(&key, []byte(o.Key))
		address := "http://s3" + strings.TrimSuffix(r.URL.Path, "/") + "/" + url.PathEscape(o.Key)
		now := ask(real, http.MethodHead, address, nil, nil)
		if o.ETag != "" && now.StatusCode == http.StatusOK && now.Header.Get("ETag") != o.ETag {
			fmt.Fprintf(w, "<Error><Key>%s</Key><Code>PreconditionFailed</Code></Error>", key.String())
			continue
		}
		ask(real, http.MethodDelete, address, nil, nil)
		fmt.Fprintf(w, "<Deleted><Key>%s</Key></Deleted>", key.String())
	}
	fmt.Fprint(w, "</DeleteResult>")
}

// s3CopyPart stores a part that it reads from another object.
func s3CopyPart(real http.Handler, w http.ResponseWriter, r *http.Request, source string) {
	header := http.Header{"Range": {r.Header.Get("X-Amz-Copy-Source-Range")}}
	from := ask(real, http.MethodGet, "http://s3/"+source, header, nil)
	if tag := r.Header.Get("X-Amz-Copy-Source-If-Match"); from.StatusCode/100 != 2 || tag != from.Header.Get("ETag") {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	data, _ := io.ReadAll(from.Body)
	part := ask(real, http.MethodPut, "http://s3"+r.URL.RequestURI(), http.Header{"Content-Length": {fmt.Sprint(len(data))}}, bytes.NewReader(data))
	if part.StatusCode != http.StatusOK {
		w.WriteHeader(part.StatusCode)
		return
	}
	fmt.Fprintf(w, "<CopyPartResult><ETag>%s</ETag></CopyPartResult>", part.Header.Get("ETag"))
}

// asAmazon has a store rely on what S3 itself does.
func asAmazon(m layout.MutableStore) { m.(*mutableBucket).to.(*s3Writer).amazon = true }

// amazonS3 is a backing that does what S3 itself does.
type amazonS3 struct{ *fakeCloud }

func (a amazonS3) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	m := a.fakeCloud.change(t, below, s)
	asAmazon(m)
	return m
}

// TestS3Conditions relies on the conditions of S3, and asks nothing before.
func TestS3Conditions(t *testing.T) {
	conformChanges(t, func(t *testing.T) mutableBacking { return amazonS3{newFakeS3(t)} })
}
