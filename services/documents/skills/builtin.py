"""The skills that every installation has; they come in as those of other packages do."""

from typing import Annotated

from pydantic import ConfigDict, Field

from services.documents.skills.models import Payload, Skill

Text = Annotated[str | None, Field(default=None)]
Texts = Annotated[list[str] | None, Field(default=None)]


class MeetingNotice(Payload):
    """Invites to a meeting."""

    meeting_title: Text
    meeting_date: Text
    meeting_time: Text
    meeting_location: Text
    organizer: Text
    attendees: Texts


class TrainingNotice(Payload):
    """Announces a training."""

    training_title: Text
    training_date: Text
    training_time: Text
    training_location: Text
    trainer: Text
    organizer: Text
    attendees: Texts


class InspectionRecord(Payload):
    """Records what an inspection found."""

    inspection_subject: Text
    inspection_date: Text
    inspector: Text
    issue_summary: Text
    department: Text
    action_required: Text
    deadline: Text


class Anything(Payload):
    """What a Jinja template asks for is in the template: its contract says what a payload must have."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


MEETING_NOTICE = Skill(
    "meeting_notice",
    MeetingNotice,
    ("meeting_title", "meeting_date", "meeting_time", "meeting_location", "organizer"),
    "A notice of a meeting.",
)
TRAINING_NOTICE = Skill(
    "training_notice",
    TrainingNotice,
    ("training_title", "training_date", "training_time", "training_location", "trainer"),
    "A notice of a training.",
)
INSPECTION_RECORD = Skill(
    "inspection_record",
    InspectionRecord,
    ("inspection_subject", "inspection_date", "inspector", "issue_summary"),
    "A record of an inspection.",
)
JINJA_TEMPLATE = Skill("jinja_template", Anything, (), "Any template with {{ values }}, loops and conditions.", "jinja")
