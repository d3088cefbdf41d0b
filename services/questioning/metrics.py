"""The metrics of the questioning service."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.questioning.models import Batch, Spent


class QuestioningMetrics:
    """Counts what is asked and answered, and times how long a question takes to find."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._questions = Counter(
            "qmcp_questioning_questions_total", "Questions that were put.", ("engine",), registry=registry
        )
        self._answers = Counter(
            "qmcp_questioning_answers_total", "Answers that were taken.", ("engine",), registry=registry
        )
        self._recalled = Counter(
            "qmcp_questioning_recalled_total", "Answers taken from other conversations.", ("engine",), registry=registry
        )
        self._generation = Histogram(
            "qmcp_questioning_generation_seconds",
            "From the call to the questions that it puts.",
            ("engine",),
            registry=registry,
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        self._per_interview = Histogram(
            "qmcp_questioning_questions_per_interview",
            "Questions that were put until nothing was left to ask.",
            ("engine",),
            registry=registry,
            buckets=(1, 2, 3, 5, 8, 13, 21, 34, 55),
        )

        self._tokens = Counter(
            "qmcp_questioning_model_tokens_total",
            "Tokens that the language model says it took.",
            ("direction",),
            registry=registry,
        )
        self._fallbacks = Counter(
            "qmcp_questioning_fallbacks_total",
            "Calls in which the offline engine stood in for the language model.",
            ("reason",),
            registry=registry,
        )
        self._writing = Histogram(
            "qmcp_questioning_model_seconds",
            "What a call waited for the language model, with its retries.",
            registry=registry,
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60),
        )

    def written(self, spent: Spent, fallback: str) -> None:
        """A language model was asked to write."""
        self._tokens.labels("input").inc(spent.input_tokens)
        self._tokens.labels("output").inc(spent.output_tokens)
        if spent.seconds:
            self._writing.observe(spent.seconds)
        if fallback:
            self._fallbacks.labels(fallback).inc()

    def asked(self, engine: str, batches: Sequence[Batch]) -> None:
        """Questions were asked for."""
        for batch in batches:
            self._count(engine, batch)
        self._generation.labels(engine).observe(max(batch.seconds for batch in batches))

    def answered(self, engine: str, answers: int, batch: Batch, *, done: bool) -> None:
        """Answers were taken, and what they open was asked."""
        self._answers.labels(engine).inc(answers)
        self._count(engine, batch)
        if done:
            self._per_interview.labels(engine).observe(batch.conversation.questions_asked)

    def _count(self, engine: str, batch: Batch) -> None:
        self._questions.labels(engine).inc(batch.put_anew)
        self._recalled.labels(engine).inc(len(batch.recalled))
