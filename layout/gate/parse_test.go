package gate

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

const (
	jobA = "495d8572c34476e61174bd4e676c9523"
	jobB = "00000000000000000000000000000000"
)

func id(t testing.TB, s string) layout.JobID {
	t.Helper()
	j, err := layout.ParseJobID(s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestParseExample(t *testing.T) {
	data, err := os.ReadFile("../../docs/examples/ckpt.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(FileName, data)
	if err != nil {
		t.Fatal(err)
	}
	all := Rules{
		MaxOrphanBytes: new(int64(10 << 30)), MaxGrowth: &Growth{200_000, true},
		RequiredUIDs: []string{"orders-source", "orders-by-customer"}, MinRestorable: 2, MaxAge: 36 * time.Hour,
	}
	own := all
	own.MaxAge, own.MaxGrowth = 7*24*time.Hour, nil
	want := &Policy{Name: FileName, Rules: all, Jobs: map[layout.JobID]Rules{id(t, jobA): own, id(t, jobB): {}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Where in the file a rule stands does not matter, and a job may ask what others need not.
func TestParseJobs(t *testing.T) {
	got, err := Parse("f", []byte("jobs:\n  "+jobB+": {minRestorable: 3, requiredUids: off}\nrequiredUids: [\"1\", 1.5, true, a b]\nmaxOrphanBytes: 0\nversion: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Policy{Name: "f", Rules: Rules{MaxOrphanBytes: new(int64(0)), RequiredUIDs: []string{"1", "1.5", "true", "a b"}}}
	want.Jobs = map[layout.JobID]Rules{id(t, jobB): {MaxOrphanBytes: new(int64(0)), MinRestorable: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "version: 1\n"
	for _, c := range []struct{ file, want string }{
		{"", "f: not a map of keys and values"},
		{"# nothing\n", "f: not a map of keys and values"},
		{"- a\n", "f:1: not a map of keys and values"},
		{"a: [\n", "f:1: not YAML"},
		{"a: \xff\n", "f: not UTF-8"},
		{"maxAge: 1h\n", `f: "version": the key is missing`},
		{"maxAge: 1h\nversion: 2\n", `f:2: "version": not a version that this ckpt reads`},
		{"version:\n", `f:1: "version": not a version that this ckpt reads`},
		{head, "f:1: it asks nothing"},
		{head + "jobs: {" + jobA + ": off}\n", "f:1: it asks nothing"},
		{head + "\nmaxage: 1h\n", `f:3: "maxage": no such key; the nearest is "maxAge"`},
		{head + "requiredUid: [a]\n", `f:2: "requiredUid": no such key; the nearest is "requiredUids"`},
		{head + "max_orphan_bytes: 1\n", `f:2: "max_orphan_bytes": no such key; the nearest is "maxOrphanBytes"`},
		{head + "jobs:\n  " + jobA + ":\n    minRestoreable: 1\n", `f:4: "minRestoreable": no such key; the nearest is "minRestorable"`},
		{head + "jobs:\n  " + jobA + ":\n    version: 1\n", `f:4: "version": no such key; the nearest is "maxAge"`},
		{head + "maxAge: 1h\nmaxAge: 2h\n", `f:3: "maxAge": the key is there twice`},
		{head + "? maxAge\n: 2h\n", "f:2: not a key"},
		{head + "<<: {maxAge: 2h}\n", "f:2: not a key"},
		{head + "maxAge:\n", `f:2: "maxAge": want a time such as 36h or 7d`},
		{head + "maxAge: 36\n", `f:2: "maxAge": want`},
		{head + "maxAge: 0h\n", `f:2: "maxAge": want`},
		{head + "maxAge: -1h\n", `f:2: "maxAge": want`},
		{head + "maxAge: 1h30m\n", `f:2: "maxAge": want`},
		{head + "maxAge: off\n", `f:2: "maxAge": want`},
		{head + "maxAge: [1h]\n", `f:2: "maxAge": want`},
		{head + "maxAge: &a 1h\n", `f:2: "maxAge": want`},
		{head + "maxAge: !!str 1h\n", `f:2: "maxAge": want`},
		{head + "minRestorable: 0\n", `f:2: "minRestorable": want a whole number from 1 on`},
		{head + "minRestorable: 1.5\n", `f:2: "minRestorable": want`},
		{head + "minRestorable: 99999999999\n", `f:2: "minRestorable": want`},
		{head + "requiredUids: a\n", `f:2: "requiredUids": want a list of uids, each once`},
		{head + "requiredUids: []\n", `f:2: "requiredUids": want`},
		{head + "requiredUids: [a, a]\n", `f:2: "requiredUids": want`},
		{head + "requiredUids: [\"\"]\n", `f:2: "requiredUids": want`},
		{head + "requiredUids: [[a]]\n", `f:2: "requiredUids": want`},
		{head + "requiredUids: [null]\n", `f:2: "requiredUids": want`},
		{head + "maxOrphanBytes: {a: b}\n", `f:2: "maxOrphanBytes": want a size such as 10GiB`},
		{head + "maxGrowth: 20 percent\n", `f:2: "maxGrowth": want a percentage such as 20% or a size such as 500 MB`},
		{head + "jobs: [a]\n", "f:2: not a map of keys and values"},
		{head + "jobs:\n  " + strings.ToUpper(jobA) + ": off\n", `f:3: "` + strings.ToUpper(jobA) + `": want a job id`},
		{head + "jobs:\n  " + jobA + ": on\n", "f:3: not a map of keys and values"},
		{head + "maxAge: 1h\n---\nmaxAge: 2h\n", "f:4: a second document"},
	} {
		p, err := Parse("f", []byte(c.file))
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: have %v, %v; want %s", c.file, p, err, c.want)
			continue
		}
		if e.ErrPath() != "f" {
			t.Errorf("%q: the path is %q", c.file, e.ErrPath())
		}
	}
}

func TestErrorHint(t *testing.T) {
	_, err := Parse("f", []byte("versio: 1"))
	var e *Error
	if !errors.As(err, &e) || e.ErrHint() != "the keys are maxOrphanBytes, maxGrowth, requiredUids, minRestorable, maxAge, jobs, version" {
		t.Errorf("the hint is %+v", e)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "7b": 7, "7 bytes": 7, "20kb": 20 << 10, "20 K": 20 << 10, "1 kibibytes": 1 << 10, "500 MB": 500 << 20, "2m": 2 << 20,
		"10GiB": 10 << 30, "10gb": 10 << 30, "3  tib": 3 << 40, "9223372036854775807": math.MaxInt64, "8388607 t": 8388607 << 40,
		"": -1, "kb": -1, "-1": -1, "+1": -1, "1.5 GiB": -1, "8388608 t": -1, "9223372036854775808": -1, "1 pb": -1, "1e3": -1, "0x10": -1, "1_000": -1,
		"1 gb 2": -1, "20%": -1, "٣": -1,
	} {
		if got, ok := sizes.parse(text); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: have %d, %t, want %d", text, got, ok, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5 min": 5 * time.Minute, "5m": 5 * time.Minute, "36h": 36 * time.Hour, "1 day": 24 * time.Hour, "7d": 168 * time.Hour,
		"106751d": 106751 * 24 * time.Hour, "106752d": -1, "7": -1, "7 weeks": -1, "1.5h": -1, "1h1m": -1, "5ms": -1,
	} {
		if got, ok := times.parse(text); ok != (want >= 0) || ok && got != int64(want) {
			t.Errorf("%q: have %s, %t, want %s", text, time.Duration(got), ok, want)
		}
	}
}

func TestParseGrowth(t *testing.T) {
	for text, want := range map[string]*Growth{
		"20%": {200_000, true}, "0%": {0, true}, "12.5 %": {125_000, true}, "0.0001%": {1, true}, "250%": {2_500_000, true}, "007%": {70_000, true},
		"500 MB": {500 << 20, false}, "0": {0, false},
		"": nil, "%": nil, ".5%": nil, "5.%": nil, "1.2.3%": nil, "0.00001%": nil, "-5%": nil, "5 %%": nil, "1e2%": nil, "1.5 GiB": nil,
		"922337203685477%": {9223372036854770000, true}, "922337203685478%": nil,
	} {
		got, ok := parseGrowth(text)
		if ok != (want != nil) {
			t.Errorf("%q: %v, %t", text, got, ok)
		} else if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"maxAge", "MAXAGE", 0}, {"kitten", "sitting", 3}, {"äb", "ab", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// What is understood asks something of someone, and whatever comes in, nothing breaks.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../docs/examples/ckpt.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(example), "version: 1\nmaxAge: 1h", "version: 1\nmaxGrowth: &a [*a]", "{version: 1, jobs: {" + jobA + ": {maxGrowth: 1%}}}", "? a\n: b", "<<: *x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f", data)
		switch e := new(Error); {
		case err == nil && !p.asks():
			t.Error("it asks nothing")
		case err != nil && (!errors.As(err, &e) || p != nil):
			t.Errorf("%v, %T: %v", p, err, err)
		}
		if err == nil {
			Check(p, Facts{})
		}
	})
}
