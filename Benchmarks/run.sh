#!/bin/sh
# make bench: the three workloads with one thread and with all, and the cold start of the command.
set -eu
cd "$(dirname "$0")/.."
bench=$(swift build -c release --package-path Benchmarks --show-bin-path)/ResiftBench
resift=$(swift build -c release --show-bin-path)/resift
for workload in 30 100 512; do
    # A process each, so that the peak memory is the workload's own.
    "$bench" summary --threads 1 "Benchmarks/workloads/workload_$workload.json"
    "$bench" summary "Benchmarks/workloads/workload_$workload.json"
done
"$bench" cold-start "$resift"
