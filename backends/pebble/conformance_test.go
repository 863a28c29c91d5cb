package pebble_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/backends/backendtest"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
)

// TestConformance is what every state backend must pass.
func TestConformance(t *testing.T) {
	b := pebble.New(pebble.Options{})
	backendtest.Run(t, backendtest.Config{Open: b.OpenStore, Read: snapshot.OpenKeyed})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
