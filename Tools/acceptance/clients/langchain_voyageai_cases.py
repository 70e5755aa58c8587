"""langchain_voyageai.VoyageAIRerank."""

import asyncio
from importlib.metadata import version

import voyageai
from acceptance import KEY, QUERY, TEXTS, WRONG_KEY, case, raises, same_ranking, says
from langchain_core.documents import Document
from langchain_voyageai import VoyageAIRerank

CLIENT = f"langchain-voyageai {version('langchain-voyageai')}"
DOCUMENTS = [Document(page_content=text, metadata={"position": i}) for i, text in enumerate(TEXTS)]


def compressor(setup, key=KEY, **options):
    return VoyageAIRerank(model=setup.model, api_key=key, base_url=setup.url + "/v1", **options)


def check(found, expected):
    same_ranking(
        [(document.metadata["position"], document.metadata["relevance_score"]) for document in found], expected)
    assert all(document.metadata["total_tokens"] > 0 for document in found)


@case("compress_documents: top_k, with scores and tokens in the metadata")
def compress(setup):
    check(compressor(setup, top_k=2).compress_documents(DOCUMENTS, QUERY), setup.ranking("texts", 2))


@case("acompress_documents: all")
def asynchronous(setup):
    check(asyncio.run(compressor(setup).acompress_documents(DOCUMENTS, QUERY)), setup.ranking("texts"))


@case("a wrong key is AuthenticationError with the reason")
def wrong_key(setup):
    error = raises(
        voyageai.error.AuthenticationError,
        lambda: compressor(setup, WRONG_KEY).compress_documents(DOCUMENTS, QUERY), 401)
    says(error, "key", "token")
