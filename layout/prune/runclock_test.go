package prune_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// TestProbe: the clock of a storage that does not tell it is seen by the time of a file,
// also where nothing but orphans goes and no journal is written.
func TestProbe(t *testing.T) {
	orphan := shared(jobB, "orphan")
	for name, c := range map[string]struct {
		skew    time.Duration
		denied  string // what cannot be done
		journal bool   // lies elsewhere on the same server
		guard   prune.Name
	}{
		"right":                {},
		"nearly right":         {skew: 4 * time.Minute},
		"slow":                 {skew: -6 * time.Minute, guard: prune.GuardClock},
		"fast":                 {skew: 6 * time.Minute, guard: prune.GuardClock},
		"cannot be written":    {denied: "create", guard: prune.GuardClock},
		"cannot be deleted":    {denied: "delete", guard: prune.GuardClock},
		"beside the journal":   {journal: true},
		"fast, by the journal": {journal: true, skew: 6 * time.Minute, guard: prune.GuardClock},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			before := y.keys()
			k := y.crook()
			var probes []string
			k.before = func(op, key string) error {
				if !strings.Contains(key, "probe-") {
					return nil
				}
				if probes = append(probes, op+" "+key[:strings.Index(key, "probe-")]); op == c.denied {
					return errors.New("denied")
				}
				return nil
			}
			e := y.execution(k, false)
			e.Now = func() time.Time { return y.now().Add(c.skew) }
			e.Stores[yardRoot] = clockless{k}
			e.Journal.Dir = ""
			e.Journal.Store = k
			dir := ""
			if !c.journal {
				e.Journal, dir = prune.Journal{}, ".ckpt/"
			}
			out, err := y.plan(y.graph(k.opener), nil, orphan).Execute(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			checkGuard(t, out.Stopped, c.guard)
			want := slices.Clone(before)
			if c.guard == "" {
				want = slices.DeleteFunc(want, func(key string) bool { return key == orphan })
			}
			left := slices.DeleteFunc(y.keys(), func(key string) bool { return c.denied == "delete" && strings.Contains(key, "probe-") })
			if diff := cmp.Diff(want, left); diff != "" {
				t.Error(diff)
			}
			tried := []string{"create " + dir, "delete " + dir}
			if c.denied == "create" {
				tried = tried[:1]
			}
			if diff := cmp.Diff(tried, probes); diff != "" {
				t.Error(diff)
			}
			var stopped *prune.StoppedError
			if c.denied == "create" && (!errors.As(out.Stopped, &stopped) || stopped.Hint == "") {
				t.Error("no hint")
			}
		})
	}
}

// withLink has a symbolic link besides.
type withLink struct {
	*crook
	link layout.Object
}

func (l withLink) with(dir string, all iter.Seq2[layout.Object, error]) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for o, err := range all {
			if !yield(o, err) {
				return
			}
		}
		if dir == "" || strings.HasPrefix(l.link.Key, dir+"/") {
			yield(l.link, nil)
		}
	}
}

func (l withLink) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return l.with(dir, l.crook.List(ctx, dir))
}

func (l withLink) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	all := l.crook.Children(ctx, dir)
	if !strings.HasSuffix(dir, "/shared") {
		return all
	}
	return l.with(dir, all)
}

// TestLinkIsNoNews: a link that the listing has met is not what has come since; one that it
// has not is.
func TestLinkIsNoNews(t *testing.T) {
	for name, c := range map[string]struct {
		key  string // that comes after the listing, where it is another one
		want int
	}{
		"listed": {want: 8},
		"new":    {key: "news", want: 1}, // of another job
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			key := func(name string) string { return strings.TrimPrefix(shared(jobA, name), "flink/") }
			k := &withLink{y.crook(), layout.Object{Key: key("link"), Type: layout.TypeLink, Modified: y.now()}}
			g := y.graph(func(context.Context, string) (layout.Store, error) { return k, nil })
			if len(g.Trees[0].Skipped) != 1 {
				t.Fatal("the listing has not met the link")
			}
			p := y.plan(g, nil, garbage()...)
			if c.key != "" {
				k.link.Key = key(c.key)
			}
			out, err := p.Execute(t.Context(), y.execution(k.crook, false))
			if err != nil || out.Stopped != nil || out.Objects != c.want {
				t.Errorf("%v %+v", err, out)
			}
		})
	}
}
