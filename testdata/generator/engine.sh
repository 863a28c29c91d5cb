#!/bin/sh
# The jobs that the engine is measured against. Built on first use; needs Java 17 and Maven. Flink 2.2.0.
#   engine.sh run BACKEND RECORDS KEYS PARALLELISM DIR    records, seconds and completed checkpoints of a keyed running count
#   engine.sh fill BACKEND KEYS BYTES PARALLELISM DIR     the path of a checkpoint with so many BYTES for each key
#   engine.sh restore BACKEND PATH PARALLELISM ROUNDS     seconds of each round until its state was restored
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/engine
if [ ! -f "$out/built" ] || [ "$here/engine/EngineJob.java" -nt "$out/built" ] || [ "$here/engine/pom.xml" -nt "$out/built" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/engine/pom.xml" process-classes >&2
	touch "$out/built"
fi
# shellcheck disable=SC2086
exec java @"$here/jvm-options" ${PEER_OPTIONS:--Xmx5g} -cp "$out/classes:$out/lib/*" EngineJob "$@"
