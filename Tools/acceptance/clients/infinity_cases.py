"""infinity_client, which parses answers strictly."""

import asyncio
from importlib.metadata import version

from acceptance import KEY, QUERY, TEXTS, WRONG_KEY, case, overloaded, same, same_ranking, says, until_refused
from infinity_client.api.default import rerank
from infinity_client.client import AuthenticatedClient, Client
from infinity_client.errors import UnexpectedStatus
from infinity_client.models import HTTPValidationError, RerankInput

CLIENT = f"infinity-client {version('infinity-client')}"


def client(setup, key=KEY, url=None):
    return AuthenticatedClient(base_url=url or setup.url, token=key, raise_on_unexpected_status=True, timeout=60)


def ask(setup, documents=TEXTS, key=KEY, url=None, **options):
    body = RerankInput(query=QUERY, documents=documents, **{"model": setup.model, **options})
    return rerank.sync(client=client(setup, key, url), body=body)


def pairs(response):
    return [(row.index, row.relevance_score) for row in response.results]


@case("all documents, without documents in the answer")
def everything(setup):
    response = ask(setup)
    same_ranking(pairs(response), setup.ranking("texts"))
    assert response.usage.prompt_tokens > 0 and response.usage.total_tokens > 0, response.usage
    assert all(not row.document for row in response.results), response.results


@case("its default model name, which is not a model's")
def default_model(setup):
    body = RerankInput(query=QUERY, documents=TEXTS)
    same_ranking(pairs(rerank.sync(client=client(setup), body=body)), setup.ranking("texts"))


@case("top_n and return_documents: plain strings")
def top(setup):
    response = ask(setup, top_n=3, return_documents=True)
    same_ranking(pairs(response), setup.ranking("texts", 3))
    same([row.document for row in response.results], [TEXTS[i] for i, _ in setup.ranking("texts", 3)])


@case("raw_scores are logits")
def raw(setup):
    same_ranking(pairs(ask(setup, raw_scores=True)), setup.ranking("texts", raw=True))


@case("top_n null")
def nulls(setup):
    same_ranking(pairs(ask(setup, top_n=None)), setup.ranking("texts"))


@case("the asynchronous client")
def asynchronous(setup):
    body = RerankInput(query=QUERY, documents=TEXTS, model=setup.model)
    same_ranking(pairs(asyncio.run(rerank.asyncio(client=client(setup), body=body))), setup.ranking("texts"))


def refusal(setup, **arguments):
    """The status and text of what must be refused; a 422 has to parse as its HTTPValidationError."""
    try:
        answer = ask(setup, **arguments)
    except UnexpectedStatus as error:
        return error.status_code, error.content.decode()
    assert isinstance(answer, HTTPValidationError), f"answered {answer}"
    return 422, " ".join(item.msg for item in answer.detail)


@case("a wrong key is refused, and so is none")
def wrong_key(setup):
    status, text = refusal(setup, key=WRONG_KEY)
    same(status, 401)
    says(text, "key", "token")
    body = RerankInput(query=QUERY, documents=TEXTS, model=setup.model)
    same(rerank.sync(client=Client(base_url=setup.url), body=body), None)


@case("no documents is refused with a reason it can parse")
def no_documents(setup):
    status, text = refusal(setup, documents=[])
    assert status in (400, 422), status
    says(text, "documents")


@case("too many documents is refused with a reason it can parse")
def too_many(setup):
    status, text = refusal(setup, documents=["a"] * (setup.document_limit + 1), url=setup.limited_url)
    assert status in (400, 413, 422), status
    says(text, str(setup.document_limit))


@case("overload is refused with 429")
def overload(setup):
    with overloaded(setup):
        error = until_refused(lambda: ask(setup, url=setup.limited_url), UnexpectedStatus)
        same(error.status_code, 429)
