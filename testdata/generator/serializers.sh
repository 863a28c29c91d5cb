#!/bin/sh
# Values of all kinds as Flink's own serializers write them, for ../types. Needs Java 17 and Maven.
#   serializers.sh 1.20.0 > ../types/1.20.0.tsv
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=${1:?a version of Flink}
out=$here/target/serializers/$version
if [ ! -f "$out/built" ] || [ "$here/serializers/Serializers.java" -nt "$out/built" ]; then
	mvn -q -B -Dstyle.color=never -Dflink.version="$version" -f "$here/serializers/pom.xml" process-classes >&2
	touch "$out/built"
fi
exec java @"$here/jvm-options" -Duser.timezone=UTC -cp "$out/classes:$out/lib/*" Serializers
