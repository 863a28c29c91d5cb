package cluster

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/testdata"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://h:8081":               "http://h:8081",
		"http://h:8081/":              "http://h:8081",
		"h:8081":                      "http://h:8081",
		"https://u:secret@h/a/proxy/": "https://h/a/proxy",
		"http://[::1]:8081":           "http://[::1]:8081",
	} {
		c, err := New(address, Options{})
		if err != nil || c.URL() != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"", "ftp://u:secret@h", "http://", "http://u:sec%ret@h", "http://u:secret@h:port", "http://h/?secret", "http://h/#secret", "http://u:secret@h/\x00"} {
		if _, err := New(address, Options{}); err == nil || strings.Contains(err.Error(), "sec") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestSecrets sees that what is secret goes with each request, and into no message.
func TestSecrets(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "me" || password != "p@ss" || r.Header.Get("X-Token") != "t0ken" || r.UserAgent() != "ckpt/1" || r.Host != "flink.example" {
			t.Errorf("%s %q %v", user, password, r.Header)
		}
		if r.URL.Path == "/proxy/config" {
			http.Redirect(w, r, "/proxy/there", http.StatusFound)
			return
		}
		w.WriteHeader(status)
		if r.URL.Path == "/proxy/jobs/overview" {
			say(w, isEmpty)
			return
		}
		say(w, isFlink)
	}))
	defer server.Close()
	// The client is given a name that leads to the server, so that redirects keep it.
	through := &http.Client{Transport: rewritten(strings.TrimPrefix(server.URL, "http://"))}
	opts := Options{HTTP: through, Headers: http.Header{"x-token": {"t0ken"}}, UserAgent: "ckpt/1", Patience: time.Nanosecond}
	c, err := New("http://me:p%40ss@flink.example/proxy", opts)
	if err != nil {
		t.Fatal(err)
	}
	if jobs, err := c.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("%v, %v", jobs, err)
	}
	for _, status = range []int{http.StatusUnauthorized, http.StatusInternalServerError} {
		_, err := c.Jobs(t.Context())
		if err == nil || strings.Contains(err.Error(), "ss") && strings.Contains(err.Error(), "p@") || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%v", err)
		}
	}
	server.Close()
	if _, err := c.Jobs(t.Context()); err == nil || strings.Contains(err.Error(), "me:") || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("%v", err)
	}
}

// rewritten sends each request to one address, whatever its host.
type rewritten string

// RoundTrip implements http.RoundTripper.
func (address rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host, r.URL.Host = r.URL.Host, string(address)
	return http.DefaultTransport.RoundTrip(r)
}

// TestEndless is a server that never stops talking, and one that never begins.
func TestEndless(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Slow") != "" {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
			return
		}
		for spaces := bytes.Repeat([]byte(" "), 1<<20); ; {
			if _, err := w.Write(spaces); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	defer close(stop)
	for want, headers := range map[string]http.Header{"too long": nil, "no answer": {"X-Slow": {"1"}}} {
		opts := Options{Headers: headers, Timeout: 20 * time.Second}
		if headers != nil {
			opts.Timeout = 100 * time.Millisecond
		}
		c, err := New(server.URL, opts)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Jobs(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct {
		from, to string
		follow   bool
	}{
		{"http://h:8081/config", "http://h:8081/x", true},
		{"http://h/config", "http://H:80/x", true},
		{"http://h/config", "https://h/config", true},
		{"http://h:8081/config", "https://h:8443/config", true},
		{"https://h/config", "http://h/config", false},
		{"http://h:8081/config", "http://h:8082/config", false},
		{"http://h/config", "http://i/config", false},
		{"http://h/config", "http://h.evil/config", false},
	} {
		from, err1 := http.NewRequest(http.MethodGet, c.from, nil)
		to, err2 := http.NewRequest(http.MethodGet, c.to, nil)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if got := sameHost(to, []*http.Request{from}) == nil; got != c.follow {
			t.Errorf("from %s to %s: %t", c.from, c.to, got)
		}
	}
}

func TestMessages(t *testing.T) {
	for body, want := range map[string]string{
		`{"errors":["one","two"]}`:           "one",
		`{"errors":["","two\n\tat java"]}`:   "two",
		`{"errors":["\u001b[31mred\u0007"]}`: "[31mred",
		`{"errors":[]}`:                      "",
		`{"errors":"x"}`:                     "",
		`<html>`:                             "",
		`{"errors":["` + strings.Repeat("ä", 1000) + `"]}`: strings.Repeat("ä", 100) + "…",
	} {
		if got := (answer{body: []byte(body)}).message(); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

// FuzzAnswers gives the client anything for an answer.
func FuzzAnswers(f *testing.F) {
	seeds := 0
	for _, version := range versions {
		files, err := filepath.Glob(filepath.Join(testdata.Root(f), "rest", version, "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, []byte(fresh), []byte(someConf))
			f.Add([]byte(one("RUNNING")), data, data)
			seeds++
		}
	}
	if seeds < 10 {
		f.Fatalf("only %d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, list, statistics, conf []byte) {
		c, err := New("http://fuzz", Options{Patience: time.Nanosecond, HTTP: &http.Client{Transport: canned{list, statistics, conf}}})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := c.Jobs(t.Context())
		for _, j := range jobs {
			if err != nil || j.Status == "" || j.Timeout < 0 || j.Interval < 0 || j.Materialization < 0 || j.Timeout+2*j.Materialization < 0 {
				t.Errorf("%+v, %v", j, err)
			}
		}
	})
}

// canned answers without a network.
type canned struct{ list, statistics, conf []byte }

// RoundTrip implements http.RoundTripper.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch {
	case r.URL.Path == "/config":
		say(w, isFlink)
	case r.URL.Path == "/jobs/overview":
		w.Write(c.list)
	case strings.HasSuffix(r.URL.Path, "/config"):
		w.Write(c.conf)
	default:
		w.Write(c.statistics)
	}
	return w.Result(), nil
}
