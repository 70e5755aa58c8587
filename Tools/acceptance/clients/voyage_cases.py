"""The voyageai SDK. Runs with 0.3 and with 0.5."""

import asyncio
from importlib.metadata import version

import voyageai
from acceptance import (
    KEY, QUERY, TEXTS, WRONG_KEY, case, overloaded, post, raises, same, same_ranking, says, until_refused)

CLIENT = f"voyageai {version('voyageai')}"


def client(setup, key=KEY, url=None):
    created = voyageai.Client(api_key=key)
    # 0.3 has no argument for the address.
    created._params["base_url"] = (url or setup.url) + "/v1"
    return created


def pairs(response):
    return [(result.index, result.relevance_score) for result in response.results]


@case("all documents, with top_k null, and the tokens used")
def everything(setup):
    response = client(setup).rerank(QUERY, TEXTS, model=setup.model)
    same_ranking(pairs(response), setup.ranking("texts"))
    same([result.document for result in response.results], [TEXTS[i] for i, _ in setup.ranking("texts")])
    assert response.total_tokens > len(TEXTS), response.total_tokens


@case("top_k")
def top(setup):
    same_ranking(
        pairs(client(setup).rerank(QUERY, TEXTS, model=setup.model, top_k=3)), setup.ranking("texts", 3))


@case("return_documents on the wire is a plain string")
def return_documents(setup):
    _, _, answer = post(setup.url, "/v1/rerank", {
        "query": QUERY, "documents": TEXTS, "model": setup.model, "top_k": 2, "truncation": True,
        "return_documents": True})
    same([row["document"] for row in answer["data"]], [TEXTS[i] for i, _ in setup.ranking("texts", 2)])
    same(answer["object"], "list")


@case("truncation=False: short documents are scored, one that does not fit is InvalidRequestError")
def refuse_long(setup):
    response = client(setup).rerank(QUERY, TEXTS, model=setup.model, truncation=False)
    same_ranking(pairs(response), setup.ranking("texts"))
    error = raises(
        (voyageai.error.InvalidRequestError, voyageai.error.MalformedRequestError),
        lambda: client(setup).rerank(QUERY, ["word " * 5_000], model=setup.model, truncation=False))
    says(error, "token")


@case("the asynchronous client")
def asynchronous(setup):
    async def ask():
        asynchronous_client = voyageai.AsyncClient(api_key=KEY)
        asynchronous_client._params["base_url"] = setup.url + "/v1"
        return await asynchronous_client.rerank(QUERY, TEXTS, model=setup.model, top_k=3)
    same_ranking(pairs(asyncio.run(ask())), setup.ranking("texts", 3))


@case("a wrong key is AuthenticationError with the reason")
def wrong_key(setup):
    error = raises(
        voyageai.error.AuthenticationError,
        lambda: client(setup, WRONG_KEY).rerank(QUERY, TEXTS, model=setup.model), 401)
    says(error, "key", "token")


@case("no documents is InvalidRequestError with the reason")
def no_documents(setup):
    error = raises(
        (voyageai.error.InvalidRequestError, voyageai.error.MalformedRequestError),
        lambda: client(setup).rerank(QUERY, [], model=setup.model))
    says(error, "documents")


@case("too many documents is an error that names the limit")
def too_many(setup):
    error = raises(
        voyageai.error.VoyageError,
        lambda: client(setup, url=setup.limited_url).rerank(
            QUERY, ["a"] * (setup.document_limit + 1), model=setup.model))
    says(error, str(setup.document_limit))


@case("overload is RateLimitError with the reason")
def overload(setup):
    with overloaded(setup):
        error = until_refused(
            lambda: client(setup, url=setup.limited_url).rerank(QUERY, TEXTS, model=setup.model),
            voyageai.error.RateLimitError)
        says(error, "again", "retry", "later", "queue")
