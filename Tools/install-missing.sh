#!/bin/sh
# install-missing.sh COMMAND PACKAGE...: makes sure that a command exists.
# install-missing.sh --library NAME PACKAGE...: makes sure that pkg-config knows a library.
# install-missing.sh --python NAME PACKAGE...: makes sure that python3 can import a module.
# As root on Debian or Ubuntu it installs the packages; elsewhere it prints the one command to type.
set -eu
if [ "$1" = --library ]; then
    shift
    kind=library
    name=$1
    exists() { pkg-config --exists "$name"; }
elif [ "$1" = --python ]; then
    shift
    kind="Python module"
    name=$1
    exists() { python3 -c "import $name" 2>/dev/null; }
else
    kind=command
    name=$1
    exists() { command -v "$name" >/dev/null; }
fi
shift
exists && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" >/dev/null
    exists && exit 0
fi
echo "The $kind \"$name\" is missing. Install it with: sudo apt-get install -y $*" >&2
exit 1
