"""langchain_cohere.CohereRerank."""

from importlib.metadata import version

import cohere
import yaml
from acceptance import KEY, OBJECTS, QUERY, TEXTS, WRONG_KEY, case, post, raises, same, same_ranking, says
from langchain_cohere import CohereRerank
from langchain_core.documents import Document

CLIENT = f"langchain-cohere {version('langchain-cohere')}"
DOCUMENTS = [Document(page_content=text, metadata={"position": i}) for i, text in enumerate(TEXTS)]


def compressor(setup, key=KEY, **options):
    return CohereRerank(model=setup.model, cohere_api_key=key, base_url=setup.url, **options)


@case("compress_documents: the best top_n, with scores in the metadata")
def compress(setup):
    found = compressor(setup, top_n=2).compress_documents(DOCUMENTS, QUERY)
    same_ranking(
        [(document.metadata["position"], document.metadata["relevance_score"]) for document in found],
        setup.ranking("texts", 2))


@case("rerank: top_n None is all; max_tokens_per_doc goes out as null")
def everything(setup):
    found = compressor(setup).rerank(TEXTS, QUERY, top_n=None)
    same_ranking([(row["index"], row["relevance_score"]) for row in found], setup.ranking("texts"))


@case("rerank: objects, which it writes as YAML, with rank_fields")
def objects(setup):
    found = compressor(setup).rerank(OBJECTS, QUERY, rank_fields=["title", "text"], top_n=None)
    written = [yaml.dump({key: row[key] for key in ("title", "text")}, sort_keys=False) for row in OBJECTS]
    _, _, answer = post(setup.url, "/v2/rerank", {"model": setup.model, "query": QUERY, "documents": written})
    same([row["index"] for row in found], [row["index"] for row in answer["results"]])
    same([row["relevance_score"] for row in found], [row["relevance_score"] for row in answer["results"]])


@case("a wrong key is cohere's UnauthorizedError")
def wrong_key(setup):
    error = raises(
        cohere.UnauthorizedError, lambda: compressor(setup, WRONG_KEY).compress_documents(DOCUMENTS, QUERY), 401)
    says(error.body["message"], "key", "token")
