"""A process that runs one contender and sleeps until it is asked."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.contenders import Contender
from benchmarks.report import DidNotRun

WORKER = Path(__file__).parent / "worker"


class Worker:
    """Requests go out and answers come in as lines of JSON; arrays come through a file.

    ``environment`` is added to the variables that the process inherits.
    """

    def __init__(self, contender: Contender, **environment: str) -> None:
        self.contender = contender
        self.prepared: set[str] = set()
        self.folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        self.log = (Path(self.folder.name) / "log").open("w+")
        command = [str(contender.python()), "-I", str(WORKER), contender.framework]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, cwd=self.folder.name, text=True,
            env={**os.environ, **environment},
        )  # fmt: skip

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """One answer.

        :raises DidNotRun: if the contender raises or dies, or warns that it ran something else than it was told to
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.log.seek(0)
            raise DidNotRun("its process died: " + " / ".join(self.log.read().splitlines()[-3:]))
        reply = json.loads(line)
        if "error" in reply:
            raise DidNotRun(reply["error"])
        if reply["said"] and not self.contender.may_warn:
            raise DidNotRun(f"it says: {reply['said'][-1]}")
        return reply

    def prepare(self, name: str, case: dict[str, Any]) -> float:
        """Seconds that the first call takes."""
        reply = self.ask("prepare", name=name, **case, **self.contender.options)
        self.prepared.add(name)
        return reply["first_call_seconds"]

    def forget(self) -> None:
        """Free the memory of all that was prepared."""
        self.ask("forget")
        self.prepared.clear()

    def evidence(self, name: str) -> dict[str, np.ndarray]:
        file = Path(self.folder.name) / "evidence.npz"
        self.ask("check", name=name, file=str(file))
        with np.load(file) as arrays:
            return dict(arrays)

    def close(self) -> None:
        """End the process. Closing twice does nothing."""
        self.process.communicate()
        self.log.close()
        self.folder.cleanup()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
