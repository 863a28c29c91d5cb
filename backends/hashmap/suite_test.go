package hashmap_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/backends/backendtest"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
)

// TestSuite: the store does all that every state backend must.
func TestSuite(t *testing.T) {
	backendtest.Run(t, backendtest.Config{Open: hashmap.OpenStore, Read: snapshot.OpenKeyed})
}
