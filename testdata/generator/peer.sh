#!/bin/sh
# Flink's own loader, for comparison. Built on first use; needs Java 17 and Maven.
#   peer.sh write FILE OPERATORS SUBTASKS FILES   a _metadata with so many shared files a subtask; prints its size
#   peer.sh load FILE ROUNDS                      handles, bytes of state and seconds of each round
#   peer.sh dump DIR OUT [DIR OUT]...             what the loader reads in the _metadata of each DIR, as JSON
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/peer
if [ ! -f "$out/built" ] || [ "$here/peer/MetadataPeer.java" -nt "$out/built" ] || [ "$here/peer/pom.xml" -nt "$out/built" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/peer/pom.xml" process-classes >&2
	touch "$out/built"
fi
main=MetadataPeer
if [ "${1:-}" = dump ]; then
	shift
	main=fx.MetaOracle
fi
exec java ${PEER_OPTIONS:-} -cp "$out/classes:$out/lib/*" "$main" "$@"
