package prune

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// A saved plan is a file of lines: a header, the _metadata of each snapshot that there
// was, each file that goes, and an end that counts them.
const planSchema = "ckpt.plan/v1"

// SaveOptions are what a saved plan holds besides the plan.
type SaveOptions struct {
	Version string // of ckpt: another one may plan in another way
	Now     time.Time
	// Options is all that is needed to make the plan once more; nothing here reads it.
	Options json.RawMessage
}

// planHeader is the first line.
type planHeader struct {
	Schema  string          `json:"schema"`
	Version string          `json:"version"`
	Created time.Time       `json:"created"`
	Expires time.Time       `json:"expires"`
	Roots   []RootDigest    `json:"roots"`
	Places  []savedPlace    `json:"places"`
	Options json.RawMessage `json:"options,omitempty"`
	Files   int             `json:"files"`
	Bytes   int64           `json:"bytes"`
}

func (h *planHeader) schema() (string, string) { return h.Schema, planSchema }

type savedPlace struct {
	URL  string `json:"url"`
	Mode Mode   `json:"mode"`
}

// RootDigest is what the listing of a root was.
type RootDigest struct {
	URL   string `json:"url"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// Digest is of the keys, sizes and times of all files, in whatever order they came.
	Digest string `json:"digest"`
}

// planLine is any other line.
type planLine struct {
	Metadata *savedMetadata `json:"metadata,omitempty"`
	Delete   *SavedFile     `json:"delete,omitempty"`
	Dir      string         `json:"dir,omitempty"` // URL of a directory that goes if it is empty
	End      *planEnd       `json:"end,omitempty"`
}

type savedMetadata struct {
	URL      string    `json:"url"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Tag      string    `json:"tag,omitempty"`
}

