"""Makes the modules of the contract in lyne/v1 from proto/src/main/protobuf, where they are checked in.

pip install grpcio-tools==1.76.0 googleapis-common-protos
python tools/generate_stubs.py            # writes them
python tools/generate_stubs.py --check    # says which differ; exit 1 where any does
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]
CONTRACT = PYTHON.parent / "proto/src/main/protobuf"


def generate(out: Path) -> None:
    """Writes all modules under a directory."""
    import google.rpc.status_pb2 as status  # its .proto stands beside it
    from grpc_tools import protoc

    common = Path(status.__file__).parents[2]
    well_known = Path(str(files("grpc_tools"))) / "_proto"
    protos = sorted(str(path.relative_to(CONTRACT)) for path in CONTRACT.rglob("*.proto"))
    arguments = [f"-I{CONTRACT}", f"-I{common}", f"-I{well_known}"]
    outputs = [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
    if protoc.main(["protoc", *arguments, *outputs, *protos]) != 0:
        raise SystemExit(1)
    for path in out.rglob("*_pb2_grpc.py"):
        if "class " not in path.read_text():  # a file without a service
            path.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the modules of the contract.")
    parser.add_argument("--check", action="store_true", help="only say which differ")
    if not parser.parse_args().check:
        generate(PYTHON)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        made = sorted(path for path in Path(directory).rglob("*") if path.is_file())
        stale = [
            name
            for path in made
            if not (PYTHON / (name := path.relative_to(directory))).exists() or (PYTHON / name).read_bytes() != path.read_bytes()
        ]
    for name in stale:
        print(f"{name}: differs from the contract (expected: python tools/generate_stubs.py run)", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
