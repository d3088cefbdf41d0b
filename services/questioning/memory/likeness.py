"""When an earlier answer counts for a question that is like its own: two thresholds, and what no likeness overcomes.

Models put "the billing address" and "the shipping address" nearer to each other than a question to its paraphrase. So
a high likeness alone is never an answer: also every word that can make a difference must be the same, in the same
order. What is like in meaning and not in its words is proposed, and the user confirms it.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from services.questioning.memory.models import Asked

Verdict = Literal["answered", "proposed", "unlike"]

# Words that make no difference to what is asked. Not among them: pronouns, prepositions, tenses, negations.
IDLE = frozenset({"a", "an", "are", "is", "please", "s", "the", "what", "which"})
POLITE = re.compile(r"^(?:please )?(?:(?:can|could|would) you )?(?:please )?(?:tell|give) (?:me|us) ")
# Numbers and codes keep their signs: "3.5" and "A-17" are one word each.
WORD = re.compile(r"[^\W_]+(?:[.,:/+-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosines between two questions."""

    # From here on an earlier answer is proposed.
    confirm: float
    # From here on it is the answer, where nothing else speaks against it.
    prefill: float


def verdict(asked: Asked, earlier: Asked, similarity: float | None, thresholds: Thresholds) -> Verdict:
    """What an answer to the earlier question is to the one that is asked now.

    Args:
        asked: the question.
        earlier: the one that was answered.
        similarity: the cosine of what they mean; None where no model is there, and then words alone are never enough.
        thresholds: how like they must be.
    """
    alike = telling(asked.text) == telling(earlier.text)
    if similarity is None:
        return "proposed" if alike else "unlike"
    if similarity < thresholds.confirm:
        return "unlike"
    same_form = (asked.answer_type, list(asked.options)) == (earlier.answer_type, list(earlier.options))
    whole = asked.whole and earlier.whole
    return "answered" if similarity >= thresholds.prefill and alike and same_form and whole else "proposed"


def telling(text: str) -> list[str]:
    """The words of a question that can make a difference, in their order."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return [each for each in WORD.findall(POLITE.sub("", plain)) if each not in IDLE]
