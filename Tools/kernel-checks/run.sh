#!/bin/sh
# Checks and measures the C kernels outside SwiftPM.
#
#   run.sh sanitize   all checks of all variants, under the address and undefined-behaviour sanitizers
#   run.sh neon       all checks of the ARM variants, cross-compiled and run by qemu
#   run.sh bench      speed of every variant, and its part of the measured peak
#
# CC names the compiler (clang unless set).
set -eu
cd "$(dirname "$0")/../.."

cc=${CC:-clang}
flags="-std=c17 -O2 -g -Wall -Wextra -Werror -ISources/CKernels/include -ITests/CKernelsChecks/include"
sources="Sources/CKernels/*.c Tests/CKernelsChecks/*.c Tools/kernel-checks/*.c"

missing() {
    echo "$1 is missing. Install it with: $2" >&2
    exit 1
}

case ${1:-} in
sanitize | neon | bench) ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

command -v "$cc" >/dev/null 2>&1 || missing "The compiler '$cc'" "apt-get install -y clang (or set CC)"
# lld links for both processors; gold, which some toolchains prefer, floods the sanitizers with warnings.
linker=
if [ -x "$("$cc" -print-prog-name=ld.lld)" ]; then linker=-fuse-ld=lld; fi
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

# The lists of flags and sources are meant to be split at their spaces.
# shellcheck disable=SC2086
case $1 in
sanitize)
    "$cc" $flags $linker -fsanitize=address,undefined -fno-sanitize-recover=all $sources -lm -o "$build/checks"
    "$build/checks"
    ;;
neon)
    qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) ||
        missing "The ARM emulator qemu-aarch64" "apt-get install -y qemu-user"
    [ -e /usr/aarch64-linux-gnu/include/stdio.h ] && command -v aarch64-linux-gnu-gcc >/dev/null 2>&1 ||
        missing "The C library for ARM" "apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    "$cc" --target=aarch64-linux-gnu -static $linker $flags $sources -lm -o "$build/checks"
    "$qemu" "$build/checks"
    echo "The same on a CPU without the dot product instructions:"
    "$qemu" -cpu cortex-a53 "$build/checks"
    ;;
bench)
    "$cc" $flags $sources -lm -o "$build/checks"
    "$build/checks" bench
    ;;
esac
