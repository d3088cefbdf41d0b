"""BM25's weights of a text's words, the same for every store."""

from qdrant_edge import Bm25

from servicekit.search.vectors import Words

_BM25 = Bm25()


def of_entry(text: str) -> Words:
    """What a text weighs that is looked through."""
    found = _BM25.embed_document(text)
    return Words(found.indices, found.values)


def of_query(text: str) -> Words | None:
    """What a text weighs that is looked for; None where it is made of words that stand everywhere."""
    found = _BM25.embed_query(text)
    return Words(found.indices, found.values) if found.indices else None
