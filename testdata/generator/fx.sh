#!/bin/sh
# fx.sh PROGRAM VERSION SCRATCH LIST   runs a program of src/common/fx with that version of Flink, as LIST says; SCRATCH is a directory
# for local files. Built on first use; needs Java 17 and Maven.
#   Relocation   writes snapshots, and restores copies of them
#   StateDump    writes all state of snapshots as that Flink reads it
set -eu
program=$1
version=$2
scratch=$3
list=$4
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/$version
if [ ! -f "$out/built" ] || [ -n "$(find "$here/src" "$here/pom.xml" -newer "$out/built")" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dflink.version="$version" process-classes >&2
	touch "$out/built"
fi
exec java @"$here/jvm-options" -Xmx1500m -Dfx.local="$scratch" -cp "$out/classes:$out/lib/*" "fx.$program" "@$list"
