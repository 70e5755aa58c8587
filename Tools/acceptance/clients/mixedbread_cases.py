"""The mixedbread SDK."""

import asyncio
from importlib.metadata import version

import mixedbread
from acceptance import (
    FIELDS, KEY, OBJECTS, QUERY, TEXTS, WRONG_KEY, case, overloaded, raises, same, same_ranking, says, until_refused)

CLIENT = f"mixedbread {version('mixedbread')}"


def client(setup, key=KEY, url=None, retries=0):
    return mixedbread.Mixedbread(api_key=key, base_url=url or setup.url, max_retries=retries)


def pairs(response):
    return [(row.index, row.score) for row in response.data]


@case("all documents; usage, model, object, top_k and return_input are there")
def everything(setup):
    response = client(setup).rerank(model=setup.model, query=QUERY, input=TEXTS)
    same_ranking(pairs(response), setup.ranking("texts"))
    assert response.usage.prompt_tokens > 0 and response.usage.total_tokens >= response.usage.prompt_tokens
    assert isinstance(response.model, str) and response.model, response
    same((response.object, response.top_k, response.return_input), ("list", len(TEXTS), False))
    assert all(row.object == "rank_result" and row.input is None for row in response.data), response.data


@case("top_k and return_input")
def top(setup):
    response = client(setup).rerank(model=setup.model, query=QUERY, input=TEXTS, top_k=3, return_input=True)
    same_ranking(pairs(response), setup.ranking("texts", 3))
    same([row.input for row in response.data], [TEXTS[i] for i, _ in setup.ranking("texts", 3)])
    same((response.top_k, response.return_input), (3, True))


@case("rank_fields of structured inputs, which come back as they were")
def fields(setup):
    response = client(setup).rerank(
        model=setup.model, query=QUERY, input=OBJECTS, rank_fields=FIELDS, return_input=True)
    same_ranking(pairs(response), setup.ranking("fields"))
    same([row.input for row in response.data], [OBJECTS[row.index] for row in response.data])


@case("nulls are as good as absent keys")
def nulls(setup):
    response = client(setup).rerank(
        model=setup.model, query=QUERY, input=TEXTS, rank_fields=None,
        extra_body={"top_k": None, "return_input": None, "rewrite_query": None})
    same_ranking(pairs(response), setup.ranking("texts"))


@case("the asynchronous client")
def asynchronous(setup):
    async def ask():
        async with mixedbread.AsyncMixedbread(api_key=KEY, base_url=setup.url, max_retries=0) as created:
            return await created.rerank(model=setup.model, query=QUERY, input=TEXTS)
    same_ranking(pairs(asyncio.run(ask())), setup.ranking("texts"))


@case("a wrong key is AuthenticationError with a message")
def wrong_key(setup):
    error = raises(
        mixedbread.AuthenticationError,
        lambda: client(setup, WRONG_KEY).rerank(model=setup.model, query=QUERY, input=TEXTS), 401)
    says(error.body["message"], "key", "token")


@case("no input is BadRequestError with a message")
def no_documents(setup):
    error = raises(
        (mixedbread.BadRequestError, mixedbread.UnprocessableEntityError),
        lambda: client(setup).rerank(model=setup.model, query=QUERY, input=[]))
    says(error.body["message"], "input", "documents")


@case("too many inputs is an error that names the limit")
def too_many(setup):
    error = raises(mixedbread.APIStatusError, lambda: client(setup, url=setup.limited_url).rerank(
        model=setup.model, query=QUERY, input=["a"] * (setup.document_limit + 1)))
    assert error.status_code in (400, 413, 422), error
    says(error.body["message"], str(setup.document_limit))


@case("overload is RateLimitError with Retry-After")
def overload(setup):
    with overloaded(setup):
        error = until_refused(
            lambda: client(setup, url=setup.limited_url).rerank(model=setup.model, query=QUERY, input=TEXTS),
            mixedbread.RateLimitError)
        assert error.response.headers.get("retry-after"), error.response.headers
        says(error.body["message"], "again", "retry", "later", "queue")
