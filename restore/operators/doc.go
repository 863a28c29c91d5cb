// Package operators is what job files are made of: operators over columns, with their state in Flink's types.
//
//	Aggregate     state "aggregates", Value: the accumulators of the key
//	Window        state "window-contents", Value in the namespace of the window: the accumulators and, for count triggers, the records
//	              since the last firing; state "merging-window-set", List of TimeWindow: the sessions of the key; timers "window-timers"
//	Deduplicate   state "seen", Value: a Boolean of the first, the event time of the last
//	IntervalJoin  states "left-buffer" and "right-buffer", Map from event time to List<Row>; timers "cleanup", whose namespace is the side
//	Enrich        broadcast state "table", from key to Row: the columns and the event time
//
// Accumulators are one after another, as a Tuple lays them out; a single one is not wrapped:
//
//	count           Long
//	sum, avg        Tuple<Long, Long> or Tuple<Long, Double>: how many values that are not null, and their sum
//	min, max        Nullable<T>
//	top             List<T>, the highest first
//
// Each operator is made by a function that takes the schemas of its inputs and options, checks them, and gives the schema of its
// output with what makes the operator of a sub-task.
package operators
