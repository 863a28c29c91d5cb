package offsets

import "testing"

func TestJoinURI(t *testing.T) {
	for want, got := range map[string]string{
		"/in/a.txt":                      joinURI("", "", "", -1, "/in/a.txt", "", ""),
		"file:/in/a b.txt":               joinURI("file", "", "", -1, "/in/a b.txt", "", ""),
		"hdfs://nn:8020/in":              joinURI("hdfs", "", "nn", 8020, "/in", "", ""),
		"abfss://c@account.net/in?x=1#y": joinURI("abfss", "c", "account.net", -1, "/in", "x=1", "y"),
	} {
		if got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
