"""Shows the results of the commands for authors of patterns."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from cfpy.cli.console import Output
from cfpy.cli.drawing import DIFF_STYLES
from cfpy.patterns.case_runs import CaseResult
from cfpy.patterns.cases import Difference
from cfpy.patterns.findings import Problem
from cfpy.patterns.init import InitResult


def show_init(output: Output, result: InitResult) -> None:
    """Report ``cfpy patterns init``."""
    steps = [
        shlex.join(["cd", str(result.path)]),
        "cfpy patterns test --update",
        "cfpy patterns check",
        "cfpy new . myapp --into ..",
    ]
    if output.json:
        output.data(
            "patterns init",
            {
                "path": str(result.path.resolve()),
                "extends": result.extends,
                "files": list(result.files),
                "git": str(result.git),
                "dry_run": result.dry_run,
                "next_steps": steps,
            },
        )
        return
    verb = "Would create" if result.dry_run else "Created"
    output.show(Text(f"{verb} the pattern {result.path}, on top of {result.extends}", style="bold"))
    for name in result.files:
        output.show(Text(f"  {name}"))
    if not result.dry_run:
        output.show(Text("\nNext", style="bold"), *(Text(f"  {s}", style="cyan") for s in steps))


def show_problems(output: Output, found: Sequence[Problem], directory: Path) -> None:
    """Report ``cfpy patterns check DIRECTORY``."""
    broken = sum(problem.broken for problem in found)
    if output.json:
        resolve = output.invocation.resolve
        problems = [vars(problem) | {"mend": resolve(problem.mend)} for problem in found]
        output.data("patterns check", {"passed": not broken, "problems": problems})
        return
    for problem in found:
        word, style = ("error", "bold red") if problem.broken else ("warning", "yellow")
        output.show(Text.assemble((f"{word}: ", style), f"{problem.where}: {problem.message}"))
        if problem.mend:
            output.show(Text(f"  {output.invocation.resolve(problem.mend)}", style="dim"))
    if found:
        warnings = len(found) - broken
        output.show(Text(f"{_count(broken, 'error')}, {_count(warnings, 'warning')}", style="bold"))
    else:
        output.show(Text("no problems found", style="green"))
        output.show(Text(f"\nNext: {_test(directory)}", style="dim"))


class CasesView:
    """Reports ``cfpy patterns test``, case by case. ``passed`` is whether all have passed."""

    def __init__(self, output: Output, directory: Path) -> None:
        self._output = output
        self._directory = directory
        self._results: list[CaseResult] = []

    @property
    def passed(self) -> bool:
        return all(result.passed for result in self._results)

    def case(self, result: CaseResult) -> None:
        """Report a finished case."""
        self._results.append(result)
        if self._output.json:
            return
        show, name = self._output.show, result.case.name
        style = "green" if result.passed else "bold red"
        show(Text(f"{'passed' if result.passed else 'failed'}: {name}", style=style))
        if result.updated:
            show(Text(f"  golden: {_count(len(result.differences), 'file')} updated"))
        else:
            self._differences(result)
        if result.tests is not None:
            show(Text(f"  tests: {result.tests or result.tested}"))
        if result.dry_run is not None:
            show(Text(f"  wrangler: {result.dry_run or 'would deploy it'}"))

    def end(self) -> None:
        """Report the end of all cases."""
        if self._output.json:
            cases = [_case_data(result) for result in self._results]
            self._output.data("patterns test", {"passed": self.passed, "cases": cases})
            return
        if any(result.updated for result in self._results):
            golden = shlex.join(["git", "diff", str(self._directory / "golden")])
            self._output.show(Text(f"\nNext: {golden}", style="dim"))
        elif any(result.differences for result in self._results):
            update = _test(self._directory, "--update")
            self._output.show(Text(f"\nNext: if this is what you want, run {update}", style="dim"))

    def _differences(self, result: CaseResult) -> None:
        show = self._output.show
        if not result.case.golden.is_dir():
            show(Text("  golden: none yet"))
            return
        for item in result.differences:
            show(Text(f"  golden: {item.file} is {item.kind}"))
            for line in item.diff:
                show(Text(f"    {line}", style=DIFF_STYLES.get(line[:1], "")))
        if not result.differences:
            show(Text("  golden: unchanged"))


def _test(directory: Path, *options: str) -> str:
    where = [] if directory == Path() else [str(directory)]
    return shlex.join(["cfpy", "patterns", "test", *where, *options])


def _case_data(result: CaseResult) -> dict[str, object]:
    return {
        "name": result.case.name,
        "passed": result.passed,
        "updated": result.updated,
        "differences": [_difference_data(item) for item in result.differences],
        "tests": result.tested,
        "tests_failed": result.tests,
        "dry_run_failed": result.dry_run,
    }


def _difference_data(item: Difference) -> dict[str, object]:
    return {"file": item.file, "kind": item.kind, "diff": list(item.diff)}


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
