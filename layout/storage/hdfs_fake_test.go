package storage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// fakeHDFS is a namenode and a datanode that answer as the documents of WebHDFS say.
type fakeHDFS struct {
	namenode, datanode *httptest.Server

	mu       sync.Mutex
	files    map[string]string // by absolute path
	links    map[string]bool
	writing  map[string]bool
	gateway  bool // HttpFS
	modified time.Time
	asked    []string // "op path" of each request to the namenode
	page     int      // entries of a batch
	// fault may answer in place of a server, which then it says.
	fault func(w http.ResponseWriter, r *http.Request) bool
}

func newFakeHDFS(t *testing.T) *fakeHDFS {
	f := &fakeHDFS{files: map[string]string{}, links: map[string]bool{}, writing: map[string]bool{}, modified: time.Now().Truncate(time.Second), page: 100}
	f.namenode = httptest.NewServer(f.guard(f.answer))
	f.datanode = httptest.NewServer(f.guard(f.read))
	t.Cleanup(f.namenode.Close)
	t.Cleanup(f.datanode.Close)
	return f
}

// paged makes pages as small as they can be.
func (f *fakeHDFS) paged() *fakeHDFS {
	f.page = 2
	return f
}

func (f *fakeHDFS) host() string { return strings.TrimPrefix(f.namenode.URL, "http://") }

func (f *fakeHDFS) put(_ *testing.T, key, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files["/root/"+key] = content
}

func (f *fakeHDFS) open(t *testing.T, below string) layout.Store {
	t.Helper()
	return f.openAs(t, below, Settings{})
}

func (f *fakeHDFS) openAs(t *testing.T, below string, s Settings) layout.Store {
	t.Helper()
	if s.LookupEnv == nil {
		s.LookupEnv = environment(nil)
	}
	store, err := openURL(t, s, "webhdfs://"+f.host()+"/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func (f *fakeHDFS) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	if s.LookupEnv == nil {
		s.LookupEnv = environment(nil)
	}
	m, err := New(s).OpenMutable(t.Context(), "webhdfs://"+f.host()+"/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openURL(t *testing.T, s Settings, url string) (layout.Store, error) {
	t.Helper()
	return hdfsDriver(s).Open(t.Context(), layout.ParsePlace(url))
}

// environment is one of its own, whatever the developer's is.
func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func (f *fakeHDFS) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.fault == nil || !f.fault(w, r) {
			next(w, r)
		}
	}
}

