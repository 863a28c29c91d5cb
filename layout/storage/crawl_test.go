package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// paged is a store that gives a few keys at a time.
type paged struct {
	service
	keys  []string // in the order of the listing
	size  int
	order bool
	fault func(q query) error

	mu    sync.Mutex
	asked []query
}

func newPaged(size int, keys ...string) *paged {
	slices.Sort(keys)
	return &paged{keys: slices.Compact(keys), size: size, order: true}
}

func (p *paged) list(ctx context.Context, q query) (page, error) {
	p.mu.Lock()
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	if p.fault != nil {
		if err := p.fault(q); err != nil {
			return page{}, err
		}
	}
	out := page{ordered: p.order}
	after := max(q.after, q.token)
	for _, key := range p.keys {
		rest, ok := strings.CutPrefix(key, q.prefix)
		if !ok {
			continue
		}
		i := item{key: key, size: int64(len(key) % 3)}
		if at := strings.Index(rest, q.delimiter); q.delimiter != "" && at >= 0 {
			i = item{key: key[:len(q.prefix)+at+1], dir: true}
		}
		if n := len(out.items); p.order && i.key <= after || n > 0 && out.items[n-1].key == i.key {
			continue
		}
		if len(out.items) == p.size {
			out.next = out.items[p.size-1].key
			break
		}
		out.items = append(out.items, i)
	}
	return out, ctx.Err()
}

// all is what a store lists, in order. A file and a marker may have one name.
func all(t interface{ Errorf(string, ...any) }, s service, concurrency int) []string {
	b := Settings{Concurrency: concurrency}.newBucket(s, layout.ParsePlace("s3://b/root"), func() {})
	var found []string
	for o, err := range b.List(context.Background(), "") {
		if err != nil {
			t.Errorf("%s: %v", o.Key, err)
		}
		found = append(found, fmt.Sprintf("%q: type %d, %d bytes", o.Key, o.Type, o.Size))
	}
	slices.Sort(found)
	return found
}

