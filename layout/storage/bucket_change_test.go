package storage

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// TestRemoveMarkers: only what stands for a directory goes with it, and only when nothing
// lies in it.
func TestRemoveMarkers(t *testing.T) {
	m := memory{&Memory{}}
	for key, content := range map[string]string{
		"chk-1/": "", "chk-2_$folder$": "", "chk-3/": "", "chk-3_$folder$": "", "chk-3/x": "", "chk-4/": "", "chk-4/sub/": "", "chk-5/sub_$folder$": "",
		"chk-6/": "bytes", "chk-7_$folder$": "bytes", "chk-8": "", "chk-1-more/": "", "chk-9/": "", "chk-9/a//b": "",
	} {
		m.put(t, key, content)
	}
	s := m.change(t, "", Settings{})
	for dir, want := range map[string]error{
		"chk-1": nil, "chk-2": nil, "chk-3": layout.ErrNotEmpty, "chk-4": layout.ErrNotEmpty, "chk-5": layout.ErrNotEmpty,
		"chk-6": layout.ErrNotEmpty, "chk-7": nil, "chk-8": nil, "chk": nil, "chk-9": layout.ErrNotEmpty,
	} {
		errorAs(t, dir, s.RemoveDir(t.Context(), dir), want)
	}
	var left []string
	for _, i := range m.all(t) {
		left = append(left, i.key)
	}
	want := []string{"chk-1-more/", "chk-3/", "chk-3/x", "chk-3_$folder$", "chk-4/", "chk-4/sub/", "chk-5/sub_$folder$", "chk-6/", "chk-7_$folder$", "chk-8", "chk-9/", "chk-9/a//b"}
	for i := range want {
		want[i] = "root/" + want[i]
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Error(diff)
	}
}

// all is every object of the bucket.
func (m memory) all(t *testing.T) []item {
	t.Helper()
	p, err := inMemory{m.Memory, "b"}.list(t.Context(), query{})
	errorAs(t, "list", err, nil)
	return p.items
}

// TestAzureRemoveDir: a directory of Data Lake is a blob that says so, and goes when it
// is empty.
func TestAzureRemoveDir(t *testing.T) {
	f := newFakeAzure(t)
	azure := f.real.(*fakeAzure)
	f.put(t, "job/chk-1/x", "1")
	for _, dir := range []string{"job", "job/chk-1", "job/chk-2"} {
		azure.blobs["root/"+dir] = azureBlob{folder: true, modified: time.Now()}
	}
	m := f.change(t, "", Settings{})
	errorAs(t, "not empty", m.RemoveDir(t.Context(), "job/chk-1"), layout.ErrNotEmpty)
	errorAs(t, "empty", m.RemoveDir(t.Context(), "job/chk-2"), nil)
	if _, there := azure.blobs["root/job/chk-2"]; there || len(azure.blobs) != 3 {
		t.Errorf("left: %v", azure.blobs)
	}
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool { // a file came meanwhile
		if r.Method != http.MethodDelete {
			return false
		}
		refuse(w, http.StatusConflict, "DirectoryIsNotEmpty")
		return true
	})
	azure.blobs["root/job/chk-2"] = azureBlob{folder: true, modified: time.Now()}
	errorAs(t, "no longer empty", m.RemoveDir(t.Context(), "job/chk-2"), layout.ErrNotEmpty)
}

// TestClocks: the time is the store's, by any of its answers.
func TestClocks(t *testing.T) {
	wrong := time.Now().Add(-7 * time.Hour).Truncate(time.Second)
	inEach(t, func(t *testing.T, f *fakeCloud) {
		for _, forbidden := range []bool{false, true} {
			s := f.open(t, "")
			f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Date", wrong.UTC().Format(http.TimeFormat))
				if forbidden {
					refuse(w, http.StatusForbidden, "AccessDenied")
				}
				return forbidden
			})
			for range 3 {
				now, err := s.Now(t.Context())
				if off := now.Sub(wrong); err != nil || off < 0 || off > 5*time.Second {
					t.Errorf("%v off, %v", off, err)
				}
			}
			if n := len(f.requests()); n != 1 {
				t.Errorf("%d requests for the time", n)
			}
		}
		f.Close()
		if now, err := f.open(t, "").Now(t.Context()); err == nil {
			t.Errorf("no answer, and yet it is %v", now)
		}
	})
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	m := memory{&Memory{Now: func() time.Time { return at }}}
	m.put(t, "a", "x")
	s := m.open(t, "")
	o, err := s.Stat(t.Context(), "a")
	if now, clockErr := s.Now(t.Context()); !now.Equal(at) || !o.Modified.Equal(at) || err != nil || clockErr != nil {
		t.Errorf("%v, %v, %v, %v", now, o.Modified, err, clockErr)
	}
	_, err = memory{&Memory{}}.open(t, "").Now(t.Context())
	errorAs(t, "no clock", err, errors.ErrUnsupported)
	h := newFakeHDFS(t)
	if now, err := h.open(t, "").Now(t.Context()); err != nil || time.Since(now).Abs() > 3*time.Second {
		t.Errorf("hdfs: %v, %v", now, err)
	}
}

