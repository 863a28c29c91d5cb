// Package keyed is what keyed state means: values, lists, maps, aggregates, their life times and their timers, upon any
// backends.Store, which knows bytes only.
//
//	Backend      the current key; the states by their names
//	  valueState listState mapState reducingState aggregatingState     of the current key and a namespace each
//	    table    backends.Table: composite key (and key within a map) to bytes
//	  timers     one table a queue, written at once, and an index of which comes first
//
// A composite key is key group, key and namespace (backends.KeyForm). A state builds it once for each key and namespace and
// keeps it, so that what takes and gives bytes does not allocate.
//
//	value, reducing, aggregating    the value
//	list                            elements, with a "," between
//	map                             of each entry a byte that is 1 if the value is null, and the value unless it is
//	timer                           nothing: the time is in the key (backends.NewTimerForm)
//
// With a time to live, 8 bytes stand before each value, element or value in a map: when it was last written, or read, in
// milliseconds since 1970. What has expired is removed when it is met: by who reads it, or, in a table that is a backends.Sweeper, by
// the writes to others.
//
// A state that was restored must be asked for with the kind and the types that it was written with.
//
// Sources: Flink's AbstractKeyedStateBackend, RocksDBKeyedStateBackend and its states, TtlStateFactory and its
// states, KeyGroupPartitionedPriorityQueue, HeapPriorityQueueSet, RocksDBCachingPriorityQueueSet.
package keyed
