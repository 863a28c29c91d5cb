package relocate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

var errKilled = errors.New("killed")

// killer ends a run at one of its operations on the destination, before that took
// effect or after. From then on nothing reaches the storage, as with a process that is
// gone.
type killer struct {
	at    int64 // the operation, from 1; 0 for none
	after bool
	count atomic.Int64
}

// step counts an operation and runs it, unless the process is dead.
func (k *killer) step(op func()) error {
	n := k.count.Add(1)
	dead := k.at != 0 && n >= k.at
	if !dead || n == k.at && k.after {
		op()
	}
	if dead {
		return errKilled
	}
	return nil
}

func (k *killer) wrap(open layout.OpenMutable) layout.OpenMutable {
	return func(ctx context.Context, url string) (layout.MutableStore, error) {
		s, err := open(ctx, url)
		return &killedStore{s, k}, err
	}
}

type killedStore struct {
	layout.MutableStore
	k *killer
}

func (s *killedStore) Create(ctx context.Context, key string, r io.Reader, size int64) (o layout.Object, err error) {
	if dead := s.k.step(func() { o, err = s.MutableStore.Create(ctx, key, r, size) }); dead != nil {
		err = dead
	}
	return o, err
}

func (s *killedStore) Replace(ctx context.Context, key string, data []byte) (err error) {
	if dead := s.k.step(func() { err = s.MutableStore.Replace(ctx, key, data) }); dead != nil {
		err = dead
	}
	return err
}

func (s *killedStore) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (o layout.Object, err error) {
	if dead := s.k.step(func() { o, err = s.MutableStore.CopyFrom(ctx, from, src, key) }); dead != nil {
		err = dead
	}
	return o, err
}

func (s *killedStore) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	told := done
	if dead := s.k.step(func() { s.MutableStore.Delete(ctx, files, func(int, error) {}) }); dead != nil {
		for i := range files {
			told(i, dead)
		}
		return
	}
	for i := range files {
		told(i, nil)
	}
}

func (s *killedStore) Stat(ctx context.Context, key string) (o layout.Object, err error) {
	if dead := s.k.step(func() { o, err = s.MutableStore.Stat(ctx, key) }); dead != nil {
		err = dead
	}
	return o, err
}

func (s *killedStore) Open(ctx context.Context, key string) (c *layout.Content, err error) {
	if dead := s.k.step(func() { c, err = s.MutableStore.Open(ctx, key) }); dead != nil {
		err = dead
	}
	return c, err
}

func (s *killedStore) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	if dead := s.k.step(func() {}); dead != nil {
		return func(yield func(layout.Object, error) bool) { yield(layout.Object{Key: dir}, dead) }
	}
	return s.MutableStore.Children(ctx, dir)
}

// crashTrees are of every kind of state. Each is a snapshot by its glob.
var crashTrees = []string{
	"1.20.0/changelog-rocksdb-materialized/*/chk-5",
	"1.20.0/filemerging-opstate-across/*/chk-4",
	"1.20.0/rocksdb-incremental-inline/*/chk-4",
	"1.20.0/unaligned-threshold0/*/chk-2",
	"1.20.0/finished-operators/*/chk-2",
	"2.0.0/filemerging-rocksdb-across/*/chk-5",
	"2.0.0/rescale-claim/*/chk-8",
	"2.0.0/savepoint-canonical-rocksdb/savepoint-*",
	"2.0.0/small-inline/*/chk-3",
	"2.2.0/changelog-hashmap-materialized/*/chk-5",
	"2.2.0/filemerging-unaligned/*/chk-2",
	"2.2.0/rocksdb-incremental-small/*/chk-6",
	"2.2.0/savepoint-native-hashmap/savepoint-*",
	"2.2.0/small-files/*/chk-3",
}

// crashTree is the directory of one.
func crashTree(t *testing.T, glob string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(testdata.Root(t), "flink", filepath.FromSlash(glob)))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", glob, found, err)
	}
	return found[0]
}

// TestKilledAnywhere kills a copy at every single operation on the destination, before
// and after it took effect. There must never be a _metadata without all of its files, and
// a second run must make of it what an undisturbed one makes.
func TestKilledAnywhere(t *testing.T) {
	for i, glob := range crashTrees {
		forms := []relocate.Form{relocate.SelfContained, relocate.KeepLayout}
		if i%3 != 0 {
			forms = forms[:1] // the steps are the same
		}
		for _, form := range forms {
			t.Run(fmt.Sprint(form, "/", glob), func(t *testing.T) {
				src := crashTree(t, glob)
				before := tree(t, filepath.Dir(src))
				want, steps := undisturbed(t, src, form)
				if steps < 5 {
					t.Fatalf("only %d operations", steps)
				}
				for at := int64(1); at <= steps; at++ {
					for _, after := range []bool{false, true} {
						killedAt(t, src, form, &killer{at: at, after: after}, want)
					}
				}
				if diff := cmp.Diff(before, tree(t, filepath.Dir(src))); diff != "" {
					t.Errorf("the source was changed: %s", diff)
				}
			})
		}
	}
}

const crashURL = "mem://bucket/copy"

// undisturbed makes a copy, and tells how many operations that takes.
func undisturbed(t *testing.T, src string, form relocate.Form) (map[string]string, int64) {
	t.Helper()
	w, k := newWorld(), &killer{}
	w.mutable = k.wrap(w.mutable)
	if _, _, err := w.copy(t.Context(), src, crashURL, form); err != nil {
		t.Fatal(err)
	}
	return held(t, w, crashURL), k.count.Load()
}

func killedAt(t *testing.T, src string, form relocate.Form, k *killer, want map[string]string) {
	t.Helper()
	w := newWorld()
	w.options.Workers = 2
	mutable := w.mutable
	w.mutable = k.wrap(mutable)
	plan, _, err := w.copy(t.Context(), src, crashURL, form)
	if !errors.Is(err, errKilled) && k.count.Load() >= k.at {
		t.Errorf("killed at %d (%v): %v", k.at, k.after, err)
	}
	left := held(t, w, crashURL)
	if _, claimed := left[plan.MetadataKey()]; claimed {
		for key := range want {
			if left[key] != want[key] {
				t.Errorf("killed at %d (%v): there is a _metadata, and %s is not what it should be", k.at, k.after, key)
			}
		}
	}
	w.mutable = mutable
	if _, _, err := w.copy(t.Context(), src, crashURL, form); err != nil {
		t.Errorf("killed at %d (%v), and again: %v", k.at, k.after, err)
	}
	if diff := cmp.Diff(want, held(t, w, crashURL)); diff != "" {
		t.Errorf("killed at %d (%v), and again: %s", k.at, k.after, diff)
	}
}

// held is what lies below a URL, with digests.
func held(t *testing.T, w world, url string) map[string]string {
	t.Helper()
	found := map[string]string{}
	s, err := w.open(t.Context(), url)
	if errors.Is(err, os.ErrNotExist) {
		return found
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for o, err := range s.List(t.Context(), "") {
		if errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Type != layout.TypeFile {
			continue
		}
		c, err := s.Open(t.Context(), o.Key)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(c)
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		found[o.Key] = string(data)
	}
	return found
}