// TestSlowClock: an answer that came late says less than one that came soon.
func TestSlowClock(t *testing.T) {
	answer := func(at time.Time) *http.Response {
		return &http.Response{Header: http.Header{"Date": {at.UTC().Format(http.TimeFormat)}}}
	}
	early, late := time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Truncate(time.Second)
	var c clock
	tries := 0
	now, err := c.now(t.Context(), func(context.Context) error {
		tries++
		c.hear(answer(early), time.Now().Add(-10*time.Second))
		if tries == 2 {
			c.hear(answer(late), time.Now())
		}
		return nil
	})
	if off := now.Sub(late); err != nil || tries != 2 || off < 0 || off > 2*time.Second {
		t.Errorf("%v off after %d tries, %v", off, tries, err)
	}
	c.hear(answer(early), time.Now().Add(-10*time.Second))
	if now, ok, soon := c.known(); !ok || !soon || now.Before(late) {
		t.Errorf("%v, %v, %v", now, ok, soon)
	}
}

// TestRemarks: versions and unfinished uploads are told where one may ask for them.
func TestRemarks(t *testing.T) {
	f := newFakeS3(t)
	started := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		switch q := r.URL.Query(); {
		case q.Has("versioning"):
			w.Write([]byte(`<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`))
		case q.Has("uploads") && q.Get("key-marker") == "" && q.Get("prefix") == "root/":
			w.Write([]byte(`<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>root/a%2Bb</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>` +
				`<Upload><Key>root/a%2Bb</Key><Initiated>2020-01-02T03:04:05Z</Initiated></Upload></ListMultipartUploadsResult>`))
		case q.Has("uploads") && q.Get("key-marker") == "root/a+b":
			w.Write([]byte(`<ListMultipartUploadsResult><Upload><Key>root/c</Key><Initiated>2020-01-02T03:04:05Z</Initiated></Upload></ListMultipartUploadsResult>`))
		default:
			return false
		}
		return true
	})
	r, err := f.open(t, "").Remarks(t.Context())
	want := layout.Remarks{Versioned: true, Objects: true, Uploads: []layout.Upload{{Key: "a+b", Started: started}, {Key: "c", Started: started}}}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Error(err, diff)
	}
	inEach(t, func(t *testing.T, f *fakeCloud) {
		s := f.open(t, "")
		f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		})
		r, err := s.Remarks(t.Context())
		if diff := cmp.Diff(layout.Remarks{Objects: true}, r); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
}

// TestUnfinished: HDFS shows files before they are whole.
func TestUnfinished(t *testing.T) {
	f := newFakeHDFS(t)
	f.put(t, "whole", "x")
	f.put(t, "open", "x")
	f.writing["/root/open"] = true
	s := f.open(t, "")
	for key, want := range map[string]bool{"whole": false, "open": true} {
		if got, err := s.Unfinished(t.Context(), key); got != want || err != nil {
			t.Errorf("%s: %v, %v", key, got, err)
		}
	}
	_, err := s.Unfinished(t.Context(), "nothing")
	errorAs(t, "nothing", err, fs.ErrNotExist)
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("op") != "GET_BLOCK_LOCATIONS" {
			return false
		}
		remote(w, http.StatusBadRequest, "IllegalArgumentException", `Invalid value for webhdfs parameter "op": GET_BLOCK_LOCATIONS`)
		return true
	})
	_, err = s.Unfinished(t.Context(), "whole")
	errorAs(t, "a server that is too old", err, errors.ErrUnsupported)
}

// TestGateway: HttpFS leaves the options of renaming out.
func TestGateway(t *testing.T) {
	f := newFakeHDFS(t)
	f.gateway = true
	m := f.change(t, "", Settings{})
	conformReplace(t, f)
	f.put(t, "there", "1")
	errorAs(t, "rename onto another", m.(*mutableHDFS).to.rename(t.Context(), "/root/dir/journal", "/root/there", false), fs.ErrExist)
}
