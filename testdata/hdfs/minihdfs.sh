#!/bin/sh
# A real HDFS on loopback, until its input ends. Built on first use; needs Java 17 and Maven.
#   minihdfs.sh plain|ha|secure|tls DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../generator/target/hdfs
if [ ! -f "$out/built" ] || [ "$here/MiniHdfs.java" -nt "$out/built" ] || [ "$here/pom.xml" -nt "$out/built" ]; then
	mvn -q -B -Dstyle.color=never -f "$here/pom.xml" process-classes >&2
	touch "$out/built"
fi
exec java -cp "$out/classes:$out/lib/*" MiniHdfs "$@"
