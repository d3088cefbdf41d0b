"""Builds what derives from the contract into gen/: Python code, and the descriptor set that all else is derived from.

`python protos/generate.py code [FOLDER]` · `python protos/generate.py documented FILE`
"""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).resolve().parent
GEN = PROTOS.parent / "gen"

# google/protobuf, google/api and google/rpc stand in installed packages, not in this tree.
GOOGLE_PROTOBUF = str(files("grpc_tools") / "_proto")
GOOGLE_APIS = str(Path(str(files("google.api").joinpath("annotations.proto"))).parents[2])
VALIDATE = "buf/validate/validate.proto"
# No proto of ours imports it, but Envoy shows the details of an error only if it knows their types.
ERROR_DETAILS = "google/rpc/error_details.proto"
# Within gen/: the edge, OpenAPI and the reflection of every service are made from it, so that none needs protoc.
DESCRIPTORS = Path("qmcp") / "descriptors.binpb"


def contract() -> list[str]:
    """Our own proto files, relative to protos/, in a stable order."""
    return sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("qmcp/**/*.proto"))


def code(folder: Path) -> None:
    """Writes messages, stubs, types and descriptors of our protos, and of the validation rules that they import."""
    for package in ("qmcp", "buf"):
        shutil.rmtree(folder / package, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _protoc(f"--python_out={folder}", f"--pyi_out={folder}", *contract(), VALIDATE)
    services = [path for path in contract() if path.endswith("_service.proto")]
    # Beside this interpreter, which need not be on the PATH.
    typed = f"--plugin=protoc-gen-mypy_grpc={Path(sys.executable).parent / 'protoc-gen-mypy_grpc'}"
    _protoc(typed, f"--grpc_python_out={folder}", f"--mypy_grpc_out={folder}", *services)
    documented(folder / DESCRIPTORS)


def documented(file: Path) -> None:
    """Writes the descriptor set of our protos and all that they import, with the comments of ours in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={file}", *contract(), ERROR_DETAILS)
    described = FileDescriptorSet.FromString(file.read_bytes())
    own = set(contract())
    for each in described.file:
        if each.name not in own:
            # Nobody reads the comments of others here, and they would double the file.
            each.ClearField("source_code_info")
    file.write_bytes(described.SerializeToString(deterministic=True))


def _protoc(*arguments: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        roots = [f"-I{root}" for root in (PROTOS, GOOGLE_APIS, GOOGLE_PROTOBUF)]
        _run(*roots, f"--descriptor_set_in={_validate_descriptors(Path(scratch))}", *arguments)


def _validate_descriptors(scratch: Path) -> Path:
    """buf/validate/validate.proto as a descriptor set: its source is in no package, its descriptor in protovalidate."""
    rules = FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    imported = scratch / "imported.binpb"
    _run(f"-I{GOOGLE_PROTOBUF}", f"--descriptor_set_out={imported}", *rules.dependency)
    described = FileDescriptorSet.FromString(imported.read_bytes())
    described.file.append(rules)
    file = scratch / "validate.binpb"
    file.write_bytes(described.SerializeToString())
    return file


def _run(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc failed; what it found stands above")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["code"]:
            code(GEN)
        case ["code", folder]:
            code(Path(folder))
        case ["documented", file]:
            documented(Path(file))
        case _:
            raise SystemExit(__doc__)