// TestCrawlProperty: whatever the names, many at a time find what one after the other
// does.
func TestCrawlProperty(t *testing.T) {
	element := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{2,4}`), rapid.StringMatching(`chk-[0-9]{1,3}`),
		rapid.SampledFrom([]string{"shared", "taskowned", "_metadata", "x_$folder$", "", "..", ".", "SHARED", "~", "ü", "世界", "0", "/", " ", "\x01", "\U0010ffff"}),
		rapid.StringN(0, 4, 12),
	)
	key := rapid.Custom(func(t *rapid.T) string {
		return "root/" + strings.Join(rapid.SliceOfN(element, 1, 4).Draw(t, "elements"), "/")
	})
	rapid.Check(t, func(t *rapid.T) {
		store := newPaged(rapid.IntRange(1, 7).Draw(t, "page"), rapid.SliceOfN(key, 1, 150).Draw(t, "keys")...)
		want := all(t, store, 1)
		sequential := len(store.asked)
		for _, concurrency := range []int{2, 5, 16} {
			store.asked = nil
			if diff := cmp.Diff(want, all(t, store, concurrency)); diff != "" {
				t.Fatalf("%d at a time: %s", concurrency, diff)
			}
			if n := len(store.asked); n > sequential+extras(store.asked) {
				t.Fatalf("%d at a time: %d requests, %d of them extra; one at a time takes %d", concurrency, n, extras(store.asked), sequential)
			}
		}
	})
}

// extras is how many requests looked for places to cut, or began behind a cut.
func extras(asked []query) int {
	n := 0
	for _, q := range asked {
		if q.delimiter != "" || q.after != "" && q.token == "" {
			n++
		}
	}
	return n
}

// flinkTree is a tree of some jobs as Flink leaves it.
func flinkTree(jobs, checkpoints, files, shared int) []string {
	var keys []string
	random := rand.New(rand.NewPCG(1, 2))
	uuid := func() string {
		a, b := random.Uint64(), random.Uint64()
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
	}
	for range jobs {
		job := fmt.Sprintf("root/%016x%016x", random.Uint64(), random.Uint64())
		for c := range checkpoints {
			keys = append(keys, fmt.Sprintf("%s/chk-%d/_metadata", job, 90+c))
			for range files {
				keys = append(keys, fmt.Sprintf("%s/chk-%d/%s", job, 90+c, uuid()))
			}
		}
		for range shared {
			keys = append(keys, job+"/shared/"+uuid())
		}
		keys = append(keys, job+"/taskowned/"+uuid())
	}
	return keys
}

// TestCrawlWidth: trees of Flink are listed many requests at a time, and not many more of
// them than one after the other.
func TestCrawlWidth(t *testing.T) {
	for name, keys := range map[string][]string{
		"one job, much shared":      flinkTree(1, 5, 4, 5000),
		"one job, many checkpoints": flinkTree(1, 500, 10, 0),
		"many jobs":                 flinkTree(50, 5, 5, 75),
		"a few jobs":                flinkTree(3, 30, 20, 1200),
	} {
		t.Run(name, func(t *testing.T) {
			store := newPaged(20, keys...)
			want := all(t, store, 1)
			pages := len(store.asked)
			if pages != (len(keys)+19)/20 {
				t.Errorf("%d requests for %d keys one after the other", pages, len(keys))
			}
			store.asked = nil
			store.fault = func(query) error { time.Sleep(time.Second); return nil }
			synctest.Test(t, func(t *testing.T) { // whose seconds take no time
				begin := time.Now()
				if !slices.Equal(want, all(t, store, 16)) {
					t.Error("many at a time find something else")
				}
				turns := int(time.Since(begin) / time.Second)
				t.Logf("%d keys, %d requests, then %d of which %d extra, in the time of %d", len(keys), pages, len(store.asked), extras(store.asked), turns)
				if turns > pages/2 || len(store.asked) > pages*3/2 {
					t.Errorf("%d requests instead of %d, in the time of %d", len(store.asked), pages, turns)
				}
			})
		})
	}
}

// TestCrawlUnordered: a store that does not keep the order of bytes is listed whole, also
// where it says that it does.
func TestCrawlUnordered(t *testing.T) {
	keys := []string{"root/z", "root/y", "root/a", "root/c", "root/b", "root/zz"}
	for _, promise := range []bool{false, true} {
		store := &unordered{keys: keys, promise: promise}
		if got := all(t, store, 8); len(got) != len(keys) {
			t.Errorf("%d of %d keys", len(got), len(keys))
		}
	}
}

type unordered struct {
	service
	keys    []string
	promise bool
}

func (u *unordered) list(_ context.Context, q query) (page, error) {
	from := slices.Index(u.keys, q.token) + 1
	to := min(from+2, len(u.keys))
	p := page{ordered: u.promise}
	for _, key := range u.keys[from:to] {
		p.items = append(p.items, item{key: key})
	}
	if to < len(u.keys) {
		p.next = u.keys[to-1]
	}
	return p, nil
}

// TestCrawlLateDisorder: where parts are listed already, an order that breaks is an error.
func TestCrawlLateDisorder(t *testing.T) {
	store := newPaged(10, flinkTree(1, 0, 0, 500)...)
	slices.Reverse(store.keys[300:400])
	store.fault = func(query) error { time.Sleep(time.Millisecond); return nil }
	b := Settings{Concurrency: 8}.newBucket(store, layout.ParsePlace("s3://b/root"), func() {})
	var failed []error
	for _, err := range b.List(t.Context(), "") {
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) == 0 || !errors.Is(failed[0], errOrder) {
		t.Errorf("got %v", failed)
	}
}

// TestCrawlFailure: what cannot be listed is told with the directories in which something
// may be missing, and the rest is listed.
func TestCrawlFailure(t *testing.T) {
	keys := flinkTree(2, 10, 20, 1000)
	job := dirOf(strings.TrimSuffix(dirOf(keys[0]), "/"))
	refused := errors.New("refused")
	store := newPaged(20, keys...)
	store.fault = func(q query) error {
		if at := max(q.after, q.token); strings.HasPrefix(at, job+"shared/8") {
			return refused
		}
		return nil
	}
	b := Settings{Concurrency: 8}.newBucket(store, layout.ParsePlace("s3://b/root"), func() {})
	found := map[string]bool{}
	var failed []string
	for o, err := range b.List(t.Context(), "") {
		if err == nil {
			found["root/"+o.Key] = true
			continue
		}
		failed = append(failed, "root/"+strings.TrimPrefix(o.Key+"/", "/"))
		if !errors.Is(err, refused) {
			t.Errorf("%s: %v", o.Key, err)
		}
	}
	missing := 0
	for _, key := range keys {
		if found[key] {
			continue
		}
		missing++
		if !slices.ContainsFunc(failed, func(dir string) bool { return strings.HasPrefix(key, dir) }) {
			t.Errorf("%s is missing, and errors are of %v", key, failed)
		}
	}
	if missing == 0 || missing > len(keys)/2 {
		t.Errorf("%d of %d are missing", missing, len(keys))
	}
}

// TestCrawlStops: whoever has enough, or cancels, does not wait, and nothing goes on.
func TestCrawlStops(t *testing.T) {
	before := runtime.NumGoroutine()
	store := newPaged(10, flinkTree(3, 10, 10, 500)...)
	store.fault = func(query) error { time.Sleep(time.Millisecond); return nil }
	b := Settings{}.newBucket(store, layout.ParsePlace("s3://b/root"), func() {})
	n := 0
	for range b.List(t.Context(), "") {
		if n++; n == 700 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n = 0
	for _, err := range b.List(ctx, "") {
		if n++; n == 700 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) || n > 720 {
		t.Errorf("%d entries, %v", n, last)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// TestCrawlSamePage: a store that goes in circles is an error, and no endless listing.
func TestCrawlSamePage(t *testing.T) {
	b := Settings{}.newBucket(circle{}, layout.ParsePlace("s3://b/root"), func() {})
	failed := 0
	for _, err := range b.List(t.Context(), "") {
		if err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("no error")
	}
}

type circle struct{ service }

func (circle) list(context.Context, query) (page, error) {
	return page{items: []item{{key: "root/a"}}, next: "again"}, nil
}
