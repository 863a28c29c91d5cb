package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	idA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	idB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

	isFlink  = `{"flink-version":"2.2.0","features":{"web-history":false}}`
	isEmpty  = `{"jobs":[]}`
	someConf = `{"mode":"exactly_once","interval":1000,"timeout":60000,"state_changelog_enabled":false}`
	fresh    = `{"counts":{"restored":0,"total":0,"in_progress":0,"completed":0},"latest":{"completed":null,"savepoint":null,"restored":null},"history":[]}`
	notFound = `404{"errors":["Job not found"]}`
	disabled = `404{"errors":["Checkpointing has not been enabled."]}`
)

func one(state string) string {
	return `{"jobs":[{"jid":"` + idA + `","name":"a","state":"` + state + `"}]}`
}

// script is what a server says at each path, answer after answer; the last one stays.
// Three digits before it are the status.
type script map[string][]string

type fake struct {
	mu    sync.Mutex
	said  script
	asked []string
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path)
	answers := f.said[r.URL.Path]
	if len(answers) == 0 {
		http.Error(w, `{"errors":["Not found: `+r.URL.Path+`"]}`, http.StatusNotFound)
		return
	}
	if len(answers) > 1 {
		f.said[r.URL.Path] = answers[1:]
	}
	say(w, answers[0])
}

func say(w http.ResponseWriter, text string) {
	if text == "RESET" {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		return
	}
	var status int
	if n, _ := fmt.Sscanf(text, "%3d", &status); n == 1 {
		if where, ok := strings.CutPrefix(text[3:], " to "); ok {
			w.Header().Set("Location", where)
		}
		w.WriteHeader(status)
		text = text[3:]
	}
	io.WriteString(w, text)
}

// with is a script of a job a, in which some answers are others.
func with(change script) script {
	s := script{
		"/config": {isFlink}, "/jobs/overview": {one("RUNNING")},
		"/jobs/" + idA + "/checkpoints":        {fresh},
		"/jobs/" + idA + "/checkpoints/config": {someConf},
	}
	for path, answers := range change {
		s[path] = answers
	}
	return s
}

