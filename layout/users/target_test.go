package users_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/layout/users"
)

func TestRoot(t *testing.T) {
	const job = "495d8572c34476e61174bd4e676c9523"
	for url, want := range map[string]string{
		"/data/flink/" + job + "/shared/x":                            "/data/flink",
		"/data/flink/" + job:                                          "/data/flink",
		"/" + job + "/shared/x":                                       "/",
		"s3://b/" + job + "/chk-1/x":                                  "s3://b",
		"s3://b/a/" + job + "/" + job + "/chk-1":                      "s3://b/a/" + job,
		"/data/flink/savepoint-495d85-b0e2d4a1c377/x":                 "/data/flink",
		"/data/flink/chk-5/_metadata":                                 "/data/flink",
		"hdfs://n:9000/c/shared/job_" + job + "_op_" + job + "_0_2/x": "hdfs://n:9000/c",
		"/data/flink/sp1/x":                                           "",
		"/":                                                           "",
	} {
		if got := users.Root(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
