"""`qmcp interview start`, `resume`, `list`, `show`, `revise`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.groups import group
from qmcp.client.errors import QmcpError
from qmcp.client.questioning.commands.interview.banks import document

if TYPE_CHECKING:
    from qmcp.client.questioning.models import Conversation, InterviewStep, QuestionBatch, QuestionItem
    from qmcp.client.sync import Client

app = group("Find something out from a person, in as few questions as possible.")
Id = Annotated[str, typer.Argument(help="The conversation's id.")]


@app.command()
def start(
    context: typer.Context,
    about: Annotated[str, typer.Argument(help="What it is about; with a schema or a bank what is known already.")] = "",
    *,
    schema: Annotated[str, typer.Option(help="A file with a JSON Schema to fill; `-` is stdin.")] = "",
    bank: Annotated[str, typer.Option(help="A file with a bank of questions, in YAML or JSON.")] = "",
    bank_name: Annotated[str, typer.Option(help="A bank that is kept, by its name.")] = "",
    engine: Annotated[str, typer.Option(help="Who asks about a context: llm or topics.")] = "",
    user: Annotated[str, typer.Option(help="Who is asked, as you call them.")] = "",
    recall: Annotated[bool, typer.Option("--recall", help="What the user has answered before counts.")] = False,
    optional: Annotated[bool, typer.Option("--optional", help="Ask for what may be left out, too.")] = False,
    ask: Annotated[bool, typer.Option(help="Ask here and now; else print the id for `resume`.")] = True,
    json: output.AsJson = False,
) -> None:
    """Begin an interview and ask, one question at a time; print what was found out.

    Example: qmcp interview start --schema order.schema.json --user ada
    """
    with connect(context) as client:
        begun = client.create_conversation(
            schema=reading.json_object(reading.file(schema), "the schema") if schema else None,
            bank=document(bank) if bank else None,
            bank_name=bank_name,
            engine=engine,
            context=about,
            user_id=user,
            include_optional=optional,
            recall=recall,
        )
        if ask:
            _conduct(client, begun.id, json=json)
        else:
            typer.echo(begun.id)


@app.command()
def resume(context: typer.Context, conversation_id: Id, json: output.AsJson = False) -> None:
    """Go on where an interview was left."""
    with connect(context) as client:
        _conduct(client, conversation_id, json=json)


@app.command("list")
def list_(
    context: typer.Context,
    status: Annotated[str, typer.Option(help="open, done or closed.")] = "",
    limit: output.Limit = 50,
    json: output.AsJson = False,
) -> None:
    """List interviews, newest first."""
    with connect(context) as client:
        found = output.at_most(limit, client.list_conversations(status=status, limit=limit + 1))
    if json:
        output.as_json(found)
        return
    rows = (
        (each.id, each.topic, each.engine, each.status, each.user_id, each.questions_asked, each.updated_at)
        for each in found
    )
    output.table(("id", "topic", "engine", "status", "user", "asked", "last"), rows)


@app.command()
def show(context: typer.Context, conversation_id: Id, json: output.AsJson = False) -> None:
    """Show what was said in an interview, and what came of it."""
    with connect(context) as client:
        conversation = client.get_conversation(conversation_id)
        said = client.list_messages(conversation_id)
    if json:
        output.as_json({"conversation": conversation, "messages": said})
        return
    rows = ((each.sequence, each.message_type, each.question_id, each.content, each.state) for each in said)
    output.table(("", "", "question", "said", "state"), rows)
    output.document(conversation.result)


@app.command()
def export(
    context: typer.Context,
    conversation_id: Annotated[str, typer.Argument(help="Only this one; all where none is named.")] = "",
    *,
    file: Annotated[Path | None, typer.Option("--file", "-o", help="Write there instead of to stdout.")] = None,
    user: Annotated[str, typer.Option(help="Only of this user.")] = "",
    json: output.AsJson = False,  # noqa: ARG001 - an export is JSON anyway; the option is taken everywhere
) -> None:
    """Export interviews with all that was said in them, oldest first, as JSON lines."""
    with connect(context) as client, reading.sink(file) as sink:
        for line in client.export_conversation_lines(conversation_id=conversation_id, user_id=user):
            sink.write(line + b"\n")


@app.command()
def revise(
    context: typer.Context,
    conversation_id: Id,
    question: Annotated[str, typer.Argument(help="The question's id, as `show` has it.")],
    answer: Annotated[str, typer.Argument(help="The answer as it shall be: text, or `:` and JSON.")],
    json: output.AsJson = False,
) -> None:
    """Replace an answer, and ask what that opens."""
    with connect(context) as client:
        client.revise_answer(conversation_id, question, reading.answer(answer), question_count=0)
        _conduct(client, conversation_id, json=json)


def _conduct(client: "Client", conversation_id: str, *, json: bool) -> None:
    """Asks until nothing is left to ask, or there is nobody to answer; what is asked stays out of pipes."""
    asked: QuestionBatch | InterviewStep = client.generate_questions(conversation_id, question_count=1)
    while asked.questions:
        question = asked.questions[0]
        _show(question)
        said = typer.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)
        try:
            asked = client.answer_questions(conversation_id, {question.id: reading.answer(said)}, question_count=1)
        except QmcpError as error:
            if error.reason != "ANSWER_INVALID":
                raise
            output.note(error.message)
    conversation = client.get_conversation(conversation_id)
    if json:
        output.as_json(conversation)
        return
    _conclude(conversation)
    output.document(conversation.result)


def _show(question: "QuestionItem") -> None:
    output.note(f"{question.question_number}. {question.question_text}")
    for place, option in enumerate(question.options, start=1):
        output.note(f"   {place}) {option}")
    if question.suggestion is not None:
        output.note(f"   Is it {question.suggestion!r}? yes, or what it is instead")


def _conclude(conversation: "Conversation") -> None:
    """What a person should know beside the result."""
    told: Sequence[tuple[str, Any]] = (
        ("missing", conversation.missing),
        ("goes ill together", [each.text for each in conversation.contradictions]),
    )
    for name, found in told:
        if found:
            output.note(f"{name}: {', '.join(found)}")
    output.note(f"{conversation.stopped or conversation.status} after {conversation.questions_asked} questions")
