"""Shards, copies and normalisations of two processes against one network with the whole batch."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from spikingjelly._torch_version import is_older_than

PROGRAM = Path(__file__).with_name("in_two_processes.py")


def test_two_processes_compute_what_one_computes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2]), "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": str(port), "WORLD_SIZE": "2"}  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(PROGRAM)],
            env={**shared, "RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        outputs = [process.communicate(timeout=240)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], "\n".join(outputs)
    defined = re.findall(r"^def (check_\w+)", PROGRAM.read_text(), flags=re.MULTILINE)
    if is_older_than("2.8"):
        defined = [name for name in defined if "shard" not in name]
    for output in outputs:
        assert [line.split()[0] for line in output.splitlines() if line.endswith(" passed")] == defined