// SavedFile is a file that a saved plan deletes.
type SavedFile struct {
	URL      string    `json:"url"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Why      string    `json:"why"`
	Snapshot string    `json:"snapshot,omitempty"` // URL of its directory
}

type planEnd struct {
	Metadata int `json:"metadata"`
	Files    int `json:"files"`
	Dirs     int `json:"dirs"`
}

// Save writes a plan for later.
func Save(w io.Writer, p *Plan, opts SaveOptions) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	put := putter(buffered)
	expiry := p.in.Safety.PlanExpiry
	if expiry == 0 {
		expiry = DefaultSafety().PlanExpiry
	}
	head := planHeader{Schema: planSchema, Version: opts.Version, Created: opts.Now.UTC(), Expires: opts.Now.Add(expiry).UTC(), Options: opts.Options}
	for _, t := range p.Graph.Trees {
		head.Roots = append(head.Roots, digestOf(t))
	}
	for _, place := range p.in.Places {
		head.Places = append(head.Places, savedPlace(place))
	}
	for i := range p.Batches {
		for _, it := range p.Batches[i].items() {
			head.Files++
			head.Bytes += p.Graph.Size(it.Object)
		}
	}
	if err := put(&head); err != nil {
		return err
	}
	end, err := saveLines(p, put)
	if err == nil {
		err = put(&planLine{End: &end})
	}
	return errors.Join(err, buffered.Flush())
}

// saveLines writes the _metadata and the files, and counts them.
func saveLines(p *Plan, put func(any) error) (end planEnd, err error) {
	for i := range p.Graph.Nodes {
		n := &p.Graph.Nodes[i]
		if n.Metadata == nil {
			continue
		}
		end.Metadata++
		m := savedMetadata{layout.Join(n.Tree.Root, n.Metadata.Key), n.Metadata.Size, n.Metadata.Modified.UTC(), n.Metadata.Tag}
		if err := put(&planLine{Metadata: &m}); err != nil {
			return end, err
		}
	}
	for i := range p.Batches {
		for s, it := range p.Batches[i].items() {
			end.Files++
			f := savedFile(p.Graph, it)
			if s >= 0 {
				f.Snapshot = p.Graph.Nodes[p.Batches[i].Snapshots[s].Node].URL()
			}
			if err := put(&planLine{Delete: &f}); err != nil {
				return end, err
			}
		}
		for d := range p.Batches[i].dirs() {
			end.Dirs++
			if err := put(&planLine{Dir: layout.Join(d.Tree.Root, d.Key)}); err != nil {
				return end, err
			}
		}
	}
	return end, nil
}

func savedFile(g *layout.Graph, it Item) SavedFile {
	t, f := g.Object(it.Object)
	return SavedFile{URL: layout.Join(t.Root, t.Files.Key(f)), Size: t.Files.Size(f), Modified: t.Files.Modified(f).UTC(), Why: it.Why.String()}
}

// digestOf sums up a listing: the hashes of its files, each other's exclusive or.
func digestOf(t *layout.Tree) RootDigest {
	d := RootDigest{URL: t.Root, Files: t.Files.Len()}
	var sum [sha256.Size]byte
	var line []byte
	for f := range layout.FileID(t.Files.Len()) {
		d.Bytes += t.Files.Size(f)
		line = append(line[:0], t.Files.Key(f)...)
		line = append(line, 0)
		line = binary.BigEndian.AppendUint64(line, uint64(t.Files.Size(f)))
		line = binary.BigEndian.AppendUint64(line, uint64(t.Files.Modified(f).UnixNano()))
		for i, b := range sha256.Sum256(line) {
			sum[i] ^= b
		}
	}
	d.Digest = hex.EncodeToString(sum[:])
	return d
}

// Saved is a plan that was read from a file. It is what somebody has looked at and
// approved: of a plan that is made anew, no more than it names may be executed.
type Saved struct {
	Version          string
	Created, Expires time.Time
	Roots            []RootDigest
	Places           []Place
	Options          json.RawMessage
	Files            int
	Bytes            int64

	metadata map[string]layout.Object
	deletes  []SavedFile
	dirs     map[string]bool
}

// Load reads a saved plan.
func Load(r io.Reader) (*Saved, error) {
	s := &Saved{metadata: map[string]layout.Object{}, dirs: map[string]bool{}}
	var head planHeader
	var end *planEnd
	var got planEnd
	err := scanLines(r, &head, func(line []byte) error {
		var l planLine
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		if end != nil {
			return errors.New("there is something behind the end")
		}
		end = l.End
		return s.take(&l, &got)
	})
	if err == nil && (end == nil || *end != got) {
		err = errors.New("it has no end, or not all that it should have")
	}
	if err != nil {
		return nil, &StoppedError{Guard: GuardPlan, Message: "this is no whole plan that ckpt has saved", Hint: "save it anew by ckpt prune --plan FILE", Err: err}
	}
	s.Version, s.Created, s.Expires, s.Roots, s.Options = head.Version, head.Created, head.Expires, head.Roots, head.Options
	s.Files, s.Bytes = head.Files, head.Bytes
	for _, p := range head.Places {
		s.Places = append(s.Places, Place(p))
	}
	return s, nil
}

// take keeps one line, and counts it.
func (s *Saved) take(l *planLine, got *planEnd) error {
	switch {
	case l.Metadata != nil:
		m := l.Metadata
		s.metadata[m.URL] = layout.Object{Size: m.Size, Modified: m.Modified, Tag: m.Tag}
		got.Metadata++
	case l.Delete != nil:
		s.deletes = append(s.deletes, *l.Delete)
		got.Files++
	case l.Dir != "":
		s.dirs[l.Dir] = true
		got.Dirs++
	case l.End == nil:
		return errors.New("it is none that a plan has")
	}
	return nil
}

// Changed names the roots that do not hold what they held when the plan was saved.
func (s *Saved) Changed(g *layout.Graph) (changed []string) {
	now := map[string]RootDigest{}
	for _, t := range g.Trees {
		now[t.Root] = digestOf(t)
	}
	for _, old := range s.Roots {
		if d := now[old.URL]; d != old {
			changed = append(changed, fmt.Sprintf("%s: %d files of %d bytes then, %d of %d now", old.URL, old.Files, old.Bytes, d.Files, d.Bytes))
		}
	}
	return changed
}
