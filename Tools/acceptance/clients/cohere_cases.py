"""The cohere SDK, v1 and v2 clients. Runs with 5.21 and with 7.3."""

import asyncio
import time
from importlib.metadata import version

import cohere
from acceptance import (
    FIELDS, KEY, OBJECTS, QUERY, TEXTS, WRONG_KEY, case, overloaded, raises, same, same_ranking, says, until_refused)
from cohere.core.api_error import ApiError

CLIENT = f"cohere {version('cohere')}"
ONCE = {"max_retries": 0}


def v1(setup, key=KEY):
    return cohere.Client(api_key=key, base_url=setup.url)


def v2(setup, key=KEY):
    return cohere.ClientV2(api_key=key, base_url=setup.url)


def pairs(response):
    return [(result.index, result.relevance_score) for result in response.results]


@case("v2: all documents, best first, with resift rerank's scores")
def v2_all(setup):
    response = v2(setup).rerank(model=setup.model, query=QUERY, documents=TEXTS)
    same_ranking(pairs(response), setup.ranking("texts"))
    assert response.id and response.meta.api_version.version == "2", response
    assert response.meta.billed_units.search_units == 1, response.meta
    assert not any(getattr(result, "document", None) for result in response.results), "v2 returns no documents"


@case("v2: top_n; more than there are is all of them")
def v2_top(setup):
    response = v2(setup).rerank(model=setup.model, query=QUERY, documents=TEXTS, top_n=3)
    same_ranking(pairs(response), setup.ranking("texts", 3))
    response = v2(setup).rerank(model=setup.model, query=QUERY, documents=TEXTS, top_n=1_000)
    same_ranking(pairs(response), setup.ranking("texts"))


@case("v2: max_tokens_per_doc that cuts nothing changes nothing; one that cuts does")
def v2_tokens(setup):
    client = v2(setup)
    response = client.rerank(model=setup.model, query=QUERY, documents=TEXTS, max_tokens_per_doc=400)
    same_ranking(pairs(response), setup.ranking("texts"))
    response = client.rerank(model=setup.model, query=QUERY, documents=[TEXTS[1]], max_tokens_per_doc=3)
    assert pairs(response)[0][1] != dict(setup.ranking("texts"))[1]


@case("v2: nulls are as good as absent keys")
def v2_nulls(setup):
    response = v2(setup).rerank(
        model=setup.model, query=QUERY, documents=TEXTS, top_n=None, max_tokens_per_doc=None,
        request_options={"additional_body_parameters": {"priority": None, "unknown": {"key": [None]}}})
    same_ranking(pairs(response), setup.ranking("texts"))


@case("v2: the asynchronous client, eight requests at a time")
def v2_asynchronous(setup):
    async def ask():
        client = cohere.AsyncClientV2(api_key=KEY, base_url=setup.url)
        return await asyncio.gather(*(
            client.rerank(model=setup.model, query=QUERY, documents=TEXTS, top_n=count) for count in range(1, 9)))
    for count, response in enumerate(asyncio.run(ask()), 1):
        same_ranking(pairs(response), setup.ranking("texts", count))


@case("v2: the name of a hosted model is answered")
def v2_hosted_name(setup):
    response = v2(setup).rerank(model="rerank-v3.5", query=QUERY, documents=TEXTS)
    same_ranking(pairs(response), setup.ranking("texts"))


@case("v1: texts, no model, no documents in the answer")
def v1_texts(setup):
    response = v1(setup).rerank(query=QUERY, documents=TEXTS)
    same_ranking(pairs(response), setup.ranking("texts"))
    assert all(result.document is None for result in response.results), response.results
    assert response.meta.api_version.version == "1", response.meta


@case("v1: return_documents of texts is {text}")
def v1_return_texts(setup):
    response = v1(setup).rerank(model=setup.model, query=QUERY, documents=TEXTS, top_n=2, return_documents=True)
    same_ranking(pairs(response), setup.ranking("texts", 2))
    same([result.document.text for result in response.results], [TEXTS[i] for i, _ in setup.ranking("texts", 2)])


@case("v1: rank_fields of structured documents; the other fields come back")
def v1_fields(setup):
    response = v1(setup).rerank(
        model=setup.model, query=QUERY, documents=OBJECTS, rank_fields=FIELDS, return_documents=True,
        max_chunks_per_doc=1)
    same_ranking(pairs(response), setup.ranking("fields"))
    for result in response.results:
        same(result.document.text, OBJECTS[result.index]["text"])
        same(result.document.title, OBJECTS[result.index]["title"])
    best = response.results[0]
    same(best.document.views, OBJECTS[best.index]["views"])


@case("v1: structured documents without rank_fields")
def v1_objects(setup):
    response = v1(setup).rerank(model=setup.model, query=QUERY, documents=OBJECTS)
    same_ranking(pairs(response), setup.ranking("objects"))


@case("a wrong key is UnauthorizedError with a message")
def wrong_key(setup):
    for client in (v1(setup, WRONG_KEY), v2(setup, WRONG_KEY)):
        error = raises(
            cohere.UnauthorizedError, lambda: client.rerank(model=setup.model, query=QUERY, documents=TEXTS), 401)
        says(error.body["message"], "key", "token")


@case("no documents is BadRequestError with a message")
def no_documents(setup):
    for client in (v1(setup), v2(setup)):
        error = raises(
            (cohere.BadRequestError, cohere.UnprocessableEntityError),
            lambda: client.rerank(model=setup.model, query=QUERY, documents=[]))
        says(error.body["message"], "documents")


@case("where unknown models are refused, one is NotFoundError that names the models")
def unknown_model(setup):
    client = cohere.ClientV2(api_key=KEY, base_url=setup.limited_url)
    error = raises(
        cohere.NotFoundError, lambda: client.rerank(model="no-such-model", query=QUERY, documents=TEXTS), 404)
    says(error.body["message"], "no-such-model")
    says(error.body["message"], setup.model)


@case("too many documents is an error that names the limit")
def too_many(setup):
    client = cohere.ClientV2(api_key=KEY, base_url=setup.limited_url)
    error = raises(ApiError, lambda: client.rerank(
        model=setup.model, query=QUERY, documents=["a"] * (setup.document_limit + 1)))
    assert error.status_code in (400, 413, 422), error
    says(error.body["message"], str(setup.document_limit))


@case("overload is TooManyRequestsError with Retry-After")
def overload(setup):
    client = cohere.ClientV2(api_key=KEY, base_url=setup.limited_url)
    with overloaded(setup) as seconds:
        assert 1 <= seconds <= 60, f"Retry-After: {seconds}"
        error = until_refused(
            lambda: client.rerank(model=setup.model, query=QUERY, documents=TEXTS, request_options=ONCE),
            cohere.TooManyRequestsError)
        says(error.body["message"], "again", "retry", "later", "queue")
        assert error.headers.get("retry-after"), error.headers


@case("after an overload the SDK's own retry is answered")
def retry(setup):
    client = cohere.ClientV2(api_key=KEY, base_url=setup.limited_url)
    with overloaded(setup):
        until_refused(
            lambda: client.rerank(model=setup.model, query=QUERY, documents=TEXTS, request_options=ONCE),
            cohere.TooManyRequestsError)
    begin = time.monotonic()
    response = client.rerank(model=setup.model, query=QUERY, documents=TEXTS)
    same_ranking(pairs(response), setup.ranking("texts"))
    assert time.monotonic() - begin < 30
