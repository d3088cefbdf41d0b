"""The metrics of the questioning service."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from services.questioning.models import Batch


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
