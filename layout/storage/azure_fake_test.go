package storage

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeAzure is as much of Azure Blob Storage as is needed. Directories are those of
// Data Lake: empty blobs that say so.
type fakeAzure struct {
	mu     sync.Mutex
	blobs  map[string]azureBlob
	blocks map[string]string // by key and id
}

type azureBlob struct {
	content  string
	modified time.Time
	folder   bool
}

func (b azureBlob) tag() string {
	return fmt.Sprintf("%x", md5.Sum([]byte(b.content+b.modified.String())))
}

type azureEntry struct {
	XMLName  xml.Name
	Name     string
	Modified string `xml:"Properties>Last-Modified,omitempty"`
	Etag     string `xml:"Properties>Etag,omitempty"`
	Length   *int   `xml:"Properties>Content-Length"`
	Folder   string `xml:"Metadata>hdi_isfolder,omitempty"`
}

const azureRoot = "/devstoreaccount1/"

// ServeHTTP implements http.Handler.
func (f *fakeAzure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, azureRoot), "/")
	blob, ok := f.blobs[key]
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "SharedKey devstoreaccount1:"):
		refuse(w, http.StatusForbidden, "AuthenticationFailed")
	case name != fakeBucket:
		refuse(w, http.StatusNotFound, "ContainerNotFound")
	case r.URL.Query().Get("comp") == "list":
		f.list(w, r)
	case ok && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusConflict, "BlobAlreadyExists")
	case r.Method == http.MethodPut:
		f.change(w, r, key)
	case !ok:
		refuse(w, http.StatusNotFound, "BlobNotFound")
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != quoted(blob.tag()):
		refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
	case r.Method == http.MethodDelete:
		delete(f.blobs, key)
		w.WriteHeader(http.StatusAccepted)
	default:
		blob.send(w, r)
	}
}

// change stores a blob: whole, by blocks, or as a copy.
func (f *fakeAzure) change(w http.ResponseWriter, r *http.Request, key string) {
	data, err := io.ReadAll(r.Body)
	sum := md5.Sum(data)
	if sent := r.Header.Get("Content-Md5"); err != nil || sent != "" && sent != base64.StdEncoding.EncodeToString(sum[:]) {
		refuse(w, http.StatusBadRequest, "Md5Mismatch")
		return
	}
	b, status := azureBlob{content: string(data), modified: time.Now()}, http.StatusCreated
	switch q := r.URL.Query(); {
	case q.Get("comp") == "block":
		f.blocks[key+" "+q.Get("blockid")] = string(data)
		w.WriteHeader(status)
		return
	case q.Get("comp") == "blocklist":
		var list struct{ Latest []string }
		b.content, err = "", xml.Unmarshal(data, &list)
		for _, id := range list.Latest {
			b.content += f.blocks[key+" "+id]
		}
	case r.Header.Get("X-Ms-Copy-Source") != "":
		u, _ := url.Parse(r.Header.Get("X-Ms-Copy-Source"))
		_, from, _ := strings.Cut(strings.TrimPrefix(u.Path, azureRoot), "/")
		source, ok := f.blobs[from]
		if !ok || r.Header.Get("X-Ms-Source-If-Match") != quoted(source.tag()) {
			refuse(w, http.StatusPreconditionFailed, "SourceConditionNotMet")
			return
		}
		b.content, status = source.content, http.StatusAccepted
		w.Header().Set("X-Ms-Copy-Status", "success")
		w.Header().Set("X-Ms-Copy-Id", "1")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidXmlDocument")
		return
	}
	f.blobs[key] = b
	w.Header().Set("ETag", quoted(b.tag()))
	w.Header().Set("Last-Modified", b.modified.UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Ms-Error-Code", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func (b azureBlob) send(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", quoted(b.tag()))
	w.Header().Set("Last-Modified", b.modified.UTC().Format(http.TimeFormat))
	if b.folder {
		w.Header().Set("X-Ms-Meta-Hdi_isfolder", "true")
	}
	status, content := http.StatusOK, b.content
	header := r.Header.Get("Range") + r.Header.Get("X-Ms-Range")
	if from, to, ok := strings.Cut(strings.TrimPrefix(header, "bytes="), "-"); ok {
		first, _ := strconv.Atoi(from)
		last, err := strconv.Atoi(to)
		if err != nil || last >= len(content) {
			last = len(content) - 1
		}
		if first > last {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(content)))
		status, content = http.StatusPartialContent, content[first:last+1]
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		io.WriteString(w, content)
	}
}

func (f *fakeAzure) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var out struct {
		XMLName    xml.Name     `xml:"EnumerationResults"`
		Blobs      []azureEntry `xml:"Blobs>Blob"`
		NextMarker string
	}
	seen := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(f.blobs)) {
		rest, ok := strings.CutPrefix(key, q.Get("prefix"))
		if !ok || key <= q.Get("marker") {
			continue
		}
		b, length := f.blobs[key], len(f.blobs[key].content)
		e := azureEntry{XMLName: xml.Name{Local: "Blob"}, Name: key, Modified: b.modified.UTC().Format(http.TimeFormat), Etag: b.tag(), Length: &length}
		if b.folder {
			e.Folder = "true"
		}
		if dir, _, deep := strings.Cut(rest, "/"); deep && q.Get("delimiter") != "" {
			e = azureEntry{XMLName: xml.Name{Local: "BlobPrefix"}, Name: q.Get("prefix") + dir + "/"}
		}
		if !seen[e.Name] {
			out.Blobs = append(out.Blobs, e)
		}
		if seen[e.Name] = true; len(out.Blobs) == 1000 {
			out.NextMarker = key
			break
		}
	}
	w.Header().Set("Content-Type", "application/xml")
	xml.NewEncoder(w).Encode(out)
}

func newFakeAzure(t *testing.T) *fakeCloud {
	noCloud(t)
	azure := &fakeAzure{blobs: map[string]azureBlob{}, blocks: map[string]string{}}
	f := &fakeCloud{scheme: "azblob", real: azure, flink: map[string]string{}}
	f.store = func(_ *testing.T, key, content string) {
		azure.mu.Lock()
		defer azure.mu.Unlock()
		azure.blobs[key] = azureBlob{content: content, modified: time.Now()}
	}
	f.start(t)
	f.env = map[string]string{
		"AZURE_STORAGE_CONNECTION_STRING": strings.Replace(azurite, "http://127.0.0.1:10000", f.URL, 1),
	}
	return f
}

func TestAzure(t *testing.T) { conformCloud(t, newFakeAzure) }
