"""The shapes that clients without a Python package need, sent as any HTTP client would: TEI, vLLM, Infinity, llama.cpp,
Open WebUI, haiku.rag."""

import threading
import time

from acceptance import (
    FIELDS, KEY, OBJECTS, QUERY, TEXTS, WRONG_KEY, case, get, overloaded, post, same, same_ranking, says)

CLIENT = "plain HTTP"

ERROR_PATHS = ["/rerank", "/v1/rerank", "/v2/rerank", "/reranking", "/v1/reranking", "/v1/score", "/score", "/v1/search"]


def ask(setup, path, body, **arguments):
    status, headers, answer = post(setup.url, path, body, **arguments)
    assert status == 200, f"{path} answered {status}: {answer}"
    assert headers["X-Request-Id"], headers
    return answer


def pairs(rows):
    return [(row["index"], row["relevance_score"]) for row in rows]


def scores(rows):
    return [(row["index"], row["score"]) for row in rows]


@case("TEI: a list, all documents, without texts")
def tei(setup):
    answer = ask(setup, "/rerank", {"query": QUERY, "texts": TEXTS})
    same_ranking(scores(answer), setup.ranking("texts"))
    assert all(set(row) == {"index", "score"} for row in answer), answer


@case("TEI: return_text, raw_scores, truncate and both directions, in both spellings")
def tei_options(setup):
    answer = ask(setup, "/rerank", {"query": QUERY, "texts": TEXTS, "return_text": True, "raw_scores": True})
    same_ranking(scores(answer), setup.ranking("texts", raw=True))
    same([row["text"] for row in answer], [TEXTS[row["index"]] for row in answer])
    for direction in ("right", "Right", "left", "Left", None):
        answer = ask(setup, "/rerank", {
            "query": QUERY, "texts": TEXTS, "truncate": True, "truncation_direction": direction})
        same_ranking(scores(answer), setup.ranking("texts"))


@case("TEI: truncate false refuses what does not fit, and says how long it is")
def tei_too_long(setup):
    status, _, answer = post(setup.url, "/rerank", {"query": QUERY, "texts": ["word " * 5_000], "truncate": False})
    assert status in (413, 422), status
    says(answer["error"], "token")
    same(answer["error_type"], "Validation")


@case("llama.cpp and vLLM: texts with top_n; the same answer under every path's name")
def paths(setup):
    for path in ("/rerank", "/v1/rerank", "/v2/rerank", "/reranking", "/v1/reranking"):
        answer = ask(setup, path, {"model": setup.model, "query": QUERY, "documents": TEXTS, "top_n": 4})
        same_ranking(pairs(answer["results"]), setup.ranking("texts", 4))
        assert answer["usage"]["prompt_tokens"] > 0 and answer["usage"]["total_tokens"] > 0, answer["usage"]


@case("Open WebUI and haiku.rag: all results, with and without top_n")
def open_webui(setup):
    body = {"model": setup.model, "query": QUERY, "documents": TEXTS}
    for extra in ({"top_n": len(TEXTS)}, {}):
        same_ranking(pairs(ask(setup, "/v1/rerank", body | extra)["results"]), setup.ranking("texts"))


@case("Jina: documents as {text}, return_documents, usage")
def jina(setup):
    answer = ask(setup, "/v1/rerank", {
        "model": setup.model, "query": QUERY, "documents": [{"text": text} for text in TEXTS], "top_n": 2,
        "return_documents": True})
    same_ranking(pairs(answer["results"]), setup.ranking("texts", 2))
    same([row["document"]["text"] for row in answer["results"]], [TEXTS[i] for i, _ in setup.ranking("texts", 2)])


@case("vLLM: /score and /v1/score keep the order of the input, 1 to n and n to n")
def score(setup):
    by_index = dict(setup.ranking("texts"))
    in_order = [(i, by_index[i]) for i in range(len(TEXTS))]
    for path in ("/score", "/v1/score"):
        for body in (
            {"text_1": QUERY, "text_2": TEXTS},
            {"queries": QUERY, "documents": TEXTS},
            {"queries": [QUERY] * len(TEXTS), "documents": TEXTS},
        ):
            answer = ask(setup, path, {"model": setup.model} | body)
            same(answer["object"], "list")
            same_ranking(scores(answer["data"]), in_order)
        status, _, answer = post(setup.url, path, {"queries": [QUERY] * 2, "documents": TEXTS})
        assert 400 <= status < 500, answer


