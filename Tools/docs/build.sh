#!/bin/sh
# Builds the reference of the public API into docs-output/, with warnings as errors. Needs the toolchain's own docc.
set -eu
cd "$(dirname "$0")/../.."
graphs=$PWD/.build-docs/symbol-graphs
rm -rf "$graphs" docs-output
mkdir -p "$graphs" docs-output
swift build --scratch-path .build-docs --product resift -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir \
    -Xswiftc "$graphs" -Xswiftc -symbol-graph-minimum-access-level -Xswiftc public \
    -Xswiftc -symbol-graph-skip-synthesized-members
for module in OrderedJSON Ranking TextFiles Tokenizers Inference Reranking Evaluation Resift; do
    mkdir "$graphs/$module"
    cp "$graphs/$module.symbols.json" "$graphs/$module/"
    docc convert --fallback-display-name "$module" --fallback-bundle-identifier "resift.$module" \
        --additional-symbol-graph-dir "$graphs/$module" --output-path "docs-output/$module.doccarchive" \
        --warnings-as-errors
done
echo "docs-output/"
