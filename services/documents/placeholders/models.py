"""What became of each placeholder."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

Json = Any
Status = Literal["replaced", "missing", "unsupported"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the replace log. Offsets count in the text of the run that the placeholder begins in."""

    status: Status
    field_name: str
    part: str
    paragraph_path: str
    run_id: str
    start: int
    end: int
    original_text: str
    new_text: str
    # Why it is unsupported or missing; `cross_run` of a replaced one says that it stood in several runs.
    reason: str

    def as_json(self) -> dict[str, Json]:
        return {
            "status": self.status,
            "field_name": self.field_name,
            "run_id": self.run_id,
            "paragraph_path": self.paragraph_path,
            "part": self.part,
            "start": self.start,
            "end": self.end,
            "original_text": self.original_text,
            "new_text": self.new_text,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value stands in the document: from `start` to `end` in the text of a paragraph, counted in its part."""

    field_name: str
    # In the payload: `attendees`, `items/0/name`. Empty where it was computed.
    key: str
    part: str
    # None: in no paragraph, but in the element or attribute that the path names.
    paragraph: int | None
    paragraph_path: str
    start: int
    end: int
    value: str
    # What it was computed from, as the contract names it: `items[].price`.
    computed_from: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        of = (
            {"source": f"/payload/{self.key}"}
            if self.key
            else {"source": "", "computed_from": list(self.computed_from)}
        )
        return {
            "field_name": self.field_name,
            **of,
            "part": self.part,
            "paragraph": self.paragraph,
            "paragraph_path": self.paragraph_path,
            "start": self.start,
            "end": self.end,
            "value_sha256": hashlib.sha256(self.value.encode()).hexdigest(),
        }
