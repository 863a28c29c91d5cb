package storage

import (
	"crypto/md5"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeAzure is as much of Azure Blob Storage as reading takes. Directories are those of
// Data Lake: empty blobs that say so.
type fakeAzure struct {
	mu    sync.Mutex
	blobs map[string]azureBlob
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
	case !ok:
		refuse(w, http.StatusNotFound, "BlobNotFound")
	case r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != blob.tag():
		refuse(w, http.StatusPreconditionFailed, "ConditionNotMet")
	default:
		blob.send(w, r)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Ms-Error-Code", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func (b azureBlob) send(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", b.tag())
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
	azure := &fakeAzure{blobs: map[string]azureBlob{}}
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

func TestAzure(t *testing.T) { conform(t, func(t *testing.T) backing { return newFakeAzure(t) }) }
