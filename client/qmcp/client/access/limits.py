"""The options that say what a holder may have in flight, for keys and roles alike."""

from typing import Annotated

import typer
from qmcp.client.access.models import CallLimits

MaxQuick = Annotated[int, typer.Option(min=0, help="Quick calls in flight; 0 means the service's own limit.")]
MaxLong = Annotated[int, typer.Option(min=0, help="Long calls in flight, such as invocations; 0 means the same.")]
MaxWaits = Annotated[int, typer.Option(min=0, help="Waits in flight; 0 means the same.")]
MaxStreams = Annotated[int, typer.Option(min=0, help="Streams in flight; 0 means the same.")]


def limits_of(quick: int, long: int, waits: int, streams: int) -> CallLimits | None:
    """What was asked for; None where nothing was."""
    asked = CallLimits(quick=quick, long=long, waits=waits, streams=streams)
    return asked if asked != CallLimits() else None
