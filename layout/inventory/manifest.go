package inventory

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

const (
	manifestVersion = "2016-11-30"
	checksumName    = "manifest.checksum"
	// largestManifest is far above what S3 writes: 200 bytes for each data file of about a
	// million rows.
	largestManifest = 64 << 20
)

// manifest is a manifest.json.
type manifest struct {
	SourceBucket      string      `json:"sourceBucket"`
	DestinationBucket string      `json:"destinationBucket"`
	Version           string      `json:"version"`
	CreationTimestamp json.Number `json:"creationTimestamp"`
	FileFormat        string      `json:"fileFormat"`
	FileSchema        string      `json:"fileSchema"`
	Files             []dataFile  `json:"files"`

	created time.Time
	columns columns // of CSV
}

// dataFile is one of the files that hold the rows.
type dataFile struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
	MD5  string `json:"MD5checksum"`

	sum [md5.Size]byte
}

// The formats, in the words of the manifest.
const (
	formatCSV     = "CSV"
	formatParquet = "Parquet"
	formatORC     = "ORC"
)

// parseManifest reads a manifest.json and refuses what could not be followed to its end.
func parseManifest(data []byte) (*manifest, error) {
	m := &manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, &Error{Message: "not a manifest of S3 Inventory", Hint: "name the manifest.json of a report", Err: err}
	}
	if m.SourceBucket == "" || m.FileFormat == "" || m.Files == nil {
		return nil, &Error{Message: "not a manifest of S3 Inventory: sourceBucket, fileFormat or files is missing", Hint: "name the manifest.json of a report"}
	}
	if m.Version != manifestVersion {
		return nil, &Error{Message: fmt.Sprintf("version %q of S3 Inventory is not known, only %s", m.Version, manifestVersion)}
	}
	ms, err := m.CreationTimestamp.Int64()
	if err != nil || ms <= 0 || ms > largestTime {
		return nil, &Error{Message: fmt.Sprintf("creationTimestamp %q is no time in milliseconds", m.CreationTimestamp)}
	}
	m.created = time.UnixMilli(ms).UTC()
	if err := m.checkFormat(); err != nil {
		return nil, err
	}
	return m, m.checkFiles()
}

// largestTime is the year 9999.
const largestTime = 253402300799999

func (m *manifest) checkFormat() (err error) {
	switch m.FileFormat {
	case formatCSV:
		m.columns, err = parseColumns(m.FileSchema)
		return err
	case formatParquet: // each file has its own schema
		return nil
	case formatORC:
		return &Error{Message: "the report is in ORC, which ckpt does not read", Hint: "let S3 Inventory write Parquet or CSV"}
	}
	return &Error{Message: fmt.Sprintf("the report is in %q, which ckpt does not know", m.FileFormat), Hint: "let S3 Inventory write Parquet or CSV"}
}

// checkFiles refuses a file that could not be verified, and one that would count twice.
func (m *manifest) checkFiles() error {
	seen := map[string]bool{}
	for i := range m.Files {
		f := &m.Files[i]
		clean, err := layout.CleanKey(f.Key)
		sum, sumErr := hex.DecodeString(f.MD5)
		switch {
		case err != nil || clean != f.Key || clean == "":
			return &Error{Message: fmt.Sprintf("the data file %q is no key of an object", f.Key)}
		case seen[f.Key]:
			return &Error{Message: "the data file " + f.Key + " stands there twice"}
		case f.Size < 0:
			return &Error{Message: fmt.Sprintf("the data file %s has %d bytes", f.Key, f.Size)}
		case sumErr != nil || len(sum) != len(f.sum):
			return &Error{Message: fmt.Sprintf("the data file %s has no MD5checksum that it could be verified by: %q", f.Key, f.MD5)}
		}
		seen[f.Key], f.sum = true, [md5.Size]byte(sum)
	}
	return nil
}

// destination is the name of the bucket that the report was written to.
func (m *manifest) destination() string {
	return m.DestinationBucket[strings.LastIndexByte(m.DestinationBucket, ':')+1:]
}

// readManifest reads the manifest name in store, and verifies it where its checksum lies
// beside it.
func readManifest(ctx context.Context, store layout.Store, name string) (*manifest, error) {
	data, err := readSmall(ctx, store, name, largestManifest)
	if err != nil {
		return nil, err
	}
	at := layout.Join(store.URL(), name)
	want, err := readSmall(ctx, store, path.Join(path.Dir(name), checksumName), 1<<10)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !strings.EqualFold(strings.TrimSpace(string(want)), fmt.Sprintf("%x", md5.Sum(data))):
		return nil, &Error{Path: at, Message: "it is not what " + checksumName + " says: incomplete, or changed", Hint: "take another report"}
	}
	m, err := parseManifest(data)
	if bad := (*Error)(nil); errors.As(err, &bad) {
		bad.Path = at
	}
	return m, err
}

// readSmall reads a file of no more than most bytes.
func readSmall(ctx context.Context, store layout.Store, name string, most int64) ([]byte, error) {
	c, err := store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	data, err := io.ReadAll(io.LimitReader(c.Whole(), most+1))
	if err == nil && int64(len(data)) > most {
		err = &Error{Path: layout.Join(store.URL(), name), Message: fmt.Sprintf("it is larger than %d bytes", most), Hint: "name the manifest.json of a report"}
	}
	return data, err
}
