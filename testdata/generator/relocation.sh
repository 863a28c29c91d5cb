#!/bin/sh
# relocation.sh VERSION DIR LIST   lets that version of Flink write snapshots, and restore copies of them, as LIST says
# (src/common/fx/Relocation.java); DIR is for scratch files. Built on first use; needs Java 17 and Maven.
set -eu
version=$1
scratch=$2
list=$3
here=$(cd "$(dirname "$0")" && pwd)
out=$here/target/$version
if [ ! -f "$out/relocation" ] || [ -n "$(find "$here/src" "$here/pom.xml" -newer "$out/relocation")" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dflink.version="$version" process-classes >&2
	touch "$out/relocation"
fi
exec java @"$here/jvm-options" -Xmx1500m -Dfx.local="$scratch" -cp "$out/classes:$out/lib/*" fx.Relocation "@$list"
