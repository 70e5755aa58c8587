#!/bin/sh
# Shows a cross-encoder put the right passages on top: run.sh PATH_TO_RESIFT
set -eu
resift=$1
here=$(dirname "$0")

ask() {
    printf '\n$ resift rerank "%s" --documents Examples/demo/help.jsonl --limit 3\n' "$1"
    "$resift" rerank "$1" --documents "$here/help.jsonl" --limit 3 --format table
}

printf 'A help centre of %s passages; the reranker reads each with the question.\n' "$(wc -l < "$here/help.jsonl" | tr -d ' ')"
ask "I forgot my password and cannot sign in"
ask "how long until my account is gone?"
ask "does the sensor lose my data when I reset it?"
printf '\n$ resift models selftest\n'
"$resift" models selftest