func (f *fakeHDFS) setFault(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// answer is the namenode's.
func (f *fakeHDFS) answer(w http.ResponseWriter, r *http.Request) {
	p := path.Clean(strings.TrimPrefix(r.URL.Path, "/webhdfs/v1"))
	op := r.URL.Query().Get("op")
	f.asked = append(f.asked, op+" "+p)
	status, ok := f.status(p)
	if r.Method == http.MethodPut && op == "CREATE" {
		http.Redirect(w, r, f.datanode.URL+r.URL.EscapedPath()+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		return
	}
	if !ok {
		remote(w, http.StatusNotFound, "FileNotFoundException", "File does not exist: "+p)
		return
	}
	switch op {
	case "GETFILESTATUS":
		reply(w, map[string]any{"FileStatus": status})
	case "DELETE":
		f.remove(w, r, p)
	case "RENAME":
		f.rename(w, r, p)
	case "GET_BLOCK_LOCATIONS":
		reply(w, map[string]any{"LocatedBlocks": map[string]any{"isUnderConstruction": f.writing[p], "fileLength": len(f.files[p])}})
	case "LISTSTATUS":
		reply(w, map[string]any{"FileStatuses": map[string]any{"FileStatus": f.children(p)}})
	case "LISTSTATUS_BATCH":
		f.batch(w, f.children(p), r.URL.Query().Get("startAfter"))
	case "OPEN":
		if offset, _ := strconv.Atoi(r.URL.Query().Get("offset")); offset >= len(f.files[p]) {
			remote(w, http.StatusForbidden, "IOException", "Offset out of the range")
			return
		}
		http.Redirect(w, r, f.datanode.URL+r.URL.EscapedPath()+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	default:
		remote(w, http.StatusBadRequest, "IllegalArgumentException", `Invalid value for webhdfs parameter "op": `+op)
	}
}

func (f *fakeHDFS) batch(w http.ResponseWriter, all []map[string]any, after string) {
	all = slices.DeleteFunc(all, func(s map[string]any) bool { return s["pathSuffix"].(string) <= after })
	n := min(f.page, len(all))
	reply(w, map[string]any{"DirectoryListing": map[string]any{
		"partialListing":   map[string]any{"FileStatuses": map[string]any{"FileStatus": all[:n]}},
		"remainingEntries": len(all) - n,
	}})
}

// remove deletes what has nothing below it.
func (f *fakeHDFS) remove(w http.ResponseWriter, r *http.Request, p string) {
	_, isFile := f.files[p]
	switch {
	case r.Method != http.MethodDelete || r.URL.Query().Get("recursive") != "false":
		remote(w, http.StatusBadRequest, "IllegalArgumentException", "recursive")
	case !isFile && f.isDir(p):
		remote(w, http.StatusForbidden, "PathIsNotEmptyDirectoryException", p+" is non empty")
	default:
		delete(f.files, p)
		reply(w, map[string]bool{"boolean": isFile})
	}
}

// rename does it as a namenode or, where it is one, as a gateway.
func (f *fakeHDFS) rename(w http.ResponseWriter, r *http.Request, p string) {
	q := r.URL.Query()
	to := q.Get("destination")
	_, there := f.files[to]
	switch {
	case r.Method != http.MethodPut:
		remote(w, http.StatusBadRequest, "IllegalArgumentException", "method")
		return
	case there && f.gateway:
		reply(w, map[string]bool{"boolean": false})
		return
	case there && q.Get("renameoptions") != "OVERWRITE":
		remote(w, http.StatusForbidden, "FileAlreadyExistsException", "rename destination "+to+" already exists")
		return
	}
	f.files[to] = f.files[p]
	delete(f.files, p)
	if f.gateway {
		reply(w, map[string]bool{"boolean": true})
	}
}

// read is the datanode's answer, also to what is written.
func (f *fakeHDFS) read(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.Method == http.MethodPut {
		data, err := io.ReadAll(r.Body)
		p := path.Clean(strings.TrimPrefix(r.URL.Path, "/webhdfs/v1"))
		if _, there := f.files[p]; err != nil || there && q.Get("overwrite") != "true" {
			remote(w, http.StatusForbidden, "IOException", fmt.Sprint(err))
			return
		}
		f.files[p] = string(data)
		w.WriteHeader(http.StatusCreated)
		return
	}
	offset, _ := strconv.Atoi(q.Get("offset"))
	length, _ := strconv.Atoi(q.Get("length"))
	content := f.files[path.Clean(strings.TrimPrefix(r.URL.Path, "/webhdfs/v1"))][offset:]
	content = content[:min(length, len(content))]
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	fmt.Fprint(w, content)
}

func (f *fakeHDFS) status(p string) (map[string]any, bool) {
	s := map[string]any{"pathSuffix": "", "modificationTime": f.modified.UnixMilli(), "length": 0, "type": "DIRECTORY", "owner": "flink"}
	content, isFile := f.files[p]
	switch {
	case f.links[p]:
		s["type"], s["symlink"] = "SYMLINK", "/elsewhere"
	case isFile:
		s["type"], s["length"] = "FILE", len(content)
	case !f.isDir(p):
		return nil, false
	}
	return s, true
}

func (f *fakeHDFS) isDir(p string) bool {
	for file := range f.files {
		if strings.HasPrefix(file, p+"/") {
			return true
		}
	}
	return p == "/" || p == "/root"
}

func (f *fakeHDFS) children(dir string) []map[string]any {
	found := map[string]map[string]any{}
	for p := range f.files {
		rest, ok := strings.CutPrefix(p, strings.TrimSuffix(dir, "/")+"/")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "/")
		if found[name] != nil {
			continue
		}
		s, _ := f.status(path.Join(dir, name))
		s["pathSuffix"] = name
		found[name] = s
	}
	all := make([]map[string]any, 0, len(found))
	for _, s := range found {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b map[string]any) int {
		return strings.Compare(a["pathSuffix"].(string), b["pathSuffix"].(string))
	})
	return all
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client has gone
}

func remote(w http.ResponseWriter, status int, exception, message string) {
	w.WriteHeader(status)
	reply(w, map[string]any{"RemoteException": map[string]string{"exception": exception, "javaClassName": "x." + exception, "message": message}})
}
