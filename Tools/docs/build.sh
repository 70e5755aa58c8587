#!/bin/sh
# Builds the reference of the public API into docs-output/, with warnings as errors. Needs the toolchain's own docc.
set -eu
cd "$(dirname "$0")/../.."
graphs=.build/symbol-graphs
rm -rf "$graphs" docs-output
mkdir -p "$graphs" docs-output
swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members >/dev/null
for module in OrderedJSON Ranking TextFiles Tokenizers Inference Reranking Resift Evaluation; do
    mkdir -p "$graphs/$module"
    find .build -path "*/symbolgraph/$module*.symbols.json" -exec cp {} "$graphs/$module/" \;
    docc convert --fallback-display-name "$module" --fallback-bundle-identifier "resift.$module" \
        --additional-symbol-graph-dir "$graphs/$module" --output-path "docs-output/$module.doccarchive" \
        --warnings-as-errors
done
echo "docs-output/"
