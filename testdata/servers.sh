#!/bin/sh
# Installs a storage server that live tests talk to, unless it is there, and prints the path of its program:
#
#     servers.sh azurite|versitygw
#
# They lie in CKPT_CACHE, or else in the user's cache directory. azurite needs npm, versitygw Go.
set -eu

AZURITE=3.35.0
VERSITYGW=1.8.0
cache=${CKPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ckpt-ci}

# install NAME-VERSION PROGRAM COMMAND...: the command fills the directory $dir. It has its name only once it is whole.
install() {
	final=$cache/$1 program=$2
	shift 2
	if [ ! -e "$final/$program" ]; then
		mkdir -p "$cache"
		dir=$(mktemp -d "$cache/new.XXXXXX")
		trap 'rm -rf "$dir"' EXIT
		"$@" >&2
		mv -T "$dir" "$final" 2>/dev/null || [ -e "$final/$program" ]
	fi
	echo "$final/$program"
}

npm_install() { npm install --prefix "$dir" --no-audit --no-fund --no-save --loglevel=error "$1"; }
go_install() { GOBIN=$dir GOFLAGS= go install "$1"; }

case ${1:-} in
azurite) install "azurite-$AZURITE" node_modules/.bin/azurite-blob npm_install "azurite@$AZURITE" ;;
versitygw) install "versitygw-$VERSITYGW" versitygw go_install "github.com/versity/versitygw/cmd/versitygw@v$VERSITYGW" ;;
*)
	echo "usage: servers.sh azurite|versitygw" >&2
	exit 64
	;;
esac
