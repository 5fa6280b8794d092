"""Contenders against each other on one piece of work: first the numerics, then the times in turns."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.agreement import Disagreement, Evidence, compare
from benchmarks.contenders import EAGER, Contender
from benchmarks.report import DidNotRun, Options, Report
from benchmarks.rounds import in_turns, in_words, ratios
from benchmarks.worker_process import Worker

ROUNDS, SECONDS_A_TURN = 9, 0.05
Case = dict[str, Any]


class Race(ExitStack):
    """Keeps the contenders' processes, for as many pieces of work as a row has.

    ``environment`` is added to the variables of all of them.
    """

    def __init__(self, row: str, options: Options, report: Report, **environment: str) -> None:
        super().__init__()
        self.row, self.options, self.report, self.environment = row, options, report, environment
        self.workers: dict[Contender, Worker] = {}
        self.cases: dict[str, Case] = {}

    def worker(self, contender: Contender) -> Worker:
        """The contender's process."""
        if contender not in self.workers:
            self.workers[contender] = self.enter_context(Worker(contender, **self.environment))
        return self.workers[contender]

    def check(self, contenders: Sequence[Contender], name: str, case: Case) -> dict[Contender, str]:
        """Who ran and agrees with our eager loop, and how well."""
        agreed: dict[Contender, str] = {}
        self.cases[name] = case
        self.worker(EAGER).prepare(name, case)
        reference = self.worker(EAGER).evidence(name)
        for contender in contenders:
            try:
                agreed[contender] = self._agreement(contender, name, case, reference)
            except (DidNotRun, Disagreement) as problem:
                self.report.fail(f"{self.row}, {name}, {contender.name}", str(problem))
                self.dismiss(contender)
        return agreed

    def _agreement(self, contender: Contender, name: str, case: Case, reference: Evidence) -> str:
        if contender is EAGER:
            rates = ", ".join(f"{100 * rate:.1f}" for rate in reference["rates"])
            return f"the reference; {rates} % of the neurons fire"
        worker = self.worker(contender)
        first_call = f"first call {worker.prepare(name, case):.2g} s"
        if contender.tolerance is None:
            return first_call
        return f"{compare(reference, worker.evidence(name), contender.tolerance)}; {first_call}"

    def dismiss(self, contender: Contender) -> None:
        """Next time it gets a new process, for a library may say only once in a process what it can't do."""
        worker = self.workers.pop(contender, None)
        if worker is not None:
            worker.close()

    def times(self, runs: Sequence[tuple[Contender, str]]) -> dict[tuple[Contender, str], list[float]]:
        """Seconds a pass of pieces of work that were checked, in turns."""
        for contender, name in runs:
            if name not in self.worker(contender).prepared:
                self.worker(contender).prepare(name, self.cases[name])
        return in_turns({run: self._clock(*run) for run in runs}, self.options.rounds(ROUNDS))

    def _clock(self, contender: Contender, name: str) -> Callable[[], float]:
        seconds = 0.0 if self.options.quick else SECONDS_A_TURN
        worker = self.worker(contender)
        return lambda: statistics.median(worker.ask("time", name=name, seconds=seconds)["seconds"])

    def forget(self) -> None:
        """Free the memory of all prepared pieces of work."""
        for worker in self.workers.values():
            worker.forget()

    def run(self, contenders: Sequence[Contender], title: str, case: Case, against: Contender) -> None:
        """Check, time and print one piece of work; the ratios are those to ``against``, or to our eager loop."""
        agreed = self.check(contenders, title, case)
        times = {contender: seconds for (contender, _), seconds in self.times([(c, title) for c in agreed]).items()}
        self.forget()
        yardstick = against if against in times else EAGER
        print(f"{title}; x: times as long as {yardstick.name}")
        for contender, seconds in times.items():
            ratio = ratios(seconds, times[yardstick])
            self.report.add(
                self.row, case=case, contender=contender.name, seconds=seconds, ratio=ratio,
                ratio_to=yardstick.name, numerics=agreed[contender], remark=contender.remark,
            )  # fmt: skip
            figures = f"{in_words(seconds, ' ms', 1e3):27} {in_words(ratio, ' x'):23}"
            print(f"  {contender.name:19} {figures} {agreed[contender]}", flush=True)

    def print_profile(self, contenders: Sequence[Contender], case: Case, operations: int) -> None:
        """Where the time of one pass goes."""
        for contender in contenders:
            try:
                self.worker(contender).prepare("profiled", case)
                table = self.worker(contender).ask("profile", name="profiled", operations=operations)["table"]
                print(f"{contender.name}, one pass:\n{table}")
            except DidNotRun as problem:
                self.report.fail(f"{self.row}, profile of {contender.name}", str(problem))


def print_remarks(contenders: Sequence[Contender]) -> None:
    for contender in contenders:
        if contender.remark:
            print(f"  {contender.name}: {contender.remark}")
