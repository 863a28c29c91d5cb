package backendtest

import (
	"context"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Config is what Run tests.
type Config struct {
	// Open opens a store of the state backend.
	Open backends.OpenLiveStore
	// Read opens any handle that it writes: snapshot.OpenKeyed.
	Read func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin, opts backends.Options) (backends.Reader, error)
	// Peer opens another state backend, nil for none: what one wrote in canonical form the other restores, and the same operations give
	// the same canonical bytes.
	Peer backends.OpenLiveStore
}

// Run is the suite, as subtests of t.
func Run(t *testing.T, c Config) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{Config: c, streams: &handletest.Streams{}, dir: t.TempDir()}
			test.run(s, t)
		})
	}
}

// tests is the suite.
var tests = []struct {
	name string
	run  func(s *suite, t *testing.T)
}{
	{"Tables", (*suite).testTables},
	{"TablesKeepNothing", (*suite).testTablesKeepNothing},
	{"Keys", (*suite).testKeys},
	{"Values", (*suite).testValues},
	{"Lists", (*suite).testLists},
	{"Maps", (*suite).testMaps},
	{"Aggregates", (*suite).testAggregates},
	{"Namespaces", (*suite).testNamespaces},
	{"TTL", (*suite).testTTL},
	{"TTLMerge", (*suite).testMergeTTL},
	{"TTLSweep", (*suite).testSweep},
	{"Iterations", (*suite).testIterations},
	{"Timers", (*suite).testTimers},
	{"ManyTimers", (*suite).testManyTimers},
	{"Sizes", (*suite).testSizes},
	{"SnapshotForms", (*suite).testForms},
	{"SnapshotWhileChanging", (*suite).testWhileChanging},
	{"SnapshotsAtOnce", (*suite).testSnapshotsAtOnce},
	{"SnapshotOfNothing", (*suite).testNothing},
	{"Scopes", (*suite).testScopes},
	{"Subsumption", (*suite).testSubsumption},
	{"NoClaim", (*suite).testNoClaim},
	{"Carry", (*suite).testCarry},
	{"Rescale", (*suite).testRescale},
	{"KeyGroups", (*suite).testKeyGroups},
	{"Incompatible", (*suite).testIncompatible},
	{"Cancel", (*suite).testCancel},
	{"Faults", (*suite).testFaults},
	{"Close", (*suite).testClose},
	{"Peer", (*suite).testPeer},
	{"Model", (*suite).testModel},
}
