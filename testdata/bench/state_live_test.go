//go:build unix && live

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Savepoints that Flink writes now are read by ckpt and by the State Processor API, which agree in entries and
// their sum; and tables that RocksDB writes now, likewise.
func TestFlinkStateBench(t *testing.T) {
	dir := t.TempDir()
	ckpt := filepath.Join(dir, "ckpt")
	if out, err := exec.Command("go", "build", "-o", ckpt, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := stateBench(ckpt, "..", dir, 0.001); err != nil {
		t.Error(err)
	}
}
