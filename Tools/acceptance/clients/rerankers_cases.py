"""APIRanker of the rerankers library, in all its modes."""

from importlib.metadata import version

from acceptance import KEY, QUERY, TEXTS, WRONG_KEY, case, raises, same, same_ranking
from rerankers import Document
from rerankers.models.api_rankers import URLS, APIRanker

CLIENT = f"rerankers {version('rerankers')}"

PATHS = {
    "cohere": "/v1/rerank",
    "jina": "/v1/rerank",
    "isaacus": "/v1/rerank",
    "voyage": "/v1/rerank",
    "mixedbread.ai": "/v1/reranking",
    "pinecone": "/rerank",
    "text-embeddings-inference": "/rerank",
}


def rank(setup, mode, key=KEY, url=None):
    return APIRanker(setup.model, key, mode, url=(url or setup.url) + PATHS[mode]).rank(
        QUERY, [Document(text=text, doc_id=i, metadata={"text_again": text}) for i, text in enumerate(TEXTS)])


@case("there is no mode that is not tested")
def modes(setup):
    same(set(PATHS), set(URLS) | {"text-embeddings-inference"})


def _register(mode):
    @case(f"{mode}: all documents, ranked, with their ids and metadata")
    def success(setup):
        found = rank(setup, mode)
        same_ranking([(result.doc_id, result.score) for result in found.results], setup.ranking("texts"))
        same([result.rank for result in found.results], list(range(1, len(TEXTS) + 1)))
        same([result.text for result in found.results], [result.text_again for result in found.results])

    @case(f"{mode}: a wrong key never looks like a ranking")
    def wrong_key(setup):
        # It reads no error: what it finds missing is what it raises.
        raises((KeyError, TypeError), lambda: rank(setup, mode, key=WRONG_KEY))


for _mode in PATHS:
    _register(_mode)
