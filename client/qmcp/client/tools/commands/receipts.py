"""`qmcp receipts`: the proof of what ran, checked without trusting the service."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from qmcp.client.cli import output, reading
from qmcp.client.cli.connection import connect
from qmcp.client.cli.failures import FAILED
from qmcp.client.cli.groups import group
from qmcp.client.tools.models import Receipt
from qmcp.client.tools.verification import ReceiptVerification

app = group("The proof of what ran.")

# Redrawing for each of a hundred thousand lines would take longer than verifying them.
_DRAW_EVERY = 1000
_SHOWN_FAULTS = 20


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[Path | None, typer.Option(help="An export to verify; without it, one is downloaded.")] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="PEM of the key that you trust; without it, the key is asked of the service."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only receipts from then on (24h, 2026-11-21T14:00:00Z); what is before is taken on trust."),
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(help="An archive to verify with it; what left for others is taken from signed statements."),
    ] = None,
    of: Annotated[
        str,
        typer.Option(help="Your name, where you may not read what others did: only your own receipts are then there."),
    ] = "",
    json: output.AsJson = False,
) -> None:
    """Recompute every digest, follow every chain, check every signature; ends with 1 where something does not hold.

    Everything is computed here: of the service, only the export is used, and the key where none is given.
    """
    from qmcp.client.receipts import PublicKeys, joined, number, verify_export

    after = reading.moment(since)
    archives = archive or []
    numbers = [number(_lines(each)) for each in archives]

    def verified(lines: Iterator[bytes], pem: bytes | str) -> ReceiptVerification:
        if archives:
            lines = joined(lines, [_lines(each) for each in archives])
        return verify_export(_counted(lines), PublicKeys(pem), from_start=after is None, archives=numbers, of=of)

    if file:
        if public_key is None:
            raise ValueError("--file needs --public-key: a key out of the same hands proves nothing")
        with file.open("rb") as opened:
            found = verified(opened, public_key.read_bytes())
    else:
        with connect(context) as client:
            pem = public_key.read_bytes() if public_key else client.get_receipt_key().public_key_pem
            lines = client.export_receipts(completed_after=after)
            found = verified(lines, pem)
        if public_key is None:
            output.note("The key came from the service itself. Keep it (`qmcp receipts key`) and give --public-key.")
    _show(found, json=json)
    if not found.valid:
        raise typer.Exit(FAILED)


@app.command()
def get(
    context: typer.Context,
    invocation_id: Annotated[str, typer.Argument(help="The invocation's id.")],
    json: output.AsJson = False,
) -> None:
    """Show the receipt of an ended invocation."""
    with connect(context) as client:
        receipt = client.get_receipt(invocation_id)
    if json:
        output.as_json(receipt)
        return
    checkpoint = receipt.checkpoint
    signed = f"checkpoint {checkpoint.sequence} by key {checkpoint.key_id}" if checkpoint else "not yet"
    names = (name for name in Receipt.__slots__ if name != "checkpoint")
    output.fields([*((name, getattr(receipt, name)) for name in names), ("signed", signed)])


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--file", "-o", help="Where to write it.")],
    since: Annotated[str | None, typer.Option(help="Only receipts from then on.")] = None,
    json: output.AsJson = False,
) -> None:
    """Write an export that `receipts verify --file` takes, now or years later."""
    count = 0
    with connect(context) as client, file.open("wb") as sink:
        for line in _counted(client.export_receipts(completed_after=reading.moment(since))):
            sink.write(line + b"\n")
            count += 1
    if json:
        output.as_json({"file": str(file), "lines": count})
    else:
        typer.echo(f"{count} lines written to {file}.")


@app.command()
def archive(
    context: typer.Context,
    before: Annotated[str, typer.Option(help="What was recorded before then (90d, 2026-11-01T00:00:00Z), by months.")],
    file: Annotated[Path, typer.Option("--file", "-o", help="Where to write it; it must not be there yet.")],
    json: output.AsJson = False,
) -> None:
    """Write an archive of what is old, verify it, and let the service drop it when it is as old as its setting says."""
    from qmcp.client.receipts import PublicKeys, number, verify_archive

    moment = reading.moment(before)
    assert moment is not None
    with connect(context) as client, file.open("xb") as sink:
        for line in _counted(client.archive_receipts(moment)):
            sink.write(line + b"\n")
        sink.flush()
        os.fsync(sink.fileno())
        pem = client.get_receipt_key().public_key_pem
    if not number(_lines(file)):
        # An archive of nothing, which verifies as well: whoever runs this monthly need not ask first.
        typer.echo("Nothing can leave yet: there is no whole month before then in which everything has ended.")
        return
    found = verify_archive(_lines(file), PublicKeys(pem))
    _show(found, json=json)
    if not found.valid:
        raise typer.Exit(FAILED)


@app.command()
def key(context: typer.Context, json: output.AsJson = False) -> None:
    """Print the public key that checkpoints are signed with."""
    with connect(context) as client:
        found = client.get_receipt_key()
    if json:
        output.as_json(found)
    else:
        typer.echo(found.public_key_pem.rstrip())


def _lines(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        yield from opened


def _counted(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The same lines, with their number on the terminal while they pass."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} lines"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        for number, line in enumerate(lines, 1):
            if number % _DRAW_EVERY == 0:
                progress.update(task, completed=number)
            yield line


def _show(found: ReceiptVerification, *, json: bool) -> None:
    if json:
        output.as_json(found)
        return
    typer.echo(
        f"{found.receipts_verified:,} receipts and {found.checkpoints_verified:,} checkpoints verified, "
        f"{found.receipts_redacted or 0:,} of the receipts redacted.",
    )
    if found.receipts_unsigned:
        since = output.cell(found.unsigned_since)
        typer.echo(f"{found.receipts_unsigned:,} receipts are not signed yet, the oldest since {since}.")
    if found.of:
        typer.echo(f"These are the receipts of {found.of} alone: whether some were taken out cannot be told.")
    if found.valid:
        typer.secho("Everything holds.", fg=typer.colors.GREEN)
        return
    typer.secho(f"{found.fault_count:,} faults:", fg=typer.colors.RED)
    rows = found.faults[:_SHOWN_FAULTS]
    columns = ("kind", "invocation", "chain", "place", "what was found")
    output.table(columns, ((row.kind, row.invocation_id, row.chain_id, row.sequence, row.detail) for row in rows))
    if found.fault_count > len(rows):
        typer.echo(f"… and {found.fault_count - len(rows):,} more; --json has up to a thousand.")
