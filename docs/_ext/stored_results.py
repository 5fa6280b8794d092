"""Numbers of a page come from runs: the role ``result`` quotes one, the directive ``stored-run`` tells of which run."""

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from result_path import ResultError, load, look_up, result_file, split
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective, SphinxRole

WORDS = {
    "en": {
        "command": "Command",
        "data": "Data",
        "seed": "Seed",
        "date": "Date",
        "versions": "Versions",
        "machine": "Machine",
        "missing": "not recorded",
        "separator": ": ",
    },
    "zh_CN": {
        "command": "命令",
        "data": "数据",
        "seed": "随机种子",
        "date": "日期",
        "versions": "版本",
        "machine": "机器",
        "missing": "未记录",
        "separator": "：",
    },
}


class Result(SphinxRole):
    """``{result}`file: way to the number | format```"""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        folder = Path(self.config.stored_results_folder)
        try:
            text = look_up(folder, self.text)
        except ResultError as error:
            raise SphinxError(f"{self.env.docname}, line {self.lineno}: {error}") from None
        self.env.note_dependency(str(result_file(folder, split(self.text)[0])))
        return [nodes.inline(self.rawtext, text, classes=["result"])], []


def described(values: dict[str, Any], *left_out: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if name not in left_out and value is not None)


def facts_of(record: dict[str, Any]) -> dict[str, str]:
    """Command, data, seed, date, versions and machine of a stored run; empty where it holds none."""
    machine = record.get("machine", {})
    settings = record.get("flags", record.get("settings", record))
    seed = settings.get("seed", record.get("seed"))
    programs = {name: source[name] for source in (machine, record) for name in ("torch", "python") if name in source}
    threads = {"threads": record["threads"]} if "threads" in record else {}
    load = {"load": format(machine["load"], ".1f")} if "load" in machine else {}
    return {
        "command": record.get("command", ""),
        "data": record["data"] if isinstance(record.get("data"), str) else "",
        "seed": "" if seed is None else str(seed),
        "date": record.get("date", machine.get("date", "")),
        "versions": described(record.get("versions", programs)),
        "machine": described(machine | threads | load, "date", "torch", "python"),
    }


class StoredRun(SphinxDirective):
    """Command, data, seed, date, versions and machine of a stored run."""

    required_arguments = 1
    option_spec: ClassVar = {"command": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        folder, name = Path(self.config.stored_results_folder), self.arguments[0]
        try:
            record = load(folder, name)
        except (ResultError, json.JSONDecodeError) as error:
            raise SphinxError(f"{self.env.docname}, line {self.lineno}: {error}") from None
        self.env.note_dependency(str(result_file(folder, name)))
        facts = facts_of(record)
        facts["command"] = self.options.get("command", facts["command"])
        words = WORDS[self.config.language]
        box = nodes.container(classes=["stored-run"])
        box += nodes.paragraph("", "", nodes.literal("", f"benchmarks/results/{name}.json"))
        if facts["command"]:
            box += nodes.literal_block(facts["command"], facts["command"], language="console", classes=["wrapped"])
        for fact, value in list(facts.items())[1:]:
            if value or fact != "data":
                line = f"{words[fact]}{words['separator']}{value or words['missing']}"
                box += nodes.line("", line)
        return [box]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("stored_results_folder", "", "env")
    app.add_role("result", Result())
    app.add_directive("stored-run", StoredRun)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
