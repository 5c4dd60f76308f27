"""``cfpy patterns test``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cfpy.cli import draw
from cfpy.cli.author_options import PatternDirectory, Trust, count, test_command
from cfpy.cli.console import Output
from cfpy.cli.options import Json, context_of
from cfpy.tools.invocation import Invocation

if TYPE_CHECKING:
    from cfpy.patterns.case_runs import CaseResult
    from cfpy.patterns.cases import Difference

app = typer.Typer(rich_markup_mode=None)


@app.command("test")
def run_cases(
    ctx: typer.Context,
    directory: PatternDirectory = Path(),
    case: Annotated[
        list[str] | None,
        typer.Option("--case", metavar="NAME", help="Only this case; repeatable."),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Replace the goldens by the rendered files.")
    ] = False,
    only_goldens: Annotated[
        bool, typer.Option("--only-goldens", help="Only compare goldens; run and deploy nothing.")
    ] = False,
    trust: Trust = False,
    json_output: Json = False,
) -> None:
    """Render every case, and compare it with its golden.

    A case has answers, in cases.toml; its golden is the project that these must give, in golden/.
    Also runs each project's own tests in the local runtime, and
    dry-run deploys it. Exits with 1 if a case fails.

    Example: cfpy patterns test ./rag-multitenant --update
    """
    from cfpy.patterns.case_runs import CasesRequest, run

    output = ctx.ensure_object(Output)
    chosen = tuple(case or ())
    request = CasesRequest(directory.resolve(), chosen, update, not only_goldens, trust)
    view = CasesView(output, directory)
    for result in run(context_of(output), request):
        view.case(result)
    view.end()
    if not view.passed:
        raise typer.Exit(1)


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
        show(draw.Text(f"{'passed' if result.passed else 'failed'}: {name}", style=style))
        if result.updated:
            show(draw.Text(f"  golden: {count(len(result.differences), 'file')} updated"))
        else:
            self._differences(result)
        if result.tests is not None:
            show(draw.Text(f"  tests: {result.tests or result.tested}"))
        if result.dry_run is not None:
            show(draw.Text(f"  wrangler: {result.dry_run or 'would deploy it'}"))

    def end(self) -> None:
        """Report the end of all cases."""
        if self._output.json:
            cases = [_case_data(result) for result in self._results]
            self._output.data("patterns test", {"passed": self.passed, "cases": cases})
            return
        if any(result.updated for result in self._results):
            # A pattern may be a repository of its own, and goldens may be new.
            steps = " && ".join(Invocation(cwd=str(self._directory)).review("golden"))
            self._output.show(draw.Text(f"\nNext: {steps}", style="dim"))
        elif any(result.differences for result in self._results):
            update = test_command(self._directory, "--update")
            self._output.show(
                draw.Text(f"\nNext: if this is what you want, run {update}", style="dim")
            )

    def _differences(self, result: CaseResult) -> None:
        show = self._output.show
        if not result.case.golden.is_dir():
            show(draw.Text("  golden: none yet"))
            return
        for item in result.differences:
            show(draw.Text(f"  golden: {item.file} is {item.kind}"))
            for line in item.diff:
                show(draw.Text(f"    {line}", style=draw.DIFF_STYLES.get(line[:1], "")))
        if not result.differences:
            show(draw.Text("  golden: unchanged"))


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
