//go:build !race

package pebble_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/backends/backendtest"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
)

// TestConformance is what every state backend must pass, with equal canonical snapshots of the one on the heap. The race detector makes minutes of it; the models of
// this package run with it.
func TestConformance(t *testing.T) {
	b := pebble.New(pebble.Options{})
	backendtest.Run(t, backendtest.Config{Open: b.OpenStore, Read: snapshot.OpenKeyed, Peer: hashmap.OpenStore})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