@case("every optional key may be null, and unknown keys are ignored")
def nulls(setup):
    optional = [
        "model", "top_n", "top_k", "return_documents", "rank_fields", "max_chunks_per_doc", "max_tokens_per_doc",
        "priority", "relevant_spans", "truncation", "raw_scores", "resift", "user", "something_new"]
    body = {"query": QUERY, "documents": TEXTS} | dict.fromkeys(optional)
    for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
        answer = ask(setup, path, body)
        same_ranking(pairs(answer.get("results") or answer["data"]), setup.ranking("texts"))
    answer = ask(setup, "/rerank", {"query": QUERY, "texts": TEXTS} | dict.fromkeys(
        ["truncate", "truncation_direction", "raw_scores", "return_text", "model", "top_n"]))
    same_ranking(scores(answer), setup.ranking("texts"))


@case("relevant_spans are slices of the returned documents, in code points")
def spans(setup):
    text = "🔑 is a key. " + TEXTS[1]
    answer = ask(setup, "/v2/rerank", {
        "model": setup.model, "query": QUERY, "documents": [text],
        "relevant_spans": {"mode": "enabled", "max_spans": 1}})
    (span,) = answer["results"][0]["relevant_spans"]
    assert "Reset password" in text[span["start"]:span["end"]], (span, text[span["start"]:span["end"]])
    assert 0 <= span["score"] <= 1, span


@case("the report: logits, tokens, stage times, cache hits, completeness")
def report(setup):
    body = {"model": setup.model, "query": QUERY + " (report)", "documents": OBJECTS, "rank_fields": FIELDS, "resift": {}}
    first = ask(setup, "/v1/rerank", body)
    stages = first["resift"]["milliseconds"]
    assert set(stages) >= {"queue", "tokenize", "inference", "rank", "total"} and stages["total"] > 0, stages
    same((first["resift"]["documents"], first["resift"]["complete"]), (len(OBJECTS), True))
    again = ask(setup, "/v1/rerank", body)
    same(again["resift"]["cache_hits"], len(OBJECTS))
    same([row["resift"]["logit"] for row in again["results"]], [row["resift"]["logit"] for row in first["results"]])
    same(pairs(again["results"]), pairs(first["results"]))


@case("a deadline: all documents come back, those that were not scored last, and the answer says that it is not complete")
def deadline(setup):
    documents = [f"{i} " + "word " * 300 for i in range(1_000)]
    body = {"model": setup.model, "query": QUERY, "documents": documents, "resift": {}}
    answer = ask(setup, "/v1/rerank", body, headers={"X-Resift-Deadline-Ms": "100"})
    same(sorted(row["index"] for row in answer["results"]), list(range(len(documents))))
    kinds = [row["resift"]["score_kind"] for row in answer["results"]]
    unscored = answer["resift"]["unscored_documents"]
    assert unscored > 0 and answer["resift"]["complete"] is False, answer["resift"]
    same(kinds, ["normalized_relevance"] * (len(documents) - unscored) + ["unscored"] * unscored)
    rest = [row["index"] for row in answer["results"][len(documents) - unscored:]]
    same(rest, sorted(rest))


@case("small requests do not wait for a large one that came before them")
def fairness(setup):
    finished = []
    large = {"query": QUERY + " (large)", "documents": [f"{i} " + "word " * 300 for i in range(400)]}

    def run(name, body):
        ask(setup, "/v2/rerank", body)
        finished.append(name)
    thread = threading.Thread(target=run, args=("large", large))
    thread.start()
    for _ in range(500):
        if "resift_queue_requests 1" in get(setup.url, "/metrics", key=None)[2]:
            break
        time.sleep(0.01)
    for number in range(5):
        run("small", {"query": f"{QUERY} ({number})", "documents": TEXTS})
    thread.join()
    same(finished, ["small"] * 5 + ["large"])


