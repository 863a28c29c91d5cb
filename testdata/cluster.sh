#!/bin/sh
# A real Flink cluster on loopback: a JobManager and a TaskManager with 4 slots, out of Maven's jars.
#
#     cluster.sh start VERSION DIR [KEY=VALUE...]   prints the URL of its REST API; DIR is new, KEY=VALUE is Flink's configuration
#     cluster.sh run DIR ARGUMENT...                submits generator/cluster/CountJob.java, and prints the job's id
#     cluster.sh cli DIR ARGUMENT...                Flink's own command line, with this cluster's configuration
#     cluster.sh kill DIR jobmanager|taskmanager    kills one process, as a crash would
#     cluster.sh again DIR jobmanager|taskmanager   starts that process again; of the JobManager it prints the URL, which is a new one
#     cluster.sh stop DIR                           ends all that was started in DIR
#
# DIR/log has the logs, DIR/conf the configuration. Ports are free ones unless the configuration says so. With
# high-availability.type=zookeeper a ZooKeeper of its own comes too. The jars lie in CKPT_CACHE, or else in the
# user's cache directory. It needs Java 17 with its compiler, Maven and curl.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${CKPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ckpt-ci}

usage() {
	sed -n 's/^#     //p' "$0" >&2
	exit 64
}

fail() {
	echo "cluster.sh: $1" >&2
	exit 1
}

artifact() { echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version></dependency>"; }

# fetch fills the directory $1 with the jars of Flink $2 and the job. It has its name only once it is whole.
fetch() {
	mkdir -p "$cache"
	part=$(mktemp -d "$cache/new.XXXXXX")
	trap 'rm -rf "$part"' EXIT
	{
		echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
		echo '<groupId>ckpt.testdata</groupId><artifactId>cluster</artifactId><version>1</version><dependencies>'
		for name in streaming-java clients runtime-web statebackend-rocksdb statebackend-changelog dstl-dfs connector-datagen; do
			artifact org.apache.flink "flink-$name" "$2"
		done
		artifact org.slf4j slf4j-simple 1.7.36
		echo '</dependencies></project>'
	} >"$part/pom.xml"
	mvn -q -B -Dstyle.color=never -f "$part/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
		-DoutputDirectory="$part/lib" >&2
	mv -T "$part" "$1" 2>/dev/null || [ -d "$1/lib" ] || fail "cannot write $1"
	trap - EXIT
}

# compile makes DIR/job.jar out of the job's source.
compile() {
	mkdir -p "$dir/classes"
	javac -nowarn -cp "$jars/*" -d "$dir/classes" "$here/generator/cluster/CountJob.java" 2>"$dir/log/javac.log" || fail "see $dir/log/javac.log"
	jar cf "$dir/job.jar" -C "$dir/classes" .
}

configure() {
	cat <<-YAML
		jobmanager.rpc.address: 127.0.0.1
		jobmanager.rpc.port: 0
		rest.address: 127.0.0.1
		rest.bind-address: 127.0.0.1
		rest.port: 0
		rest.bind-port: 0
		taskmanager.host: 127.0.0.1
		taskmanager.numberOfTaskSlots: 4
		taskmanager.cpu.cores: 4
		taskmanager.memory.framework.heap.size: 128m
		taskmanager.memory.framework.off-heap.size: 128m
		taskmanager.memory.task.heap.size: 300m
		taskmanager.memory.task.off-heap.size: 0m
		taskmanager.memory.network.min: 64m
		taskmanager.memory.network.max: 64m
		taskmanager.memory.managed.size: 200m
		taskmanager.memory.jvm-metaspace.size: 256m
		taskmanager.memory.jvm-overhead.min: 192m
		taskmanager.memory.jvm-overhead.max: 192m
		io.tmp.dirs: $dir/tmp
		web.tmpdir: $dir/tmp
	YAML
	for setting; do echo "${setting%%=*}: ${setting#*=}"; done
}

# settle writes the configuration under both of its names: a key that is given twice counts once, as the last says.
settle() {
	awk -F': ' '{ if (!($1 in at)) { order[++n] = $1 } at[$1] = $0 } END { for (i = 1; i <= n; i++) print at[order[i]] }' \
		"$dir/conf/settings" >"$dir/conf/config.yaml"
	cp "$dir/conf/config.yaml" "$dir/conf/flink-conf.yaml"
}

# spawn starts a process of its own and keeps its id in DIR/NAME.pid.
spawn() {
	name=$1
	shift
	# shellcheck disable=SC2086
	nohup java @"$here/generator/jvm-options" -XX:TieredStopAtLevel=1 ${CLUSTER_JAVA:-} \
		-Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
		-cp "$jars/*" "$@" >"$dir/log/$name.log" 2>&1 </dev/null &
	echo $! >"$dir/$name.pid"
}

# await prints what the pattern $2 catches in the log of process $1.
await() {
	for _ in $(seq 240); do
		found=$(sed -n "s/$2/\\1/p" "$dir/log/$1.log" 2>/dev/null | head -n 1)
		if [ -n "$found" ]; then
			echo "$found"
			return
		fi
		alive "$1" || break
		sleep 0.25
	done
	fail "$1 did not come up: see $dir/log/$1.log"
}

# alive knows a process that has ended from one that runs, whoever its parent is.
alive() {
	[ -f "$dir/$1.pid" ] || return 1
	case $(ps -o stat= -p "$(cat "$dir/$1.pid")" 2>/dev/null) in
	'' | Z*) return 1 ;;
	esac
}

