package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/changelog"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// harmed are files of which one ends early, or has another byte.
type harmed struct {
	statedump.Files
	handle metadata.StreamHandle
	at     int64
	flip   byte // 0: it ends at the byte
}

type harmedBlob struct {
	backends.Blob
	h harmed
}

func (h harmed) Open(ctx context.Context, handle metadata.StreamHandle) (backends.Blob, error) {
	b, err := h.Files.Open(ctx, handle)
	if err != nil || handle != h.handle {
		return b, err
	}
	return harmedBlob{b, h}, nil
}

func (b harmedBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	if i := b.h.at - off; i >= 0 && i < int64(n) && b.h.flip != 0 {
		p[i] ^= b.h.flip
	} else if i < int64(n) && b.h.flip == 0 {
		return int(max(i, 0)), io.EOF
	}
	return n, err
}

// under reads a changelog with its own files whole, and with those of what was materialized as given.
func (s *snapshot) under(t *testing.T, at slot, files backends.Files) (lines []string, errs []error) {
	t.Helper()
	opts := &backends.Options{Hints: map[string]string{"key": "Long"}, Kryo: backends.KryoOf(s.content.Version)}
	var readers []backends.Reader
	for _, m := range at.handle.Materialized {
		r, err := materialized(t.Context(), files, m, at.origin, opts)
		if err != nil {
			return nil, []error{err}
		}
		readers = append(readers, r)
	}
	r, err := changelog.Open(t.Context(), s.files, at.handle, readers, at.origin, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for e, err := range r.Entries(t.Context(), backends.Everything(at.origin.Range)) {
		if err != nil {
			errs = append(errs, err)
		} else {
			lines = append(lines, line(t, &e))
		}
	}
	return lines, errs
}

// parts are the files of what was materialized, and their format.
func (at slot) parts() (format string, all []metadata.StreamHandle) {
	for _, m := range at.handle.Materialized {
		switch m := m.(type) {
		case *metadata.KeyGroupsHandle:
			format, all = "stream", append(all, m.Delegate)
		case *metadata.IncrementalHandle:
			format = "tables"
			for _, f := range slices.Concat(m.Shared, m.Private) {
				if strings.HasSuffix(string(f.Name), ".sst") {
					all = append(all, f.File)
				}
			}
		}
	}
	return format, all
}

// TestBaseLost: where what was materialized cannot be read from somewhere on, no entry is given that has only what the
// log adds to it, and an error tells of a state and key group once.
func TestBaseLost(t *testing.T) {
	const places = 4
	harms := map[string]int{}
	for _, o := range expected(t) {
		s := load(t, o)
		for _, at := range s.slots() {
			good, errs := s.under(t, at, s.files)
			if len(errs) > 0 {
				t.Fatalf("%s: %v", o.Name, errs)
			}
			slices.Sort(good)
			format, files := at.parts()
			for _, f := range files {
				for i := range int64(places) {
					h := harmed{s.files, f, f.StateSize() * i / places, 0}
					if format == "tables" && i%2 == 0 {
						h.flip = 1
					}
					got, errs := s.under(t, at, h)
					if len(errs) > 0 {
						harms[format]++
					}
					checkLost(t, fmt.Sprintf("%s, %s at %d", o.Name, format, h.at), good, got, errs)
				}
			}
		}
	}
	if t.Logf("damages that were noticed: %v", harms); harms["tables"] < 20 || harms["stream"] < 10 {
		t.Error("too few damages")
	}
}

func checkLost(t *testing.T, name string, good, got []string, errs []error) {
	t.Helper()
	for _, l := range got {
		if _, ok := slices.BinarySearch(good, l); !ok {
			t.Errorf("%s: an entry that is not there: %s", name, l)
			return
		}
	}
	if len(got) < len(good) && len(errs) == 0 {
		t.Errorf("%s: %d entries of %d, and no error", name, len(got), len(good))
	}
	seen := map[string]bool{}
	for _, err := range errs {
		var e *backends.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, "the log adds to") {
			continue
		}
		key := fmt.Sprint(e.State, " ", e.KeyGroup)
		if seen[key] || !e.Passed {
			t.Errorf("%s: told twice, or not passed: %v", name, err)
		}
		seen[key] = true
	}
}

// TestVerifyFiles: the files of what was materialized are verified with the log.
func TestVerifyFiles(t *testing.T) {
	read, found := int64(0), 0
	for _, o := range expected(t) {
		s := load(t, o)
		for _, at := range s.slots() {
			format, files := at.parts()
			r := s.open(t, at, &backends.Options{Kryo: backends.Kryo5})
			n, err := r.VerifyFiles(t.Context(), func(e *backends.Error) { t.Errorf("%s: %v", o.Name, e) })
			if err != nil || (n > 0) != (format == "tables" && len(files) > 0) {
				t.Errorf("%s: %d bytes of %s: %v", o.Name, n, format, err)
			}
			if read += n; n == 0 {
				continue
			}
			found += s.verifyHarmed(t, at, files[0])
		}
	}
	if read == 0 || found == 0 {
		t.Errorf("%d bytes, %d damages found", read, found)
	}
}

// verifyHarmed verifies with a table that has another byte, and tells how often that is found.
func (s *snapshot) verifyHarmed(t *testing.T, at slot, f metadata.StreamHandle) (found int) {
	t.Helper()
	var readers []backends.Reader
	for _, m := range at.handle.Materialized {
		r, err := materialized(t.Context(), harmed{s.files, f, 5, 1}, m, at.origin, &backends.Options{Kryo: backends.Kryo5})
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	r, err := changelog.Open(t.Context(), s.files, at.handle, readers, at.origin, &backends.Options{Kryo: backends.Kryo5})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.VerifyFiles(t.Context(), func(e *backends.Error) {
		if strings.Contains(e.Message, "checksum") {
			found++
		}
	}); err != nil || found != 1 {
		t.Errorf("%d damages found: %v", found, err)
	}
	return found
}
