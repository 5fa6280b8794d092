"""Keep what an example's run came to: its ``run.json`` without times and without this machine's folders.

``python tools/keep_example_result.py logs/.../run.json benchmarks/results/examples/NAME.json MNIST_FOLDER``

The last argument stands in for the folder of the data; it is left out where the example reads none. Times are left out
because other programs may have run meanwhile; speed is measured by ``python -m benchmarks``.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

LOCAL_FLAGS = ("-out-dir", "-resume", "-checkpoint", "-save-es")


def without_local_folders(record: dict[str, Any], stand_in: str) -> dict[str, Any]:
    """The record of a run as it would be on any machine."""
    command = record["command"]
    for flag in LOCAL_FLAGS:
        command = re.sub(rf" {flag} \S+", "", command)
    data_dir = record["flags"].get("data_dir")
    if data_dir is not None:
        command = command.replace(data_dir, stand_in)
    local = {flag[1:].replace("-", "_") for flag in LOCAL_FLAGS} | {"data_dir"}
    flags = {name: value for name, value in record["flags"].items() if name not in local}
    return record | {"command": command, "flags": flags}


def epoch_without_times(row: dict[str, float]) -> dict[str, float]:
    """What is the same in a repeated run."""
    return {name: round(value, 6) for name, value in row.items() if not name.endswith(("_seconds", "_speed"))}


def main(source: str, target: str, stand_in: str = "DATA_FOLDER") -> None:
    """Read ``source``, write ``target`` with one line an epoch where there are epochs."""
    record = without_local_folders(json.loads(Path(source).read_text()), stand_in)
    epochs = [json.dumps(epoch_without_times(row)) for row in record.pop("epochs", [])]
    text = json.dumps(record, indent=1)
    if epochs:
        text = text.removesuffix("\n}") + ',\n "epochs": [\n  ' + ",\n  ".join(epochs) + "\n ]\n}"
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
