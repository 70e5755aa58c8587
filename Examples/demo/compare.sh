#!/bin/sh
# Shows BM25's order beside the reranked order, and measures both: compare.sh PATH_TO_RESIFT
set -eu
# Absolute, since the measures are taken in another folder.
resift=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)/help-centre
qrels=$here/qrels/test.tsv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# rank and id of the first four, from the command's tab-separated output
top() { "$resift" search "$1" --index "$folder/help.resift" --stages bm25 "$2" --limit 4 --format tsv; }

ask() {
    printf '\n%s\n' "$1"
    top "$1" --no-rerank | cut -f 2 > "$folder/bm25"
    top "$1" --rerank | cut -f 2 > "$folder/reranked"
    printf '  %-3s %-26s %s\n' '' 'BM25' 'reranked'
    paste "$folder/bm25" "$folder/reranked" | awk -F '\t' '{ printf "  %-3d %-26s %s\n", NR, $1, $2 }'
}

"$resift" index build "$here" --output "$folder/help.resift"
ask "Can I get my money back if I cancel a yearly subscription in Germany?"
ask "Can someone without an account look at a board?"
ask "Can I sign in without a password?"
ask "How do I stop paying for a person who left the team?"

printf '\nAll %s questions. They and the passages were written to show the difference: no benchmark.\n' \
    "$(wc -l < "$here/queries.jsonl" | tr -d ' ')"
measure() {
    "$resift" search --queries "$here/queries.jsonl" --index "$folder/help.resift" --stages bm25 "$2" --limit 50 \
        --format trec > "$folder/$1"
    (cd "$folder" && "$resift" evaluate "$1" --qrels "$qrels" --measure nDCG@10 --measure P@1)
}
measure bm25.trec --no-rerank
measure reranked.trec --rerank
