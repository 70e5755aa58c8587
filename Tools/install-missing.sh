#!/bin/sh
# install-missing.sh COMMAND PACKAGE...: makes sure that a command exists. As root on Debian or Ubuntu it installs the
# packages; elsewhere it prints the one command to type.
set -eu
command=$1
shift
command -v "$command" >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null
    command -v "$command" >/dev/null && exit 0
fi
echo "The command \"$command\" is missing. Install it with: sudo apt-get install -y $*" >&2
exit 1
