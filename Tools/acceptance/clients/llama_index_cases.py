"""The rerank postprocessors of LlamaIndex: Cohere, TEI, Jina, Voyage."""

from importlib.metadata import version

import cohere
import voyageai
from acceptance import (
    KEY, QUERY, TEXTS, WRONG_KEY, case, overloaded, raises, same_ranking, says, until_refused)
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
from llama_index.postprocessor.voyageai_rerank import VoyageAIRerank

CLIENT = f"llama-index-core {version('llama-index-core')}"


def cohere_rerank(setup, key=KEY, url=None):
    return CohereRerank(api_key=key, model=setup.model, base_url=url or setup.url, top_n=3, max_retries=1)


def tei(setup, key=KEY, url=None):
    return TextEmbeddingInference(base_url=url or setup.url, top_n=3, auth_token=f"Bearer {key}")


def jina(setup, key=KEY, url=None):
    return JinaRerank(api_key=key, base_url=(url or setup.url) + "/v1", model=setup.model, top_n=3)


def voyage(setup, key=KEY, url=None):
    postprocessor = VoyageAIRerank(model=setup.model, api_key=key, top_n=3)
    # It has no argument for the address.
    postprocessor._client._params["base_url"] = (url or setup.url) + "/v1"
    return postprocessor


def ask(postprocessor):
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.0) for i, text in enumerate(TEXTS)]
    return [(int(found.node.node_id), found.score) for found in postprocessor.postprocess_nodes(nodes, query_str=QUERY)]


@case("CohereRerank: the best three")
def cohere_success(setup):
    same_ranking(ask(cohere_rerank(setup)), setup.ranking("texts", 3))


@case("CohereRerank: a wrong key is UnauthorizedError")
def cohere_key(setup):
    raises(cohere.UnauthorizedError, lambda: ask(cohere_rerank(setup, WRONG_KEY)), 401)


@case("TextEmbeddingInference: all are scored, the best three come back")
def tei_success(setup):
    same_ranking(ask(tei(setup)), setup.ranking("texts", 3))


@case("TextEmbeddingInference: a wrong key never looks like a ranking")
def tei_key(setup):
    raises(AssertionError, lambda: ask(tei(setup, WRONG_KEY)))


@case("JinaRerank: the best three")
def jina_success(setup):
    same_ranking(ask(jina(setup)), setup.ranking("texts", 3))


@case("JinaRerank: a wrong key is RuntimeError with the reason")
def jina_key(setup):
    says(raises(RuntimeError, lambda: ask(jina(setup, WRONG_KEY))), "key", "token")


@case("JinaRerank: overload is RuntimeError with the reason")
def jina_overload(setup):
    with overloaded(setup):
        error = until_refused(lambda: ask(jina(setup, url=setup.limited_url)), RuntimeError)
        says(error, "again", "retry", "later", "queue")


@case("VoyageAIRerank: the best three")
def voyage_success(setup):
    same_ranking(ask(voyage(setup)), setup.ranking("texts", 3))


@case("VoyageAIRerank: a wrong key is AuthenticationError with the reason")
def voyage_key(setup):
    error = raises(voyageai.error.AuthenticationError, lambda: ask(voyage(setup, WRONG_KEY)), 401)
    says(error, "key", "token")
