// Package backendtest is what every state backend must pass.
//
//	Run        the suite: a test for each promise of backends.Store and backends.Keyed, and random operations held against a model
//	  session  one sub-task: a store, the backends.Keyed upon it, and what they were restored from
//	  dump     all entries of a snapshot, the same whatever form it has
//
// A state backend calls Run in a test of its own. What the suite says of two of them is that the same operations give the same bytes.
package backendtest
