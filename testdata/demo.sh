#!/bin/sh
# demo.sh CKPT   a walk through trees that real Flink wrote; `make demo` builds the binary first.
set -eu
ckpt=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/flink"

say() { printf '\n# %s\n' "$*"; }
show() {
	printf '$ ckpt %s\n' "$*"
	"$ckpt" "$@"
}

say 'What is there? Two jobs of Flink 2.0; the second was restored from the first.'
show ls -o table 2.0.0/rescale-claim

job=62049877ffa2db68cff89c8a71d080e8
say 'Which checkpoint of the second job is the newest that is complete?'
show latest 2.0.0/rescale-claim --job $job --by id

say 'Which of them still restore? The first job was claimed, and lost files.'
show verify -o table 2.0.0/rescale-claim | head -n 16
printf '…\n'

say 'How big are they really, and what is freed if two of them go?'
show du -o table 2.0.0/rescale-claim --if-deleted 0fdf2c68eee856e7545a46a723d3c31a/chk-2 --if-deleted $job/chk-6

say 'Why is this file of the first job still there?'
show why -o table "$(ls -d 2.0.0/rescale-claim/0fdf2c68eee856e7545a46a723d3c31a/shared/504a6bf2*)"

say 'What is in its first, which Flink reads it, and what does it depend on?'
show inspect -o table 2.0.0/rescale-claim/$job/chk-6

say 'And in its state? Types, counts, one key, and the keys with the most bytes.'
show state ls -o table 2.0.0/rescale-claim/$job/chk-6 --count
show state get 2.0.0/rescale-claim/$job/chk-6 --state byKind --key user-45
show state stats -o table 2.0.0/rescale-claim/$job/chk-6 --top 3
say 'Where do the sources of a job with Kafka go on?'
show offsets -o table 2.2.0/kafka-hashmap/*/chk-2

say 'Flink 1.18 stored no uids. Which operator is which?'
show uid --match 1.18/*-savepoint CheckpointingSource1 CheckpointingSource2 -o table

say 'Every byte of _metadata, explained:'
printf '$ ckpt inspect --bytes %s | head -12\n' 2.2.0/source-file/*/chk-2
"$ckpt" inspect --bytes -o table 2.2.0/source-file/*/chk-2 | head -n 12