# zookeeper cannot choose a free port, so that it has to try.
zookeeper() {
	for try in 1 2 3 4 5; do
		port=$(awk -v seed="$$$try" 'BEGIN { srand(seed); print 20000 + int(rand() * 40000) }')
		printf 'tickTime=500\ndataDir=%s\nclientPort=%s\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n' \
			"$dir/zookeeper" "$port" >"$dir/conf/zoo.cfg"
		spawn zookeeper org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.ZooKeeperServerMain "$dir/conf/zoo.cfg"
		if (await zookeeper '.*\(binding to port\).*' && sleep 1 && alive zookeeper) >/dev/null; then
			echo "high-availability.zookeeper.quorum: 127.0.0.1:$port" >>"$dir/conf/settings"
			return
		fi
	done
	fail "ZooKeeper did not come up: see $dir/log/zookeeper.log"
}

jobmanager() {
	settle
	spawn jobmanager -Xmx600m org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint --configDir "$dir/conf"
	rest=$(await jobmanager '.*Rest endpoint listening at [^ ]*:\([0-9]*\)$')
	rpc=$(await jobmanager '.*Actor system started at .*@127.0.0.1:\([0-9]*\).*')
	printf 'jobmanager.rpc.port: %s\nrest.port: %s\n' "$rpc" "$rest" >>"$dir/conf/settings"
	settle
	echo "http://127.0.0.1:$rest" >"$dir/url"
}

taskmanager() {
	spawn taskmanager -Xmx500m org.apache.flink.runtime.taskexecutor.TaskManagerRunner --configDir "$dir/conf"
}

# ready waits until there are slots.
ready() {
	for _ in $(seq 240); do
		case $(curl -sf "$(cat "$dir/url")/overview" 2>/dev/null) in
		*'"slots-total":4'*) return ;;
		esac
		alive taskmanager && alive jobmanager || break
		sleep 0.25
	done
	fail "no slots: see $dir/log"
}

start() {
	version=$1 dir=$2
	shift 2
	[ ! -e "$dir/conf" ] || fail "$dir has been in use"
	mkdir -p "$dir/conf" "$dir/log" "$dir/tmp"
	dir=$(cd "$dir" && pwd)
	jars=$cache/flink-cluster-$version/lib
	[ -d "$jars" ] || fetch "$cache/flink-cluster-$version" "$version"
	echo "$jars" >"$dir/conf/jars"
	compile
	configure "$@" >"$dir/conf/settings"
	! grep -q '^high-availability.*zookeeper$' "$dir/conf/settings" || zookeeper
	jobmanager
	taskmanager
	ready
	cat "$dir/url"
}

cli() {
	FLINK_CONF_DIR=$dir/conf java @"$here/generator/jvm-options" -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
		-cp "$jars/*" org.apache.flink.client.cli.CliFrontend "$@"
}

# run submits the job. Options of Flink's command line go into CLUSTER_RUN, such as "-s PATH -restoreMode CLAIM".
run() {
	# shellcheck disable=SC2086
	cli run -d ${CLUSTER_RUN:-} -c CountJob "$dir/job.jar" "$@" >"$dir/log/run.log" 2>&1 || {
		cat "$dir/log/run.log" >&2
		fail "the job was not taken"
	}
	sed -n 's/.*JobID \([0-9a-f]\{32\}\).*/\1/p' "$dir/log/run.log"
}

# end stops one process with a signal and waits until it is gone.
end() {
	[ -f "$dir/$2.pid" ] || return 0
	pid=$(cat "$dir/$2.pid")
	kill "-$1" "$pid" 2>/dev/null || true
	for _ in $(seq 40); do
		alive "$2" || break
		sleep 0.25
	done
	! alive "$2" || kill -KILL "$pid"
	rm -f "$dir/$2.pid"
}

again() {
	case $1 in
	jobmanager)
		# What the last one had listened on was free only then.
		printf 'jobmanager.rpc.port: 0\nrest.port: 0\n' >>"$dir/conf/settings"
		jobmanager
		cat "$dir/url"
		;;
	taskmanager)
		taskmanager
		ready
		;;
	*) usage ;;
	esac
}

command=${1:-}
case $command in
start)
	[ $# -ge 3 ] || usage
	shift
	start "$@"
	exit
	;;
run | cli | kill | again | stop)
	[ $# -ge 2 ] || usage
	dir=$(cd "$2" && pwd)
	jars=$(cat "$dir/conf/jars")
	shift 2
	;;
*) usage ;;
esac
case $command in
run) run "$@" ;;
cli) cli "$@" ;;
kill) end KILL "$1" ;;
again) again "$@" ;;
stop) for each in taskmanager jobmanager zookeeper; do end TERM $each; done ;;
esac