@case("every error is flat text that every client reads, with the request's id")
def errors(setup):
    bodies = [
        (b"{", 400), (b"[]", 400), (b"\xff\xfe", 400), (b"", 400), (b"null", 400), (b"[" * 100_000, 400),
        (b'{"query": 1, "documents": ["a"]}', 422), (b"{}", 422), (b'{"query": "a"}', 422),
        (b'{"query": "a", "documents": "b"}', 422), (b'{"query": "a", "documents": [[]]}', 422),
        (b'{"query": "a", "documents": ["a"], "top_n": -1}', 422),
        (b'{"query": "a", "documents": ["a"], "top_n": "x"}', 422)]
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        for body, expected in bodies:
            status, headers, answer = post(setup.url, path, body, headers={"X-Request-Id": "mine-1"})
            assert status in ({400, 422} if expected == 422 else {expected}), f"{path} {body[:40]} answered {status}: {answer}"
            flat(path, status, answer)
            same((headers["X-Request-Id"], answer["request_id"]), ("mine-1", "mine-1"))


def flat(path, status, answer):
    assert isinstance(answer, dict), f"{path} {status}: not an object: {answer!r}"
    texts = ["message", "error", "error_type"] + ([] if path == "/rerank" and status == 422 else ["detail"])
    for name in texts:
        assert isinstance(answer.get(name), str) and answer[name], f"{path} {status}: {name} is {answer.get(name)!r}"
    if path == "/rerank" and status == 422:
        assert all({"loc", "msg", "type"} <= set(item) for item in answer["detail"]), answer["detail"]


@case("keys: three headers, none, a wrong one, on every path with work")
def keys(setup):
    body = {"query": QUERY, "documents": TEXTS}
    for header in ({"Api-Key": KEY}, {"X-Api-Key": KEY}, {"authorization": f"bearer {KEY}"}):
        same(post(setup.url, "/v1/rerank", body, headers=header, key=None)[0], 200)
    for path in ERROR_PATHS:
        for key in (None, WRONG_KEY, "", KEY + "x", KEY[:-1]):
            status, headers, answer = post(setup.url, path, body, key=key)
            same(status, 401)
            assert headers["WWW-Authenticate"], headers
            flat(path, status, answer)


@case("paths and methods that are not there: 404 and 405, as flat JSON")
def not_there(setup):
    status, _, answer = post(setup.url, "/v9/rerank", {})
    same(status, 404)
    flat("/v9/rerank", status, answer)
    status, headers, answer = get(setup.url, "/v1/rerank")
    same(status, 405)
    assert "POST" in headers["Allow"], headers
    flat("/v1/rerank", status, answer)
    status, _, answer = post(setup.url, "/v1/rerank", b"query=a", headers={"Content-Type": "text/plain"})
    same(status, 415)
    flat("/v1/rerank", status, answer)


@case("TEI's /info and OpenAI's /v1/models say what is served")
def information(setup):
    status, _, info = get(setup.url, "/info")
    same(status, 200)
    for name in ("model_id", "model_dtype", "max_input_length", "max_client_batch_size", "version"):
        assert name in info, f"/info has no {name}"
    assert "reranker" in info["model_type"], info["model_type"]
    status, _, models = get(setup.url, "/v1/models")
    same(status, 200)
    assert setup.model in [row["id"] for row in models["data"]], models


@case("probes and metrics need no key; the metrics count what was asked and hold no text")
def probes(setup):
    for path in ("/health", "/ping", "/ready", "/", "/docs", "/openapi.json"):
        same(get(setup.url, path, key=None)[0], 200)
    ask(setup, "/v1/rerank", {"query": "secretword", "documents": ["hiddenword"]})
    status, headers, text = get(setup.url, "/metrics", key=None)
    same(status, 200)
    assert headers["Content-Type"].startswith("text/plain"), headers
    assert "secretword" not in text and "hiddenword" not in text
    assert "_bucket{" in text and 'le="+Inf"' in text, "no histogram"


@case("overload: 429 with Retry-After on every path, at once")
def overload(setup):
    with overloaded(setup):
        refused = set()
        for _ in range(20):
            for path in ("/rerank", "/v1/rerank", "/v2/rerank", "/v1/reranking", "/v1/score"):
                body = {"query": QUERY, "documents": TEXTS, "queries": QUERY}
                status, headers, answer = post(setup.limited_url, path, body)
                if status == 429:
                    assert int(headers["Retry-After"]) >= 1, headers
                    same(answer["error_type"], "Overloaded")
                    flat(path, status, answer)
                    refused.add(path)
        same(len(refused), 5)
