// Package job reads job files: YAML in which a job of sources, operators and sinks is declared, with expressions in CEL. It
// checks all of a file and tells all of its mistakes at once, each with its line and column, and makes an engine.Job of it.
//
//	name: NAME                        of the job
//	parallelism: 2                    of what does not say; left out: parallelism.default of the configuration, or 1
//	max-parallelism: 128              the number of key groups; left out: Flink's default of the parallelism
//	parameters:                       ${NAME} anywhere in a value stands for the parameter
//	  records: 1000                   its default, which tells its type as well; --set NAME=VALUE overrules it
//	  out:                            without a default it must be set
//	checkpointing: {KEY: VALUE, …}    Flink's configuration keys, by their full names, nested or flat as in config.yaml
//	state:         {KEY: VALUE, …}    the same; the three sections are for the reader's eye
//	restart:       {KEY: VALUE, …}
//	sources:   [SOURCE, …]
//	operators: [OPERATOR, …]
//	sinks:     [SINK, …]
//
// A value that is nothing but ${NAME} has the parameter's type; within a text the parameter is put in as text. $${ is ${.
//
// Every SOURCE, OPERATOR and SINK has
//
//	uid: UID                          which its state is found by: required, and no other has it
//	type: TYPE
//	name: NAME                        for people; left out: the uid
//	parallelism, max-parallelism      left out: those of the job
//	chain: false                      keeps it out of the goroutine of its input
//
// # Sources
//
//	compute: {NAME: EXPR, …}          further columns; each sees the source's and those before it
//	watermark: {column: NAME, delay: 5s, idleness: 1m}
//
//	sequence   from: 0  records: N, or to: N with it    rate: R  splits: N  column: n
//	                                                    numbers, a BIGINT column; rate is records a second in all, 0 no limit
//	datagen    columns: {NAME: GENERATOR, …}  records: N  rate: R  seed: N  splits: N
//	files      url: URL  FORMAT  growing: true  poll: 1s    a file, a directory, a pattern; growing: what comes is read as well
//	stdin      FORMAT
//	socket     address: HOST:PORT  FORMAT
//
// FORMAT is format: lines, json or csv, and
//
//	columns: {NAME: KIND, …}          BOOLEAN, BIGINT, DOUBLE, STRING, BYTES, TIMESTAMP; of lines left out: line STRING
//	header: true  delimiter: ','  quote: '"'  null: ''      of csv
//	skip-bad: true                    leaves out records that cannot be read, instead of failing
//	max-record: 16mb
//
// GENERATOR is one of
//
//	{counter: {from: 0, step: 1, cycle: N, type: BIGINT|TIMESTAMP}}    {bigint: {min: 0, max: N}}    {double: {min: 0, max: X}}
//	{boolean: {true: 0.5}}    {string: {length: N}}    {choice: {values: [TEXT, …] or {TEXT: WEIGHT, …}}}
//	{key: {prefix: TEXT, digits: N, count: N, exponent: X}}
//
// with nulls: 0.1 for the share of nulls.
//
// # Operators
//
// input is the uid of a source or operator. key-by divides the stream by columns. EXPR is CEL over the columns of the input (package expr).
//
//	map            input  select: {NAME: EXPR, …}       these columns in place of the input's
//	                      add: {NAME: EXPR, …}          or besides them
//	filter         input  where: EXPR
//	flat-map       input  each: EXPR  as: NAME          a record for each element of a list, which is the column NAME
//	                      keep: [NAME, …]               of the input's columns; left out: all
//	aggregate      input  key-by  aggregates: {NAME: AGG, …}  ttl: 1h
//	                                                    a record for each of the input: key columns, aggregates as they are now
//	window         input  key-by  aggregates
//	               window: {tumbling: 1m, offset: 0s} | {sliding: 1m, slide: 10s, offset: 0s} | {session: 5m}
//	               time: event|processing
//	               lateness: 0s                         later records are dropped and counted
//	               trigger: {count: N, every: 10s}      emits early as well: after so many records, after a time
//	                                                    key columns, window_start, window_end (TIMESTAMP), aggregates
//	deduplicate    input  key-by  ttl: 1h  keep: first|last
//	                                                    first: the first record of a key, and the next one after its ttl;
//	                                                    last: each that is not before the latest in event time
//	interval-join  left: {input, key-by, prefix}  right: {input, key-by, prefix}
//	               lower: -5m  upper: 10m               time of right minus time of left; both bounds belong to it
//	                                                    all columns of left, then of right, each by its prefix and name
//	enrich         input  by: [NAME, …]                 each record with that of a table, which all sub-tasks have whole:
//	               table: {input, key: [NAME, …], prefix}       the latest record by its key columns
//	               missing: keep|drop                   records without one; keep: the table's columns are null
//	                                                    all columns of input, then of the table but its key
//
// AGG is count(), sum(EXPR), min(EXPR), max(EXPR), avg(EXPR), or top(N, EXPR), which is the N highest values as JSON.
//
// # Sinks
//
//	files      input  url: URL  format: json|csv, with header and so on as above  prefix: part  roll-size: 32mb  consumed: true
//	stdout     input  format: json|csv
//	discard    input
//
// Durations are as Flink writes them: 200ms, 5s, 10 min, 1h, 7d. Sizes as well: 64mb. Aliases and tags of YAML are refused: what a file says
// stands where it is meant.
//
// The way: yaml.go makes values of a file, parameters.go puts parameters in, decode.go brings values into structs, file.go knows the job as a
// whole, build.go goes from the sinks up and makes nodes of the engine; what the types are is in a Catalog.
package job
