"""`python -m tests.tools.foreign_openapi [FILE]`: the public document of GitHub's API, imported, listed and invoked whole.

Every operation is sent with what it must be given and with all that it may be, to a server that holds each request
against the operation of the document; nothing may be refused, and no request may break it. Outside of the suite, because
the document comes from npm (`npm pack @octokit/openapi`, 20 MB) and the calls take minutes. FILE: another document.
"""

import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import jsonschema_rs
import pytest
from aiohttp import web

from tests.tools.openapi_document import Validating, operations, validating
from tests.tools.schema_values import arguments
from tests.tools.service import Start, pb, python

PACKAGE, INSIDE = "@octokit/openapi@23.0.2", "package/generated/api.github.com.json"
FILE = "FOREIGN_OPENAPI"
SHOWN = 40


def document(folder: Path) -> dict[str, Any]:
    """The one that was named, else GitHub's out of its package."""
    if named := os.environ.get(FILE):
        return dict(json.loads(Path(named).read_text()))
    packed = subprocess.run(
        ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    with tarfile.open(folder / packed) as archive:
        file = archive.extractfile(INSIDE)
        assert file is not None
        return dict(json.load(file))


class OneByOne(Validating):
    """Holds a request against one operation of a document: to look for it among a thousand takes most of a second."""

    def __init__(self, root: dict[str, Any]) -> None:
        super().__init__()
        self.root = root

    def expect(self, method: str, path: str) -> None:
        """The next requests are of this operation, at this server."""
        item = self.root["paths"][path]
        parameters = [self._parameter(each) for each in item.get("parameters", ())]
        operation = {key: value for key, value in item[method.lower()].items() if key != "servers"}
        if "parameters" in operation:
            operation["parameters"] = [self._parameter(each) for each in operation["parameters"]]
        paths = {path: {"parameters": parameters, method.lower(): operation}}
        self.take({**self.root, "servers": [{"url": self.url}], "paths": paths}, is_checked=False)

    def _parameter(self, parameter: dict[str, Any]) -> dict[str, Any]:
        """Whole, and without what the validator takes otherwise than OpenAPI has it.

        That is `readOnly`, which counts for properties alone, and a list that may be null, of which it reads one value.
        """
        while "$ref" in parameter:
            parameter = self.root["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
        schema = parameter.get("schema", {})
        while "$ref" in schema:
            schema = self.root["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if len(lists := [one for one in schema.get("anyOf", ()) if one.get("type") == "array"]) == 1:
            schema = lists[0]
        return {**parameter, "schema": {key: value for key, value in schema.items() if key != "readOnly"}}


async def test_every_operation_is_imported_listed_and_sent_as_the_document_has_it(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replica = await start()
    root = document(tmp_path)
    expected = {f"{method} {path}" for method, path in operations(root)}
    assert len(expected) > 200 or FILE in os.environ

    async def served(_: web.Request) -> web.Response:
        return web.json_response(root)

    async with validating(OneByOne(root), {"/openapi.json": served}) as stub:
        assert isinstance(stub, OneByOne)
        request = pb.ImportToolsRequest(name="foreign", url=f"{stub.url}/openapi.json", server_url=stub.url)
        made = await replica.stub.ImportTools(request)
        names = {one.tool_name: one.operation for one in made.tools if one.change == "added"}
        listed, token = {}, ""
        while True:
            page = await replica.stub.ListTools(pb.ListToolsRequest(page_size=500, page_token=token))
            listed |= {tool.name: tool for tool in page.tools if tool.name in names}
            if not (token := page.next_page_token):
                break
        unfit, unsuccessful, sent = [], [], 0
        for name, operation in names.items():
            stub.expect(*operation.split(" ", 1))
            schema = python(listed[name].input_schema)
            valid = jsonschema_rs.validator_for(schema, validate_formats=True)
            for only_required in (True, False):
                given = arguments(schema, only_required=only_required)
                if faults := [f"{each.instance_path}: {each.message}" for each in valid.iter_errors(given)]:
                    unfit.append(f"{operation}: {faults[0][:300]}")
                    continue
                sent += 1
                try:
                    made_of = await replica.invoke(name, given)
                except grpc.aio.AioRpcError as error:
                    unsuccessful.append(f"{operation} refused: {error.details()}")
                    continue
                if made_of.status != "success":
                    unsuccessful.append(f"{operation} {made_of.status}: {made_of.error[:300]}")
    with capsys.disabled():
        refused = [one for one in made.tools if one.change == "refused"]
        _tell("refused", [f"{one.operation}: {'; '.join(one.details)}" for one in refused])
        _tell("notes", [note for one in made.tools for note in one.notes])
        _tell("without arguments that fit", unfit)
        _tell("not run", unsuccessful)
        _tell("breaking the document", stub.faults)
        print(f"{len(expected)} operations, {len(names)} imported, {len(listed)} listed, {sent} requests")
    assert {one.operation for one in made.tools} == expected
    assert (made.refused_count, len(listed), unfit, unsuccessful, stub.faults) == (0, len(expected), [], [], [])
    assert len(stub.asked) == sent == 2 * len(expected)


def _tell(what: str, found: list[str]) -> None:
    kinds = Counter(found)
    print(f"{what}: {len(found)}", *(f"  {count} x {one}" for one, count in kinds.most_common(SHOWN)), sep="\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        os.environ[FILE] = str(Path(sys.argv[1]).resolve())
    # In a process of its own, for which nothing of the tests is imported yet.
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "-q", "-n", "0", __file__]))
