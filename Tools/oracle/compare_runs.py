"""How alike two TREC runs are at the top.

    python3 Tools/oracle/compare_runs.py ONE.trec OTHER.trec [--cutoff 10] [--tolerance 1e-5] [--show 5]

Two numbers, over the queries that both runs have:
- equal_percent: of the positions 1 ... cutoff that either run fills, the share that has the same document in both;
- equal_with_ties_percent: also those where each run lists the other's document, too, in a stretch of ties that includes
  the position, so that another order of ties would have put it there. A stretch of ties is a run of documents whose
  scores are within the tolerance of their neighbours'; it may go on beyond the cutoff.
Runs are ordered by score, equal scores as they stand in the file. Queries that one run lacks are counted and left out.
"""

import argparse
import collections
import json


def read(path):
    """{query: [(document, score), ...]}, best first."""
    run = collections.defaultdict(list)
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            parts = line.split()
            if len(parts) != 6:
                raise SystemExit(f"{path}, line {number}: a run has six columns, not {len(parts)}")
            run[parts[0]].append((parts[2], float(parts[4])))
    # Stable: equal scores stay as they stand.
    return {query: sorted(documents, key=lambda item: -item[1]) for query, documents in run.items()}


def tie_groups(ranking, tolerance):
    """{document: (first position, last position)} of the stretch of ties that each is in."""
    groups, start = {}, 0
    for position in range(len(ranking)):
        if position + 1 == len(ranking) or ranking[position][1] - ranking[position + 1][1] > tolerance:
            for document, _ in ranking[start:position + 1]:
                groups[document] = (start, position)
            start = position + 1
    return groups


def compare(one, other, cutoff, tolerance):
    """(positions, equal ones, equal ones with ties, positions that differ whatever the ties)."""
    groups, other_groups = tie_groups(one, tolerance), tie_groups(other, tolerance)
    positions = max(min(cutoff, len(one)), min(cutoff, len(other)))
    equal, tied, different = 0, 0, []
    for position in range(positions):
        left = one[position][0] if position < len(one) else None
        right = other[position][0] if position < len(other) else None
        if left == right:
            equal += 1
            tied += 1
            continue
        # Each run could have put the other's document here, had it broken its ties differently.
        if left and right and all(
            document in table and table[document][0] <= position <= table[document][1]
            for table in (groups, other_groups) for document in (left, right)
        ):
            tied += 1
        else:
            different.append(position)
    return positions, equal, tied, different


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("one")
    parser.add_argument("other")
    parser.add_argument("--cutoff", type=int, default=10)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--show", type=int, default=5, help="Queries with differences to print.")
    arguments = parser.parse_args()
    one, other = read(arguments.one), read(arguments.other)
    total = equal = tied = 0
    differing, largest = [], 0.0
    for query in sorted(one.keys() & other.keys()):
        positions, same, same_with_ties, different = compare(
            one[query], other[query], arguments.cutoff, arguments.tolerance)
        total, equal, tied = total + positions, equal + same, tied + same_with_ties
        scores = dict(other[query])
        for document, score in one[query][:arguments.cutoff]:
            if document in scores:
                largest = max(largest, abs(score - scores[document]))
        if different:
            differing.append((query, different))
    if total == 0:
        raise SystemExit("The runs have no query in common.")
    print(json.dumps({
        "queries": len(one.keys() & other.keys()), "only_in_one": len(one.keys() - other.keys()),
        "only_in_other": len(other.keys() - one.keys()), "cutoff": arguments.cutoff, "positions": total,
        "equal_percent": round(100 * equal / total, 3), "equal_with_ties_percent": round(100 * tied / total, 3),
        "queries_that_differ": len(differing), "largest_score_difference": largest}, indent=2))
    for query, different in differing[:arguments.show]:
        position = different[0]
        for name, run in (("one", one), ("other", other)):
            listed = ", ".join(f"{document} {score:.6f}" for document, score in
                               run[query][max(0, position - 1):position + 3])
            print(f"query {query}, from position {max(0, position - 1) + 1}, {name}: {listed}")


main()
