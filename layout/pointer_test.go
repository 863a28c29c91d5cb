package layout

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// universe opens stores anywhere in one file system whose root is "/", or in one
// object store, which knows no directories and opens any URL.
func universe(s *fsStore, flat bool) OpenStore {
	return func(_ context.Context, url string) (Store, error) {
		url = Canonical(url)
		key := strings.TrimPrefix(strings.TrimPrefix(url, "s3://b"), "/")
		info, err := fs.Stat(s.FS, name(key))
		switch {
		case s.listed[key] != nil:
			return nil, &fs.PathError{Op: "open", Path: url, Err: s.listed[key]}
		case err == nil && info.IsDir():
			sub, err := fs.Sub(s.FS, name(key))
			return &fsStore{FS: sub, url: url, flat: flat}, err
		case flat:
			return &fsStore{FS: fstest.MapFS{}, url: url, flat: true}, nil
		case err == nil:
			return nil, &fs.PathError{Op: "open", Path: url, Err: ErrNotDirectory}
		}
		return nil, err
	}
}

// emptyIsNothing makes an empty directory of an object store one that does not exist.
type emptyIsNothing struct{ *fsStore }

func (s emptyIsNothing) Stat(ctx context.Context, key string) (Object, error) {
	if m, ok := s.FS.(fstest.MapFS); ok && key == "" && len(m) == 0 {
		return Object{}, &fs.PathError{Op: "stat", Path: s.url, Err: fs.ErrNotExist}
	}
	return s.fsStore.Stat(ctx, key)
}

func (s emptyIsNothing) List(ctx context.Context, dir string) iter.Seq2[Object, error] {
	if _, err := s.Stat(ctx, dir); err != nil {
		return func(yield func(Object, error) bool) { yield(Object{}, err) }
	}
	return s.fsStore.List(ctx, dir)
}

