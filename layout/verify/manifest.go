package verify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Digest is the checksum of a file.
type Digest struct {
	URL    string
	Size   int64
	SHA256 string // in hexadecimal digits
}

// ManifestSchema is that of Manifest.
const ManifestSchema = "ckpt.manifest/v1"

// Manifest is the files of a snapshot that was verified, to check them again without a
// look at what they mean.
type Manifest struct {
	Schema     string         `json:"schema"`
	Root       string         `json:"root"`       // URL of the tree
	Checkpoint string         `json:"checkpoint"` // below the root
	ID         int64          `json:"id"`
	Files      []ManifestFile `json:"files"`
}

// ManifestFile is one file of a Manifest.
type ManifestFile struct {
	Path   string `json:"path"` // below the root; a URL where it lies elsewhere
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// NewManifest lists the files of the snapshot in the directory dir of the tree at root.
func NewManifest(root, dir string, id int64, digests []Digest) *Manifest {
	m := &Manifest{Schema: ManifestSchema, Root: root, Checkpoint: dir, ID: id}
	for _, d := range digests {
		path := d.URL
		if key, ok := layout.Below(root, d.URL); ok {
			path = key
		}
		m.Files = append(m.Files, ManifestFile{path, d.Size, d.SHA256})
	}
	slices.SortFunc(m.Files, func(a, b ManifestFile) int { return cmp.Compare(a.Path, b.Path) })
	m.Files = slices.Compact(m.Files)
	return m
}

// ParseManifest reads what was written as JSON.
func ParseManifest(data []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("not a manifest: %w", err)
	}
	if m.Schema != ManifestSchema {
		return nil, fmt.Errorf("not a manifest: its schema is %q, and should be %q", m.Schema, ManifestSchema)
	}
	for _, f := range m.Files {
		if f.Path == "" || f.Size < 0 || len(f.SHA256) != 64 || strings.Trim(f.SHA256, "0123456789abcdef") != "" {
			return nil, fmt.Errorf("the manifest is broken at the file %q", f.Path)
		}
	}
	if len(m.Files) == 0 {
		return nil, fmt.Errorf("the manifest lists no files")
	}
	return m, nil
}
