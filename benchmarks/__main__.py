"""`python -m benchmarks [names…]`: measures, prints, and with `--write` makes the page."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    access,
    answering,
    boards,
    bulk,
    carrying,
    claiming,
    commits,
    documents,
    draining,
    growth,
    growth_people,
    interviewing,
    invoking,
    mcp_calls,
    measurements,
    neighbours,
    overload,
    percentiles,
    pieces,
    receipts,
    remembering,
    rollups,
    servers,
    waiting,
)
from benchmarks.load import MissingToolError
from benchmarks.measuring import Plan
from benchmarks.report import Section, machine, markdown, text

BENCHMARKS: dict[str, Callable[[Path, Plan], Section]] = {
    "invoke": invoking.bench,
    "mcp": mcp_calls.bench,
    "server": servers.bench,
    "commit": commits.bench,
    "overload": overload.bench,
    "receipts": receipts.bench,
    "growth": growth.bench,
    "growth-people": growth_people.bench,
    "pieces": pieces.bench,
    "carrying": carrying.bench,
    "access": access.bench,
    "waiting": waiting.bench,
    "answering": answering.bench,
    "claiming": claiming.bench,
    "draining": draining.bench,
    "boards": boards.bench,
    "rollups": rollups.bench,
    "neighbours": neighbours.bench,
    "metrics": measurements.bench,
    "metrics-bulk": bulk.bench,
    "percentiles": percentiles.bench,
    "interviewing": interviewing.bench,
    "remembering": remembering.bench,
    "documents": documents.bench,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; none for all")
    parser.add_argument("--in-flight", default="1,16,64", help="calls in flight, comma-separated (1,16,64)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the median is taken (3)")
    parser.add_argument("--seconds", type=float, default=3, help="of a round (3)")
    parser.add_argument("--write", type=Path, help="a Markdown page to write as well")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    plan = Plan(tuple(map(int, arguments.in_flight.split(","))), arguments.rounds, arguments.seconds)
    sections = []
    missing = 0
    print(machine() + "\n", flush=True)
    for name in arguments.names or BENCHMARKS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="qmcp-bench-") as folder:
            # Postgres runs as another user where we are root.
            Path(folder).chmod(0o711)
            try:
                section = BENCHMARKS[name](Path(folder), plan)
            except MissingToolError as error:
                missing += 1
                section = Section(name, notes=[f"not measured: {error}"])
        sections.append(section)
        print(text(section) + f"   ({name}, {time.monotonic() - started:.0f} s)\n", flush=True)
    if arguments.write:
        arguments.write.write_text(markdown(sections))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
