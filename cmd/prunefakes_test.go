package cmd

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// clockStore is a store of which only the clock is asked.
type clockStore struct {
	layout.Store
	now time.Time
	err error
}

// Now implements layout.Clock.
func (s clockStore) Now(context.Context) (time.Time, error) { return s.now, s.err }

// URL implements layout.Store.
func (s clockStore) URL() string { return "/clock" }

// jobManager answers as Flink's REST API does.
type jobManager struct {
	jobs   []fakeJob
	broken bool // it answers with an error
	asked  func(path string)
}

type fakeJob struct {
	id, state        string
	latest, restored string // external paths
	completed        int
	changelog        bool
}

// url is where it answers while the test runs.
func (m *jobManager) url(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP implements http.Handler.
func (m *jobManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.asked != nil {
		m.asked(r.URL.Path)
	}
	if m.broken {
		http.Error(w, "broken", http.StatusNotImplemented)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	switch r.URL.Path {
	case "/config":
		fmt.Fprint(w, `{"flink-version":"2.2.0","features":{"web-history":false}}`)
		return
	case "/jobs/overview":
		var list []string
		for _, j := range m.jobs {
			list = append(list, fmt.Sprintf(`{"jid":%q,"name":"job","state":%q}`, j.id, j.state))
		}
		fmt.Fprintf(w, `{"jobs":[%s]}`, strings.Join(list, ","))
		return
	}
	for _, j := range m.jobs {
		switch r.URL.Path {
		case "/jobs/" + j.id + "/checkpoints":
			fmt.Fprint(w, j.checkpoints())
		case "/jobs/" + j.id + "/checkpoints/config":
			fmt.Fprintf(w, `{"mode":"exactly_once","interval":500,"timeout":600000,"state_changelog_enabled":%t,"changelog_periodic_materialization_interval":600000}`, j.changelog)
		}
	}
}

// checkpoints is what a JobManager tells of those of a job.
func (j *fakeJob) checkpoints() string {
	path := func(p, status string) string {
		if p == "" {
			return "null"
		}
		return fmt.Sprintf(`{"status":%q,"external_path":%q,"discarded":false}`, status, p)
	}
	return fmt.Sprintf(`{"counts":{"restored":0,"total":%d,"in_progress":0,"completed":%[1]d,"failed":0},"latest":{"completed":%s,"savepoint":null,"restored":%s},"history":[]}`,
		j.completed, path(j.latest, "COMPLETED"), path(j.restored, ""))
}
