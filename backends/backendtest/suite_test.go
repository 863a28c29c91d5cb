package backendtest

import (
	"os"
	"os/exec"
	"testing"
)

// mutants are faults of a store, each of which the suite must find.
var mutants = []string{
	"restore forgets states without entries", "restore forgets TTL", "restore makes null a value",
	"tables share a name", "close leaves files", "snapshot is not of its moment", "canonical form leaves timers out",
	"first checkpoint refers to what it began with", "snapshot survives its store", "savepoint is shared", "cancel is not heard",
	"stream is not closed", "file is left behind", "empty is nothing", "too large is dropped", "value is kept", "delete of a map's entry",
	"no separator behind nothing", "no separator", "order is reversed", "maps of all keys", "clear of maps", "last key group", "from behind",
}

const mutantVariable = "CKPT_TEST_MUTANT"

// TestNaive passes the suite, with an order and without; in a process of its own with a mutant.
func TestNaive(t *testing.T) {
	mutant := os.Getenv(mutantVariable)
	for name, ordered := range map[string]bool{"ordered": true, "unordered": false} {
		t.Run(name, func(t *testing.T) {
			open := openNaive(mutant, ordered)
			Run(t, Config{Open: open, Read: readNaive})
		})
	}
}

// TestMutants: a suite that finds nothing would please everybody. Each takes some seconds: three of them are tried, and all with
// CKPT_SOAK_RUNS (make soak).
func TestMutants(t *testing.T) {
	if os.Getenv(mutantVariable) != "" || raceDetector { // which is for races, and slow
		return
	}
	tried := mutants
	if os.Getenv("CKPT_SOAK_RUNS") == "" {
		tried = mutants[:3]
	}
	for _, mutant := range tried {
		t.Run(mutant, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^TestNaive$", "-test.failfast", "-rapid.nofailfile", "-rapid.checks=10")
			c.Env = append(os.Environ(), mutantVariable+"="+mutant)
			if out, err := c.CombinedOutput(); err == nil {
				t.Errorf("the suite does not find it:\n%s", out)
			}
		})
	}
}
