#!/bin/sh
# Values as the serializers of Flink SQL, Avro and Kryo write them, for ../types. Needs Java 17 and Maven.
#   tableserializers.sh 1.20.0 | gzip -9n > ../types/table-1.20.0.tsv.gz
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=${1:?a version of Flink}
out=$here/target/tableserializers/$version
if [ ! -f "$out/built" ] || [ -n "$(find "$here/tableserializers" -name "*.java" -newer "$out/built")" ]; then
	mvn -q -B -Dstyle.color=never -Dflink.version="$version" -f "$here/tableserializers/pom.xml" process-classes >&2
	touch "$out/built"
fi
exec java @"$here/jvm-options" -Duser.timezone=UTC -cp "$out/classes:$out/lib/*" Vectors