func TestFind(t *testing.T) {
	s := newTestTree(expand([]string{
		"cp/A/chk-6/x", "cp/A/shared/x", "cp/A/saved.bin", "cp/chk-3/_metadata", "cp/B/",
		"sp/savepoint-0dabe5-06ac01f92faa/_metadata", "top/_metadata", "_metadata@",
	})...)
	s.put("cp/A/chk-7/_metadata", written(t, 7, false), 2*time.Hour)
	s.put("cp/A/chk-5/_metadata", written(t, 5, false), 3*time.Hour)
	for name, c := range map[string]struct {
		arg  string
		want string // root, key of the directory, key of the file; or a kind of error and what it says
	}{
		"a checkpoint":         {"/cp/A/chk-7", "/cp A/chk-7 A/chk-7/_metadata"},
		"with a slash":         {"file:///cp/A/chk-7/", "/cp A/chk-7 A/chk-7/_metadata"},
		"its _metadata":        {"/cp/A/chk-7/_metadata", "/cp A/chk-7 A/chk-7/_metadata"},
		"a file of any name":   {"/cp/A/saved.bin", "/cp A A/saved.bin"},
		"without a job":        {"/cp/chk-3", "/cp chk-3 chk-3/_metadata"},
		"a savepoint":          {"/sp/savepoint-0dabe5-06ac01f92faa", "/sp savepoint-0dabe5-06ac01f92faa savepoint-0dabe5-06ac01f92faa/_metadata"},
		"at the top":           {"/top", "/ top top/_metadata"},
		"incomplete":           {"/cp/A/chk-6", "not checkpoint: the checkpoint has no _metadata: it is in progress, or was never completed"},
		"a job":                {"/cp/A", "not checkpoint: no checkpoint: the directory has no _metadata; name a chk-N or savepoint directory, or the newest by latest:/cp/A"},
		"nothing":              {"/cp/A/chk-99", "not found: no such file or directory"},
		"below a file":         {"/cp/A/saved.bin/x", "not found: no such file or directory"},
		"the newest":           {"latest:/cp/A", "/cp A/chk-7 A/chk-7/_metadata"},
		"the newest of a root": {"latest:/cp", "/cp A/chk-7 A/chk-7/_metadata"}, // chk-3 is corrupt
		"the newest nowhere":   {"latest:/nowhere", "not found: no such directory"},
		"no newest":            {"latest:/cp/B", "not found: no complete checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := found(t, universe(s, false), expand([]string{c.arg})[0]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
		if name == "at the top" || name == "no newest" { // an object store has neither
			continue
		}
		t.Run(name+", in an object store", func(t *testing.T) {
			open := universe(s, true)
			flat := func(ctx context.Context, url string) (Store, error) {
				store, err := open(ctx, url)
				if err != nil {
					return nil, err
				}
				return emptyIsNothing{store.(*fsStore)}, nil
			}
			toS3 := strings.NewReplacer("file:///", "s3a://b/", "latest:/", "latest:s3://b/").Replace
			arg := toS3(c.arg)
			if strings.HasPrefix(arg, "/") {
				arg = "s3://b" + arg
			}
			want := strings.ReplaceAll(toS3(c.want), "no such directory", "no such file or directory")
			if strings.HasPrefix(want, "/") {
				want = "s3://b" + want
			}
			if got := strings.ReplaceAll(found(t, flat, expand([]string{arg})[0]), "no such directory", "no such file or directory"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func found(t *testing.T, open OpenStore, arg string) string {
	target, err := Find(t.Context(), open, arg, FindOptions{Assess: AssessOptions{Now: now}})
	var notFound *NotFoundError
	var not *NotCheckpointError
	short := strings.NewReplacer(jobA, "A", jobB, "B").Replace
	switch {
	case errors.As(err, &notFound):
		return short("not found: " + notFound.Message)
	case errors.As(err, &not) && not.Hint != "":
		return short("not checkpoint: " + not.Message + "; " + not.Hint)
	case errors.As(err, &not):
		return "not checkpoint: " + not.Message
	case err != nil:
		return err.Error()
	}
	defer target.Store.Close()
	return short(target.Store.URL() + " " + target.Dir + " " + target.Metadata)
}

// Where the tree around a checkpoint is closed to the user, the checkpoint alone must do.
func TestFindNarrow(t *testing.T) {
	s := newTestTree("data/cp/chk-1/_metadata")
	s.listed = map[string]error{"data/cp": fs.ErrPermission}
	if got := found(t, universe(s, false), "/data/cp/chk-1"); got != "/data/cp/chk-1  _metadata" {
		t.Error(got)
	}
	s.listed["data/cp/chk-1"] = fs.ErrPermission
	if _, err := Find(t.Context(), universe(s, false), "/data/cp/chk-1", FindOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

// A directory that cannot be listed may hide the newest checkpoint.
func TestFindLatestInDoubt(t *testing.T) {
	s := newTestTree("chk-9/x")
	s.put("chk-1/_metadata", written(t, 1, false), time.Hour)
	opts := FindOptions{Assess: AssessOptions{Now: now}}
	if choice, err := ScanLatest(t.Context(), s, opts); err != nil || choice.Dir != "chk-1" {
		t.Errorf("got %+v, %v", choice, err)
	}
	s.listed = map[string]error{"chk-9": fs.ErrPermission}
	if choice, err := ScanLatest(t.Context(), s, opts); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %+v, %v", choice, err)
	}
}

// Who may not read the other jobs of a root may still ask for the own one's newest.
func TestFindLatestBesideClosedJobs(t *testing.T) {
	s := newTestTree(expand([]string{"B/chk-1/x", "sp/x"})...)
	s.put("A/chk-1/_metadata", written(t, 1, false), time.Hour)
	id, _ := ParseJobID(jobA)
	opts := FindOptions{Latest: LatestOptions{Job: &id}, Assess: AssessOptions{Now: now}}
	s.listed = map[string]error{jobB: fs.ErrPermission}
	if choice, err := ScanLatest(t.Context(), s, opts); err != nil || choice.Dir != jobA+"/chk-1" {
		t.Errorf("got %+v, %v", choice, err)
	}
	for _, closed := range []string{"sp", jobA} {
		s.listed = map[string]error{jobB: fs.ErrPermission, closed: fs.ErrPermission}
		if choice, err := ScanLatest(t.Context(), s, opts); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: got %+v, %v", closed, choice, err)
		}
	}
}
