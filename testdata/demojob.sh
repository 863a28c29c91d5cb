#!/bin/sh
# demojob.sh CKPT   a job runs, is killed, and goes on where it was: nothing is lost, nothing is there twice.
set -eu
ckpt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
job=$(cd "$(dirname "$0")/../docs/jobs" && pwd)/windows.yaml
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid"; rm -rf "$dir"' EXIT
cd "$dir"
records=400000

say() { printf '\n# %s\n' "$*"; }
show() {
	printf '$ ckpt %s\n' "$*"
	"$ckpt" "$@"
}

say 'A job: numbers, counted by key in windows of ten seconds, into files. What would run?'
cp "$job" windows.yaml
show run windows.yaml --check

say "It runs, with a checkpoint every 200 ms, at 100,000 records a second. After a while: kill -9."
printf '$ ckpt run windows.yaml --set records=%s --set rate=100000 &\n' $records
"$ckpt" run windows.yaml --set records=$records --set rate=100000 -q &
pid=$!
until [ "$("$ckpt" ls checkpoints/windows 2>/dev/null | grep -c complete)" -ge 3 ]; do
	kill -0 $pid
	sleep 0.1
done
sleep 1
kill -9 $pid
wait $pid 2>/dev/null || true
pid=

say 'What did it leave? Its last checkpoints, as Flink lays them out. Do they restore?'
show ls -o table checkpoints/windows
show verify -o table --level content checkpoints/windows
say 'What is in the newest?'
show state ls -o table latest:checkpoints/windows --count

say 'It goes on from there, with twice the sub-tasks. The job file travels in the checkpoint.'
show run -s latest:checkpoints/windows -p 4

say 'Is the output complete, and each record in it once?'
cat out/*.json | sed -E 's/.*"count":([0-9]+).*/\1/' | awk '{ n += $1 } END { print n " records were counted" }' | tee counted
cat out/*.json | sort | uniq -d | wc -l | awk '{ print $1 " windows are there twice" }' | tee twice
[ "$(cat counted)" = "$records records were counted" ]
[ "$(cat twice)" = '0 windows are there twice' ]

say 'Its checkpoints are no longer needed but for one.'
show prune checkpoints/windows -o table --keep-last 1 --ended all --no-other-roots --unsafe-min-age 0 --apply
show verify -o table --level content checkpoints/windows