func ask(t *testing.T, said script, opts Options) ([]Job, error) {
	t.Helper()
	server := httptest.NewServer(&fake{said: said})
	defer server.Close()
	if opts.Patience == 0 {
		opts.Patience = time.Nanosecond
	}
	c, err := New(server.URL, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c.Jobs(t.Context())
}

// TestSilence are answers from which nothing may be concluded.
func TestSilence(t *testing.T) {
	const checkpoints = "/jobs/" + idA + "/checkpoints"
	for name, c := range map[string]struct {
		change script
		want   string
	}{
		"a page":                      {script{"/config": {"<!DOCTYPE html><html>login</html>"}}, "a page"},
		"a page with leading space":   {script{"/config": {"\n  <html>"}}, "a page"},
		"a page for a list":           {script{"/jobs/overview": {"<html>"}}, "a page"},
		"a page not found":            {script{checkpoints: {"404<html>"}}, "404"},
		"nothing":                     {script{"/config": {""}}, "not Flink's JSON"},
		"two documents":               {script{"/jobs/overview": {isEmpty + isEmpty}}, "not Flink's JSON"},
		"half a document":             {script{"/jobs/overview": {`{"jobs":[`}}, "not Flink's JSON"},
		"another server":              {script{"/config": {`{"version":"1"}`}}, "which Flink"},
		"not found":                   {script{"/config": {"404"}}, "404"},
		"a history server":            {script{"/config": {`{"flink-version":"2.2.0","features":{"web-history":true}}`}}, "history server"},
		"forbidden":                   {script{"/config": {"403"}}, "403"},
		"broken":                      {script{"/jobs/overview": {`500{"errors":["Internal server error.","<Exception\n\tat x>"]}`}}, "500: Internal server error."},
		"electing":                    {script{"/jobs/overview": {"503"}}, "503"},
		"another host":                {script{"/config": {"302 to http://127.0.0.2:1/config"}}, "not followed"},
		"another port":                {script{"/config": {"302 to http://127.0.0.1:1/config"}}, "not followed"},
		"in circles":                  {script{"/config": {"302 to /config"}}, "not followed"},
		"no list":                     {script{"/jobs/overview": {"{}"}}, "no list"},
		"null for a list":             {script{"/jobs/overview": {`{"jobs":null}`}}, "no list"},
		"a list of something else":    {script{"/jobs/overview": {`{"jobs":[{"id":"` + idA + `","status":"RUNNING"}]}`}}, "without an id"},
		"no state":                    {script{"/jobs/overview": {one("")}}, "without an id"},
		"a strange id":                {script{"/jobs/overview": {`{"jobs":[{"jid":"../x","state":"RUNNING"}]}`}}, "without an id"},
		"a second list that fails":    {script{"/jobs/overview": {one("RUNNING"), "500"}}, "500"},
		"no counts":                   {script{checkpoints: {"{}"}}, "lacks counts"},
		"no latest":                   {script{checkpoints: {`{"counts":{},"history":[]}`}}, "lacks counts"},
		"words for numbers":           {script{checkpoints: {`{"counts":{"total":"x"}}`}}, "not Flink's JSON"},
		"no interval":                 {script{checkpoints + "/config": {"{}"}}, "lacks interval"},
		"errors in place of details":  {script{checkpoints: {`{"errors":["x"]}`}}, "lacks counts"},
		"details that fail":           {script{checkpoints: {"500"}}, "500"},
		"a live job that vanishes":    {script{"/jobs/overview": {one("RUNNING"), isEmpty}, checkpoints: {notFound}}, "does not know it"},
		"a live job never known":      {script{checkpoints: {notFound}}, "does not know it"},
		"a suspended job never known": {script{"/jobs/overview": {one("SUSPENDED")}, checkpoints: {notFound}}, "does not know it"},
		"settings never known":        {script{checkpoints + "/config": {notFound}}, "does not know it"},
	} {
		jobs, err := ask(t, with(c.change), Options{})
		known := new(Error)
		if err == nil || jobs != nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &known) || known.ErrHint() == "" || known.ErrPath() == "" {
			t.Errorf("%s: %v, %v; want %q", name, jobs, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%s: more than a line: %q", name, err)
		}
	}
}

// TestPassing are troubles that pass by themselves.
func TestPassing(t *testing.T) {
	const checkpoints = "/jobs/" + idA + "/checkpoints"
	for name, change := range map[string]script{
		"nothing":                   nil,
		"a reset":                   {"/config": {"RESET", isFlink}},
		"resets everywhere":         {"/jobs/overview": {"RESET", one("RUNNING"), "RESET", one("RUNNING")}, checkpoints: {"RESET", fresh}},
		"an election":               {"/jobs/overview": {"503", "503", one("RUNNING")}},
		"a gateway":                 {checkpoints: {"502", fresh}},
		"a redirect to itself":      {"/config": {"302 to /elsewhere"}, "/elsewhere": {isFlink}},
		"unknown for a moment":      {checkpoints: {notFound, fresh}},
		"ended, and then forgotten": {"/jobs/overview": {one("FINISHED"), isEmpty}, checkpoints: {notFound}},
	} {
		jobs, err := ask(t, with(change), Options{Patience: 3 * time.Second})
		if err != nil || len(jobs) != 1 || jobs[0].ID.String() != idA || jobs[0].Live != (jobs[0].Status == "RUNNING") {
			t.Errorf("%s: %+v, %v", name, jobs, err)
		}
	}
}

// TestTwoLists is what two answers at odds make of a job.
func TestTwoLists(t *testing.T) {
	two := `{"jobs":[{"jid":"` + idB + `","name":"b","state":"FAILED"},{"jid":"` + idA + `","name":"","state":"RUNNING"}]}`
	for name, c := range map[string]struct {
		lists []string
		live  []bool
		last  string
	}{
		"none":                {[]string{isEmpty}, nil, ""},
		"ends meanwhile":      {[]string{one("RUNNING"), one("FINISHED")}, []bool{true}, "FINISHED"},
		"rises meanwhile":     {[]string{one("FAILED"), one("RUNNING")}, []bool{true}, "RUNNING"},
		"gone meanwhile":      {[]string{one("CANCELED"), isEmpty}, []bool{false}, "CANCELED"},
		"live, and then gone": {[]string{one("RUNNING"), isEmpty}, []bool{true}, "RUNNING"},
		"new in the second":   {[]string{isEmpty, one("CREATED")}, []bool{true}, "CREATED"},
		"another one":         {[]string{one("RUNNING"), two}, []bool{true, false}, "RUNNING"},
		"suspended":           {[]string{one("SUSPENDED")}, []bool{true}, "SUSPENDED"},
		"reconciling":         {[]string{one("RECONCILING")}, []bool{true}, "RECONCILING"},
		"initializing":        {[]string{one("INITIALIZING")}, []bool{true}, "INITIALIZING"},
		"never heard of":      {[]string{one("DREAMING")}, []bool{true}, "DREAMING"},
	} {
		said := with(script{"/jobs/overview": c.lists, "/jobs/" + idB + "/checkpoints": {disabled}})
		jobs, err := ask(t, said, Options{})
		var live []bool
		for _, j := range jobs {
			live = append(live, j.Live)
		}
		if err != nil || !slices.Equal(live, c.live) || len(jobs) > 0 && (jobs[0].Status != c.last || jobs[0].Name != "a") {
			t.Errorf("%s: %+v, %v", name, jobs, err)
		}
	}
}

// TestRisen is a job that had ended, and runs again under its id: what was told of both
// counts.
func TestRisen(t *testing.T) {
	path := func(p string) string {
		return strings.Replace(fresh, `"completed":null`, `"completed":{"external_path":"`+p+`"}`, 1)
	}
	jobs, err := ask(t, with(script{
		"/jobs/overview":                {one("FAILED"), one("RUNNING")},
		"/jobs/" + idA + "/checkpoints": {path("file:/old"), path("file:/new")},
	}), Options{})
	if err != nil || len(jobs) != 1 || !jobs[0].Live || !slices.Equal(jobs[0].Latest, []string{"file:/old", "file:/new"}) {
		t.Errorf("%+v, %v", jobs, err)
	}
}

func TestDetails(t *testing.T) {
	const never = math.MaxInt64
	conf := func(interval, timeout, materialization int64) string {
		return fmt.Sprintf(`{"interval":%d,"timeout":%d,"changelog_periodic_materialization_interval":%d}`, interval, timeout, materialization)
	}
	for name, c := range map[string]struct {
		state, statistics, conf string
		is                      func(j Job) bool
	}{
		"an old Flink": {"RUNNING", fresh, someConf, func(j Job) bool {
			return j.Checkpointing && j.Mode == "exactly_once" && j.Interval == time.Second && j.Timeout == time.Minute && j.Materialization == 0
		}},
		"no checkpointing":                  {"RUNNING", disabled, "", func(j Job) bool { return !j.Checkpointing }},
		"not known yet":                     {"INITIALIZING", disabled, "", func(j Job) bool { return j.Checkpointing }},
		"no interval":                       {"RUNNING", fresh, conf(never, 1, 1), func(j Job) bool { return !j.Checkpointing && j.Interval == 0 }},
		"no interval, not settled":          {"CREATED", fresh, conf(never, 1, 1), func(j Job) bool { return j.Checkpointing }},
		"no interval, but triggered":        {"RUNNING", strings.Replace(fresh, `"total":0`, `"total":1`, 1), conf(never, 1, 1), func(j Job) bool { return j.Checkpointing && !j.Completed }},
		"no interval, but restored":         {"RUNNING", strings.Replace(fresh, `"restored":0`, `"restored":1`, 1), conf(never, 1, 1), func(j Job) bool { return j.Checkpointing && j.RestoredUnknown }},
		"no interval, but restored last":    {"RUNNING", strings.Replace(fresh, `"restored":null`, `"restored":{"id":3,"external_path":"/r"}`, 1), conf(never, 1, 1), func(j Job) bool { return j.Checkpointing && slices.Equal(j.Restored, []string{"/r"}) }},
		"times beyond bounds":               {"RUNNING", fresh, conf(5, never, never), func(j Job) bool { return j.Timeout == longest && j.Materialization == longest }},
		"no materialisation":                {"RUNNING", fresh, conf(5, 5, -1), func(j Job) bool { return j.Materialization == 0 }},
		"restored from an unknown place":    {"RUNNING", strings.Replace(fresh, `"restored":null`, `"restored":{"id":3,"external_path":null}`, 1), someConf, func(j Job) bool { return j.RestoredUnknown && j.Restored == nil }},
		"restored from none that has a URL": {"RUNNING", strings.Replace(fresh, `"restored":null`, `"restored":{"id":3,"external_path":"`+notAddressable+`"}`, 1), someConf, func(j Job) bool { return j.RestoredUnknown && j.Restored == nil }},
		"counted": {"RUNNING", `{"counts":{"in_progress":2,"completed":7},"latest":{},"history":[]}`, someConf, func(j Job) bool {
			return j.InProgress == 2 && j.Completed
		}},
		"completions": {"RUNNING", `{"counts":{},"latest":{},"history":[{"id":7,"status":"COMPLETED","latest_ack_timestamp":1700000000000,"discarded":true,"is_savepoint":false},
			{"id":8,"status":"COMPLETED","latest_ack_timestamp":1700000009000,"is_savepoint":true},{"id":9,"status":"FAILED","latest_ack_timestamp":1700000009000},{"id":10,"status":"COMPLETED"}]}`,
			someConf, func(j Job) bool { return len(j.History) == 1 && j.History[7].Unix() == 1700000000 }},
		"history": {"RUNNING", `{"counts":{},"latest":{},"history":[{"status":"COMPLETED","external_path":"/a","discarded":true},{"status":"COMPLETED","external_path":"/b"},
			{"status":"FAILED","external_path":"/c"},{"status":"IN_PROGRESS"},{"status":"COMPLETED","external_path":"` + notAddressable + `"},{"status":"COMPLETED","external_path":"/b"}]}`,
			someConf, func(j Job) bool { return slices.Equal(j.Retained, []string{"/b"}) && !j.Completed }},
	} {
		jobs, err := ask(t, with(script{
			"/jobs/overview":                       {one(c.state)},
			"/jobs/" + idA + "/checkpoints":        {c.statistics},
			"/jobs/" + idA + "/checkpoints/config": {c.conf},
		}), Options{})
		if err != nil || len(jobs) != 1 || !c.is(jobs[0]) {
			t.Errorf("%s: %+v, %v", name, jobs, err)
		}
	}
}

// Many jobs are asked about at a time, and one that fails ends it.
func TestManyJobs(t *testing.T) {
	said, list := with(nil), []string{}
	for i := range 100 {
		id := fmt.Sprintf("%032x", i)
		list = append(list, `{"jid":"`+id+`","name":"n","state":"RUNNING"}`)
		said["/jobs/"+id+"/checkpoints"] = []string{fresh}
		said["/jobs/"+id+"/checkpoints/config"] = []string{someConf}
	}
	said["/jobs/overview"] = []string{`{"jobs":[` + strings.Join(list, ",") + `]}`}
	jobs, err := ask(t, said, Options{})
	if err != nil || len(jobs) != 100 || jobs[99].ID.String() != fmt.Sprintf("%032x", 99) {
		t.Errorf("%d jobs: %v", len(jobs), err)
	}
	said["/jobs/"+fmt.Sprintf("%032x", 50)+"/checkpoints"] = []string{"500"}
	if jobs, err := ask(t, said, Options{}); err == nil || jobs != nil {
		t.Errorf("%d jobs: %v", len(jobs), err)
	}
}

func TestNobody(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := New(server.URL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := c.Jobs(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > defaultPatience-time.Second {
		t.Errorf("a refused connection is no matter of patience: %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Jobs(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
