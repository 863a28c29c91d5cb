#!/bin/sh
# generate.sh VERSION CASE...   runs the cases (names, regular expressions, or "all") against one version of Flink and
# writes trees and oracles below $ROOT/VERSION. Needs Java 17, Maven and Python 3.
#
# Paths get into the files: trees below flink/ were written to the default root.
set -eu
version=$1
shift
ROOT=${ROOT:-/flink/checkpoint}
LOCAL=${LOCAL:-/flink/local-state}
here=$(cd "$(dirname "$0")" && pwd)
work=$LOCAL/work-$version
rm -rf "$work"
mkdir -p "$ROOT/$version" "$work"

mvn -q -B -Dstyle.color=never -f "$here/pom.xml" -Dflink.version="$version" process-classes
run() {
	java @"$here/jvm-options" -Xmx1500m -Dfx.local="$LOCAL" \
		-cp "$here/target/$version/classes:$here/target/$version/lib/*" "$@"
}

run fx.Gen "$ROOT" "$@"
python3 "$here/collect.py" "$ROOT" "$version" lists "$work"
run fx.MetaOracle "@$work/oracle.lst"
python3 "$here/collect.py" "$ROOT" "$version" refs
run fx.ExpectedSmall "@$work/expected.lst"
run fx.StateDump "@$work/state.lst"
python3 "$here/collect.py" "$ROOT" "$version" dumps "$work"
