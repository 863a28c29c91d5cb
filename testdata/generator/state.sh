#!/bin/sh
# State to measure ckpt on, and its peers. Built on first use; needs Java 17 and Maven. Flink 2.2.0.
#   state.sh write BACKEND INCREMENTAL KEYS BYTES DIR FORMAT...   savepoints DIR/FORMAT/savepoint-…, of a job with so many keys:
#                                                       a ValueState<Long> each, or a String of so many BYTES
#   state.sh scan DIR BACKEND ROUNDS                    reads such a savepoint by the State Processor API
#   state.sh table FILE KEYS                            a RocksDB table of text with Snappy
#   state.sh iterate FILE ROUNDS                        reads a table by RocksDB's iterator
#   state.sh restored [ACTION BACKEND DIR]...           what Flink makes of what ckpt run wrote (state/Restored.java)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/state
stale() {
	for file in "$here"/state/*; do
		[ ! "$file" -nt "$out/built" ] || return 0
	done
	[ ! -f "$out/built" ]
}
if stale; then
	mvn -q -B -Dstyle.color=never -f "$here/state/pom.xml" process-classes >&2
	touch "$out/built"
fi
case ${1:-} in
write | scan) main=StateJob ;;
table | iterate) main=Tables ;;
restored)
	shift
	main=Restored
	;;
*) main=StateJob ;;
esac
# shellcheck disable=SC2086
exec java @"$here/jvm-options" ${PEER_OPTIONS:--Xmx5g} -cp "$out/classes:$out/lib/*" "$main" "$@"
