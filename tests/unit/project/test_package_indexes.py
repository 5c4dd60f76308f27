"""Whether Pyodide's index was asked; no connection leaves this process."""

from __future__ import annotations

import httpx
import pytest

from cfpy.errors import UsageError
from cfpy.project.package_indexes import find_pyodide_index
from cfpy.project.python_target import TARGETS

MIRROR = {"CFPY_PYODIDE_INDEX": "https://someone:secret@mirror.test/pyodide/"}


class Answers:
    """Answers each request with a status, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.status = 200
        self.error: httpx.HTTPError | None = None
        self.asked: list[str] = []
        monkeypatch.setattr(
            httpx.HTTPTransport, "handle_request", lambda _, request: self._handle(request)
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url.copy_with(userinfo=b"")))
        if self.error:
            raise self.error
        return httpx.Response(self.status, request=request)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return Answers(monkeypatch)


@pytest.mark.parametrize(
    ("python", "path"), [("3.12", "0.27.7"), ("3.13", "0.28.3"), ("3.14", "314.0.7")]
)
def test_each_python_has_its_own_index(answers: Answers, python: str, path: str) -> None:
    index = find_pyodide_index(TARGETS[python], MIRROR)
    assert answers.asked == [f"https://mirror.test/pyodide/{path}/"]
    assert index.usable
    assert index.shown == f"https://mirror.test/pyodide/{path}"
    assert index.unasked == ""


def test_without_a_mirror_it_is_the_one_that_pywrangler_asks(answers: Answers) -> None:
    find_pyodide_index(TARGETS["3.14"], {})
    assert answers.asked == ["https://index.pyodide.org/314.0.7/"]


@pytest.mark.parametrize("status", [200, 204, 404, 410])
def test_an_answer_counts_even_without_a_list(answers: Answers, status: int) -> None:
    answers.status = status
    assert find_pyodide_index(TARGETS["3.14"], MIRROR).usable


@pytest.mark.parametrize("status", [401, 403, 407, 429, 500, 502, 503, 504])
def test_a_refusal_is_no_answer(answers: Answers, status: int) -> None:
    answers.status = status
    index = find_pyodide_index(TARGETS["3.14"], MIRROR)
    assert not index.usable
    assert f"could not be asked (it answered with status {status})" in index.unasked
    assert "secret" not in index.unasked


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("timed out")])
def test_no_connection_is_no_answer(answers: Answers, error: httpx.HTTPError) -> None:
    answers.error = error
    index = find_pyodide_index(TARGETS["3.14"], MIRROR)
    assert str(error) in index.unasked


@pytest.mark.parametrize(
    "environ",
    [{"CFPY_PYODIDE_INDEX": "off"}, {"CFPY_PYODIDE_INDEX": " OFF "}, {"PIP_NO_INDEX": "1"}],
)
def test_it_can_be_turned_off(answers: Answers, environ: dict[str, str]) -> None:
    index = find_pyodide_index(TARGETS["3.14"], environ)
    assert answers.asked == []
    assert not index.usable
    assert "was not asked" in index.unasked


def test_an_address_that_is_none_is_refused(answers: Answers) -> None:
    with pytest.raises(UsageError, match="CFPY_PYODIDE_INDEX is not a valid address"):
        find_pyodide_index(TARGETS["3.14"], {"CFPY_PYODIDE_INDEX": "mirror"})
