#!/bin/sh
# dump.sh VERSION SCRATCH LIST   writes all state of snapshots as that version of Flink reads it, as LIST says
# (src/common/fx/StateDump.java). Built on first use; needs Java 17 and Maven.
set -eu
version=$1
scratch=$2
list=$3
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/$version
if [ ! -f "$out/dump" ] || [ -n "$(find "$here/src" "$here/pom.xml" -newer "$out/dump")" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dflink.version="$version" process-classes >&2
	touch "$out/dump"
fi
exec java @"$here/jvm-options" -Xmx1500m -Dfx.local="$scratch" -cp "$out/classes:$out/lib/*" fx.StateDump "@$list"
