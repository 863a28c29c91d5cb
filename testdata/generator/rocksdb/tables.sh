#!/bin/sh
# Small databases of many options, by both versions of RocksDB that Flink uses: see TableGen.java. It needs Java 17 and
# Maven. They go into ../../rocksdb, or below OUT.
#   tables.sh [CASE...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${OUT:-$here/../../rocksdb}
for version in 6.20.3-ververica-2.0 8.10.0-ververica-1.0; do
	target=$here/../target/rocksdb/$version
	mkdir -p "$target"
	mvn -q -B dependency:copy -Dartifact=com.ververica:frocksdbjni:$version -DoutputDirectory="$target"
	javac -d "$target" -cp "$target/*" "$here/TableGen.java"
	java -cp "$target:$target/*" TableGen "$out" "${version%%-*}" "$@"
done
