package connectors

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

var local = storage.New(storage.Settings{})

func zipped(t *testing.T, text string) string {
	var b bytes.Buffer
	if text == "" {
		if err := gzip.NewWriter(&b).Close(); err != nil {
			t.Fatal(err)
		}
	}
	for half := range slices.Chunk([]byte(text), len(text)/2+1) { // two members, as of files that were joined
		w := gzip.NewWriter(&b)
		if _, err := w.Write(half); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// flipped damages the checksum at the end.
func flipped(text string) string {
	b := []byte(text)
	b[len(b)-8] ^= 1
	return string(b)
}

// TestFileReplay resumes at each record of each format, plain and compressed.
func TestFileReplay(t *testing.T) {
	columns := []engine.Column{{Name: "n", Kind: engine.Long}, {Name: "s", Kind: engine.String}}
	for _, c := range []struct {
		name, text string
		r          Records
		records    int
	}{
		{"lines", "a\n\nb\r\nc", Records{}, 4},
		{"marked", "\ufeffa\nb\n", Records{}, 2},
		{"json", "{\"n\":1,\"s\":\"ä\"}\n\n{\"n\":2}\n{\"s\":\"x\"}\n", Records{Format: Format{Kind: JSON}, Columns: columns}, 3},
		{"csv", "\ufeffs,x,\"n\"\r\n\"a\nb\",,1\r\n\r\nc,d,2\r\n\"\"\"\",\"\n\",3", Records{Format: Format{Kind: CSV, Header: true}, Columns: columns}, 3},
		{"bad ones", "1,a\nx,b\n2,c\ny,d", Records{Format: Format{Kind: CSV}, Columns: columns, SkipBad: true}, 2},
		{"nothing", "", Records{}, 0},
		{"an empty line", "\n", Records{}, 1},
	} {
		for name, text := range map[string]string{"x": c.text, "x.gz": zipped(t, c.text)} {
			if got := replay(t, textSource(name, text, c.r)); len(got) != c.records {
				t.Errorf("%s, %s: %q", c.name, name, got)
			}
		}
	}
}

func TestFilePlaces(t *testing.T) {
	m := new(storage.Memory)
	dir := t.TempDir()
	for _, key := range []string{"in/a.txt", "in/b.csv", "in/2026/c.txt", "in/2026/11/d.txt", "in/.hidden", "in/_SUCCESS", "in/.dir/e.txt", "in/x[1].txt"} {
		m.Put("b", key, []byte("x\n"))
		file := filepath.Join(dir, key)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte("x\n"), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	drivers := append(storage.Registry{m.Driver()}, local...)
	for _, base := range []string{"mem://b/", dir + "/", "file://" + dir + "/", ""} {
		for pattern, want := range map[string]string{
			"in":                 "in/2026/11/d.txt in/2026/c.txt in/a.txt in/b.csv in/x[1].txt",
			"in/":                "in/2026/11/d.txt in/2026/c.txt in/a.txt in/b.csv in/x[1].txt",
			"in/a.txt":           "in/a.txt",
			"in/.hidden":         "in/.hidden",
			"in/*.txt":           "in/a.txt in/x[1].txt",
			"in/?.[a-c]*":        "in/b.csv",
			"in/*/*.txt":         "in/2026/c.txt",
			"in/**/*.txt":        "in/2026/11/d.txt in/2026/c.txt in/a.txt in/x[1].txt",
			"in/**":              "in/2026/11/d.txt in/2026/c.txt in/a.txt in/b.csv in/x[1].txt",
			"in/.*":              "in/.hidden",
			"in/.dir":            "in/.dir/e.txt",
			"*/a.txt":            "in/a.txt",
			`in/x\[1\].txt`:      "in/x[1].txt",
			"in/nothing-*":       "",
			"in/2026/*/nothing*": "",
		} {
			s := &FileSource{URL: base + pattern, Store: drivers.Open}
			var got []string
			for _, split := range discover(t, s) {
				rel := strings.TrimPrefix(strings.TrimPrefix(split.ID, "mem://b/"), dir+"/")
				got = append(got, rel)
				if r := openSplit(t, s, split, nil, newFakeClock()); len(rest(t, s, r, 9)) != 1 {
					t.Errorf("%s cannot be read", split.ID)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s%s: %q", base, pattern, got)
			}
		}
		for _, missing := range []string{"nowhere", "nowhere/*.txt", "in/nowhere.txt"} {
			s := &FileSource{URL: base + missing, Store: drivers.Open}
			if splits, err := s.Discover(t.Context()); len(splits) > 0 || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s%s: %v %v", base, missing, splits, err)
			}
			if s.Growing = true; len(discover(t, s)) > 0 || s.DiscoveryInterval() != 1000 || s.Bounded() {
				t.Error("a growing source waits for it")
			}
		}
	}
	if err := (&FileSource{URL: "a/[", Store: drivers.Open}).Check(); err == nil {
		t.Error("a bad pattern")
	}
	if err := (&FileSource{Store: drivers.Open}).Check(); err == nil {
		t.Error("no URL")
	}
}

// TestFileLinks: a link to a file is a file, one to anything else is refused rather than passed over.
func TestFileLinks(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(dir+"/a", []byte("x\n"), 0o666), os.Symlink("a", dir+"/b")); err != nil {
		t.Fatal(err)
	}
	s := &FileSource{URL: dir, Store: local.Open}
	if got := replay(t, s); len(got) != 2 {
		t.Error(got)
	}
	if err := errors.Join(os.Mkdir(dir+"/d", 0o777), os.Symlink("d", dir+"/e")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Discover(t.Context()); !errors.Is(err, layout.ErrNotFile) && !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

// TestFileIndex: the owner of a file does not depend on what else is there.
func TestFileIndex(t *testing.T) {
	drivers, m := bucket()
	counts := make([]int, 4)
	var before map[string]int64
	for i := range 200 {
		m.Put("b", fmt.Sprintf("in/%03d", 199-i), nil)
		now := map[string]int64{}
		for _, split := range discover(t, &FileSource{URL: "mem://b/in", Store: drivers.Open}) {
			now[split.ID] = split.Index
			if was, ok := before[split.ID]; ok && was != split.Index {
				t.Fatal("another index")
			}
		}
		before = now
	}
	for _, index := range before {
		counts[index%4]++
	}
	if slices.Min(counts) < 30 {
		t.Error(counts)
	}
}

func TestFileChanged(t *testing.T) {
	open := func(name, text string, position any) error {
		s := textSource(name, text, Records{Format: Format{Kind: CSV, Header: true}, Columns: []engine.Column{{Name: "s", Kind: engine.String}}})
		r, err := s.Open(t.Context(), discover(t, s)[0], position, engine.SourceContext{Clock: newFakeClock()})
		if err == nil {
			b := engine.NewBatch(s.Schema(), 10)
			err = r.Read(b, 10)
			r.Close()
		}
		return err
	}
	for want, err := range map[string]error{
		"has 5 bytes, and was read up to byte 6":                   open("x", "s\nab\n", int64(6)),
		"no record begins at byte 3":                               open("x", "s\nab\n", int64(3)),
		"has 5 bytes when decompressed, and was read up to byte 7": open("x.gz", zipped(t, "s\nab\n"), int64(7)),
		"position -1":             open("x", "s\nab\n", int64(-1)),
		"position two":            open("x", "s\nab\n", "two"),
		"the header, to go on at": open("x", "", int64(5)),
		"was truncated or replaced: it ends before that": open("x", "", int64(5)),
		"gzip: invalid header":                           open("x.gz", "s\nab\n plain text", nil),
		"unexpected EOF":                                 open("x.gz", zipped(t, "s\nab\n")[:40], nil),
		"invalid checksum":                               open("x.gz", flipped(zipped(t, "s\nab\n")), nil),
		"the header has no column":                       open("x", "other\nab\n", int64(6)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	s := textSource("x", "a\n", Records{})
	if _, err := s.Open(t.Context(), engine.Split{ID: "mem://b/gone"}, nil, engine.SourceContext{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestFileBreaks: a body that ends too early is never taken for the end of the file.
func TestFileBreaks(t *testing.T) {
	for name, text := range map[string]string{"x": strings.Repeat("abc\n", 100), "x.gz": zipped(t, strings.Repeat("abc\n", 100))} {
		for _, broken := range []error{nil, errors.New("the line is cut")} {
			plan := &faults.Plan{ReadAfter: func(string) int64 { return 30 }, ReadErr: broken}
			s := textSource(name, text, Records{})
			s.Store = plan.Wrap(s.Store)
			r, err := s.Open(t.Context(), discover(t, s)[0], nil, engine.SourceContext{})
			if err != nil {
				continue
			}
			for err == nil {
				err = r.Read(engine.NewBatch(s.Schema(), 10), 10)
			}
			if broken == nil && !errors.Is(err, io.ErrUnexpectedEOF) || broken != nil && !errors.Is(err, broken) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, %v: %v", name, broken, err)
			}
		}
	}
}

type grower struct {
	*testing.T
	file  string
	clock *fakeClock
	s     *FileSource
	r     engine.SplitReader
}

func newGrower(t *testing.T) *grower {
	g := &grower{T: t, file: filepath.Join(t.TempDir(), "log"), clock: newFakeClock()}
	g.s = &FileSource{URL: filepath.Dir(g.file), Store: local.Open, Growing: true, Poll: time.Second}
	g.write("")
	g.r = openSplit(t, g.s, discover(t, g.s)[0], nil, g.clock)
	t.Cleanup(func() { g.r.Close() })
	return g
}

func (g *grower) write(text string) {
	g.Helper()
	f, err := os.OpenFile(g.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		g.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		g.Fatal(err)
	}
	if err := f.Close(); err != nil {
		g.Fatal(err)
	}
}

// expect looks again, after a second, and wants to see rows.
func (g *grower) expect(want ...string) {
	g.Helper()
	g.clock.advance(time.Second)
	if got := rest(g.T, g.s, g.r, 2); !slices.Equal(got, want) {
		g.Errorf("%q, want %q", got, want)
	}
}

func TestGrowing(t *testing.T) {
	g := newGrower(t)
	g.expect()
	g.write("a\nb")
	if _, err := read(t, g.s, g.r, 5); err != engine.ErrNothingYet {
		t.Errorf("before its time: %v", err)
	}
	wait := g.r.(engine.Waiter).Wait()
	g.clock.advance(time.Second)
	<-wait
	g.expect("string:a")
	g.expect() // b has no end yet
	g.write("\n\r\nc\n")
	g.expect("string:b", "string:", "string:c")
	at := g.r.Position()
	g.write(strings.Repeat("long", 1000) + "\n") // the file goes on while somebody else takes over
	g.r.Close()
	g.r = openSplit(t, g.s, discover(t, g.s)[0], at, g.clock)
	g.expect("string:" + strings.Repeat("long", 1000))
	for i := range 300 {
		g.write(fmt.Sprintln(i))
		g.expect("string:" + fmt.Sprint(i))
	}
	if err := os.Chtimes(g.file, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	g.expect() // touched, and the same
	g.write("end\n")
	g.expect("string:end")
}

// TestGrowingIdle: a file that does not grow needs no memory to read it.
func TestGrowingIdle(t *testing.T) {
	g := newGrower(t)
	idle := func(want bool) {
		t.Helper()
		if got := g.r.(*recordReader).buf == nil; got != want {
			t.Errorf("idle: %v", got)
		}
	}
	g.write("a\n" + strings.Repeat("b", 2*readSize) + "\n")
	g.expect("string:a", "string:"+strings.Repeat("b", 2*readSize))
	idle(true)
	g.write("begun")
	g.expect()
	idle(false)
	g.write(" and ended\n")
	g.expect("string:begun and ended")
	idle(true)
	if at := g.r.Position(); at != int64(2*readSize+len("a\n\nbegun and ended\n")) {
		t.Error(at)
	}
}

// TestGrowingDamage: what was read is looked at again, and must still be there.
func TestGrowingDamage(t *testing.T) {
	for name, change := range map[string]func(g *grower) error{
		"truncated":          func(g *grower) error { return os.Truncate(g.file, 3) },
		"emptied":            func(g *grower) error { return os.Truncate(g.file, 0) },
		"gone":               func(g *grower) error { return os.Remove(g.file) },
		"replaced by longer": func(g *grower) error { return os.WriteFile(g.file, []byte("1\n2\n3\n4\n5\n"), 0o666) },
		"replaced by as long": func(g *grower) error {
			return errors.Join(os.WriteFile(g.file, []byte("b\na\nz\n"), 0o666), os.Chtimes(g.file, time.Time{}, time.Unix(1, 0)))
		},
		"truncated and longer": func(g *grower) error { return os.WriteFile(g.file, []byte("a\nb\nX\nmore\n"), 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGrower(t)
			g.write("a\nb\nc\n")
			g.expect("string:a", "string:b", "string:c")
			if err := change(g); err != nil {
				t.Fatal(err)
			}
			g.clock.advance(time.Second)
			_, err := read(t, g.s, g.r, 5)
			if !errors.Is(err, layout.ErrChanged) && !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), g.file) {
				t.Errorf("%v", err)
			}
		})
	}
	g := newGrower(t)
	g.write("abc\n")
	g.expect("string:abc")
	if err := os.WriteFile(g.file, []byte("123456\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := g.s.Open(context.Background(), discover(t, g.s)[0], g.r.Position(), engine.SourceContext{Clock: g.clock}); !errors.Is(err, layout.ErrChanged) {
		t.Errorf("resumed: %v", err)
	}
}

// TestGrowingNewFiles: files that come are found, compressed ones too, and the header of one may come late.
func TestGrowingNewFiles(t *testing.T) {
	drivers, m := bucket()
	s := &FileSource{URL: "mem://b/in/*.csv*", Store: drivers.Open, Growing: true, Records: Records{Format: Format{Kind: CSV, Header: true},
		Columns: []engine.Column{{Name: "n", Kind: engine.Long}}}}
	clock := newFakeClock()
	m.Put("b", "in/a.csv", []byte("n"))
	r := openSplit(t, s, discover(t, s)[0], nil, clock)
	defer r.Close()
	if got := rest(t, s, r, 5); got != nil {
		t.Error(got)
	}
	m.Put("b", "in/a.csv", []byte("n\n1\n"))
	m.Put("b", "in/b.csv.gz", []byte(zipped(t, "n\n7\n8\n")))
	clock.advance(time.Second)
	if got := rest(t, s, r, 5); strings.Join(got, " ") != "int64:1" {
		t.Error(got)
	}
	splits := discover(t, s)
	if len(splits) != 2 {
		t.Fatal(splits)
	}
	z := openSplit(t, s, splits[1], nil, clock)
	defer z.Close()
	if got := rest(t, s, z, 5); strings.Join(got, " ") != "int64:7 int64:8" {
		t.Error(got)
	}
}
