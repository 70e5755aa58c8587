#!/bin/sh
# Builds a small index and shows BM25's order beside the reranked order: run.sh PATH_TO_RESIFT
set -eu
# Absolute, since the measures are taken in another folder.
resift=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
corpus=Examples/demo/help-centre
here=$(cd "$(dirname "$0")" && pwd)/help-centre
qrels=$here/qrels/test.tsv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The ids of the first four.
top() { "$resift" search "$1" --index "$folder/help.resift" "$2" --limit 4 --format tsv | cut -f 2; }

ask() {
    printf '\n%s\n' "$1"
    top "$1" --no-rerank > "$folder/bm25"
    top "$1" --rerank > "$folder/reranked"
    printf '  %-3s %-28s %s\n' '' 'BM25 (--no-rerank)' 'reranked (--rerank)'
    paste "$folder/bm25" "$folder/reranked" | awk -F '\t' '{ printf "  %-3d %-28s %s\n", NR, $1, $2 }'
}

printf '$ resift index build %s --output help.resift\n' "$corpus"
"$resift" index build "$here" --output "$folder/help.resift"
printf '\n$ resift search QUESTION --index help.resift\n'
ask "Can I get my money back if I cancel a yearly subscription in Germany?"
ask "Can someone without an account look at a board?"
ask "How do I stop paying for a person who left the team?"

printf '\nAll %s questions. They and the passages were written to show the difference: no benchmark.\n' \
    "$(wc -l < "$here/queries.jsonl" | tr -d ' ')"
for order in no-rerank rerank; do
    "$resift" search --queries "$here/queries.jsonl" --index "$folder/help.resift" "--$order" --limit 50 \
        --format trec > "$folder/$order.trec"
    printf '$ resift evaluate %s.trec --qrels %s/qrels/test.tsv\n' "$order" "$corpus"
    (cd "$folder" && "$resift" evaluate "$order.trec" --qrels "$qrels" --measure nDCG@10 --measure P@1)
done
