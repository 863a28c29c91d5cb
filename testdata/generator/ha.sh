#!/bin/sh
# ha.sh VERSION OUT   runs jobs on a cluster with ZooKeeper and copies what its high availability has written to
# OUT/VERSION/storage, and the _metadata of the checkpoints to OUT/VERSION/metadata/JOB/chk-N. Needs what
# ../cluster.sh needs.
#
# Paths get into the files: those of ../flink-ha were written to the default root.
set -eu
version=$1 out=$2/$1
here=$(cd "$(dirname "$0")" && pwd)
ROOT=${ROOT:-/flink}
checkpoints=$ROOT/checkpoint/$version/ha storage=$ROOT/ha/$version work=$ROOT/local-state/ha-$version
rm -rf "$out" "$checkpoints" "$storage" "$work"
mkdir -p "$out/storage" "$out/metadata"

flink() { "$here/../cluster.sh" "$@"; }
trap 'flink stop "$work"' EXIT
url=$(flink start "$version" "$work" high-availability.type=zookeeper "high-availability.storageDir=file://$storage" \
	high-availability.cluster-id=ckpt job-result-store.delete-on-commit=false execution.checkpointing.interval=500ms \
	"execution.checkpointing.dir=file://$checkpoints" execution.checkpointing.num-retained=1)

job() { flink run "$work" parallelism.default=1 keys=4 payload=10 rate=50 "$@"; }
status() { curl -sf "$url/jobs/$1/status"; }
until_is() { until status "$1" | grep -q "\"$2\""; do sleep 0.2; done; }

until_is "$(job name=finished count=100)" FINISHED
until_is "$(job name=failed payload=-1)" FAILED
cancelled=$(job name=cancelled)
until_is "$cancelled" RUNNING

# The dirty entry lives for as long as the job is cleaned up: take it while it is there.
(until cp "$storage"/job-result-store/ckpt/*_DIRTY.json "$work/tmp" 2>/dev/null; do :; done) &
flink cli "$work" cancel "$cancelled" >"$work/log/cancel.log" 2>&1
until_is "$cancelled" CANCELED
wait $!

rocksdb="state.backend.type=rocksdb execution.checkpointing.incremental=true"
files=execution.checkpointing.data-inline-threshold=0
# shellcheck disable=SC2086
{
	job name=files $rocksdb $files
	job name=inline
	job name=changelog state.changelog.enabled=true state.changelog.storage=filesystem \
		"state.changelog.dstl.dfs.base-path=file://$checkpoints" state.changelog.periodic-materialize.interval=1s
	job name=merging $files execution.checkpointing.file-merging.enabled=true
} >"$work/tmp/jobs"
while read -r id; do
	until curl -sf "$url/jobs/$id/checkpoints" | grep -q '"completed":[4-9]'; do sleep 0.5; done
done <"$work/tmp/jobs"

# A JobManager that was killed leaves everything as it is at that moment.
flink kill "$work" jobmanager
cp -R "$storage/." "$out/storage"
cp "$work"/tmp/*_DIRTY.json "$out/storage/job-result-store/ckpt/"
rm -rf "$out/storage/ckpt/blob"
# They are large and all alike: one job is enough.
find "$out/storage/ckpt" -name 'submitted*' | sort | tail -n +2 | xargs rm
for metadata in "$checkpoints"/*/chk-*/_metadata; do
	chk=$(dirname "$metadata")
	job=$(basename "$(dirname "$chk")")
	mkdir -p "$out/metadata/$job"
	cp "$metadata" "$out/metadata/$job/$(basename "$chk")"
done
