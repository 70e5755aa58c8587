"""Compares `resift evaluate` with pytrec_eval and ir_measures on random runs and judgements.

    python3 -m venv .venv-oracle && .venv-oracle/bin/pip install -r Tools/oracle/requirements-measures.txt
    swift build -c release --product resift
    .venv-oracle/bin/python Tools/oracle/compare.py .build/release/resift [--cases 10000]

A case is one query: up to 60 retrieved documents with many equal scores, negative grades, judged documents that were
not retrieved, no relevant documents, or no ranking at all. Every measure of every case has to agree within 1e-6.
pytrec_eval keeps scores in single precision, so scores here are such that single precision tells them apart. The
t-test is compared with scipy within 1e-3. Ends with status 1 where something differs.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

try:
    import ir_measures
    import pytrec_eval
    from scipy import stats
except ImportError as error:
    sys.exit(f"skipped: {error}. Install Tools/oracle/requirements-measures.txt.")

# Ours, and the name in pytrec_eval's results.
TREC = {
    "nDCG": "ndcg", "nDCG@5": "ndcg_cut_5", "nDCG@10": "ndcg_cut_10", "RR": "recip_rank", "AP": "map",
    "AP@10": "map_cut_10", "P@5": "P_5", "P@100": "P_100", "R@10": "recall_10", "R@100": "recall_100",
    "Success@1": "success_1", "Success@10": "success_10", "Rprec": "Rprec", "Bpref": "bpref",
}
TREC_LEVEL_2 = {"P(rel=2)@5": "P_5", "AP(rel=2)": "map", "RR(rel=2)": "recip_rank", "R(rel=2)@10": "recall_10"}
# What pytrec_eval is asked for.
TREC_NAMES = {
    "ndcg", "ndcg_cut.5,10", "recip_rank", "map", "map_cut.10", "P.5,100", "recall.10,100", "success.1,10", "Rprec",
    "bpref",
}
# Ours, and the measure of ir_measures. Their providers order equal scores each in their own way, so these are compared
# on scores without ties.
UNTIED = {
    "RR@10": "RR@10", "Judged@10": "Judged@10", "RBP": "RBP(p=0.8,rel=1)", "RBP(p=0.5)": "RBP(p=0.5,rel=1)",
    "nDCG(gain=exponential)@10": "nDCG(dcg='exp-log2')@10", "ERR@20": "ERR@20",
}


def generate(random_state, count, ties):
    run, qrels = {}, {}
    for number in range(count):
        query = str(number + 1)
        pool = [f"d{i}" for i in random_state.sample(range(200), random_state.randint(1, 80))]
        grades = [-2, -1, 0, 0, 0, 1, 1, 2, 3] if ties else [0, 0, 0, 1, 1, 2, 3, 4]
        qrels[query] = {d: random_state.choice(grades) for d in pool[: random_state.randint(1, len(pool))]}
        if max(qrels[query].values()) < 0:
            qrels[query][pool[0]] = 0  # pytrec_eval crashes where all grades are negative
        if random_state.random() < 0.03:
            continue
        retrieved = random_state.sample(pool, random_state.randint(1, min(60, len(pool))))
        scores = [random_state.randint(-5, 5) / 4 for _ in retrieved] if ties else random_state.sample(range(10_000), len(retrieved))
        run[query] = {d: float(s) for d, s in zip(retrieved, scores)}
    run.setdefault("1", {"d0": 1.0})
    return run, qrels


def write(folder, name, run):
    path = folder / name
    path.write_text("".join(f"{q} Q0 {d} 0 {s} x\n" for q, own in run.items() for d, s in own.items()))
    return path


def ours(program, runs, qrels_path, measures, *options):
    command = [program, "evaluate", *map(str, runs), "--qrels", str(qrels_path), *options]
    for measure in measures:
        command += ["--measure", measure]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Comparison:
    def __init__(self):
        self.values, self.worst, self.failures = 0, 0.0, []

    def check(self, where, own, theirs, tolerance=1e-6):
        self.values += 1
        if tolerance == 1e-6:
            self.worst = max(self.worst, abs(own - theirs))
        # Ours are printed with 6 decimals.
        if abs(own - theirs) > tolerance + 5e-7:
            self.failures.append(f"{where}: {own}, theirs {theirs}")


def compare_batch(program, folder, seed, count, comparison):
    for ties in (True, False):
        run, qrels = generate(random.Random(f"{seed} {ties}"), count, ties)
        run_path = write(folder, "a.trec", run)
        qrels_path = folder / "qrels.txt"
        qrels_path.write_text("".join(f"{q} 0 {d} {g}\n" for q, own in qrels.items() for d, g in own.items()))
        measures = [*TREC, *TREC_LEVEL_2] + ([] if ties else list(UNTIED))
        values = json.loads(ours(program, [run_path], qrels_path, measures, "-q", "--format", "json"))[str(run_path)]
        for level, names in ((1, TREC), (2, TREC_LEVEL_2)):
            evaluator = pytrec_eval.RelevanceEvaluator(
                qrels, TREC_NAMES,
                relevance_level=level)
            theirs = evaluator.evaluate(run)
            for query in qrels:
                for own_name, name in names.items():
                    expected = theirs.get(query, {}).get(name, 0.0)
                    comparison.check(f"seed {seed} {query} {own_name}", values["queries"][query][own_name], expected)
        if not ties:
            parsed = {ir_measures.parse_measure(name): own for own, name in UNTIED.items()}
            for metric in ir_measures.iter_calc(list(parsed), qrels, run):
                if metric.query_id in values["queries"]:
                    own = parsed[metric.measure]
                    # ir_measures takes these two from gdeval, which prints 5 decimals.
                    tolerance = 5e-6 if own.startswith(("ERR", "nDCG(gain")) else 1e-6
                    comparison.check(
                        f"seed {seed} {metric.query_id} {own}", values["queries"][metric.query_id][own], metric.value,
                        tolerance)


def compare_significance(program, folder, seed, queries, comparison):
    state = random.Random(f"t {seed}")
    qrels = {f"q{i}": {"d1": 1} for i in range(queries)}
    runs = [{q: {f"d{j}": float(state.random()) for j in range(8)} for q in qrels} for _ in range(2)]
    paths = [write(folder, f"{i}.trec", run) for i, run in enumerate(runs)]
    qrels_path = folder / "qrels.txt"
    qrels_path.write_text("".join(f"{q} 0 d1 1\n" for q in qrels))
    # Exact reciprocal ranks: values printed with 6 decimals would break ties between permutations.
    first, second = ([1 / (1 + sum(s > run[q]["d1"] for s in run[q].values())) for q in qrels] for run in runs)
    row = ours(program, paths, qrels_path, ["RR"], "--format", "tsv").splitlines()[2].split("\t")
    comparison.check(f"t-test {seed}", float(row[5]), stats.ttest_rel(first, second).pvalue, tolerance=1e-3)
    # All 2^n ways to change places where that many are asked for, else so many drawn at random.
    theirs = stats.permutation_test(
        (first, second), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=2**20,
        batch=10_000, vectorized=True, rng=1)
    # Two samples of 2^20: at p 0.5 their difference has a standard deviation of 0.0007.
    exact = queries <= 20
    comparison.check(f"randomization {seed}", float(row[6]), theirs.pvalue, tolerance=1e-3 if exact else 3e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=10_000)
    arguments = parser.parse_args()
    comparison, batch = Comparison(), 1_000
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for seed in range(-(-arguments.cases // (2 * batch))):
            compare_batch(arguments.program, folder, seed, batch, comparison)
        measures = comparison.worst
        for seed, queries in enumerate([2, 5, 9, 12, 15, 18, 20, 20, 40, 80]):
            compare_significance(arguments.program, folder, seed, queries, comparison)
    print(f"{comparison.values} values, {len(comparison.failures)} differ; largest difference of a measure {measures:.1e}")
    print("\n".join(comparison.failures[:20]))
    sys.exit(1 if comparison.failures else 0)


if __name__ == "__main__":
    main()
