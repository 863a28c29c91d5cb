package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/testdata"
)

// versions are those of testdata/rest.
var versions = []string{"1.20.0", "2.2.0"}

// asExpected says what is wrong about the jobs of testdata/rest, "" for nothing. They
// are what submitAll of the live test makes.
func asExpected(jobs []Job) string {
	const usual = 10 * time.Minute // Flink's default of both
	want := map[string]func(j Job) bool{
		"finished": func(j Job) bool { return j.Status == "FINISHED" && !j.Live && !j.Checkpointing && !j.Completed },
		"cancelled": func(j Job) bool {
			return j.Status == "CANCELED" && !j.Live && j.Completed && len(j.Latest) == 1 && len(j.Retained) > 0 && len(j.History) >= len(j.Retained) && j.Interval == 500*time.Millisecond
		},
		"restored": func(j Job) bool {
			return j.Status == "RUNNING" && j.Live && j.Completed && len(j.Latest) == 2 && len(j.Restored) == 1 && !j.RestoredUnknown &&
				strings.Contains(j.Restored[0], "/chk-") && strings.Contains(j.Latest[1], "/savepoint-") && len(j.Retained) >= 2
		},
		"none": func(j Job) bool { return j.Live && !j.Checkpointing && j.Interval == 0 && j.Timeout == usual },
		"memory": func(j Job) bool {
			return j.Live && j.Completed && j.Latest == nil && j.Retained == nil && j.Mode == "exactly_once"
		},
		"changelog": func(j Job) bool {
			return j.Live && j.Completed && j.Changelog && j.Materialization == 7*time.Second && j.Timeout == usual
		},
	}
	var wrong []string
	for _, j := range jobs {
		is, known := want[j.Name]
		if !known || !is(j) {
			wrong = append(wrong, fmt.Sprintf("%+v", j))
		}
		delete(want, j.Name)
	}
	for name := range want {
		wrong = append(wrong, "no job "+name)
	}
	return strings.Join(wrong, "\n")
}

// replay serves testdata/rest.
func replay(tb testing.TB, version string) http.Handler {
	dir := filepath.Join(testdata.Root(tb), "rest", version)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "/", "_"))
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		if data, err := os.ReadFile(name + ".404.json"); err == nil {
			w.WriteHeader(http.StatusNotFound)
			w.Write(data)
			return
		}
		data, err := os.ReadFile(name + ".json")
		if err != nil {
			tb.Error(err)
		}
		w.Write(data)
	})
}

// TestRecorded reads what real clusters have answered.
func TestRecorded(t *testing.T) {
	for _, version := range versions {
		server := httptest.NewServer(replay(t, version))
		defer server.Close()
		client, err := New(server.URL, Options{})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := client.Jobs(t.Context())
		if err != nil || asExpected(jobs) != "" {
			t.Errorf("%s: %v\n%s", version, err, asExpected(jobs))
		}
	}
}
