package pebble

import (
	"flag"
	"os"
	"testing"
)

// TestMain makes the models shorter under the race detector, which slows Pebble down twenty times.
func TestMain(m *testing.M) {
	flag.Parse()
	if raceDetector {
		if err := flag.Set("rapid.checks", "8"); err != nil {
			panic(err) // rapid has that flag
		}
	}
	os.Exit(m.Run())
}
