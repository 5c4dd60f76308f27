"""What is around a Worker is the same in both runtimes: output, exceptions, reloads, saves of every
kind, configuration, the page, the port, signals."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lives import RAN, Life, lives

from dev_process import Dev, children, start_dev, wait_until_gone, write_project

# Within one look at the files, and longer; tests/unit/local/test_watching.py has more.
PAUSES = (0.01, 0.2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "life" in metafunc.fixturenames:
        found = lives()
        names = [f"{each.runtime}-{each.language.lower()}" for each in found]
        # One life in each run of CI; the cases of workerd start it there as well.
        others = [pytest.param(each, marks=pytest.mark.slow) for each in found[1:]]
        metafunc.parametrize(
            "life", [*found[:1], *others], ids=names, scope="module", indirect=True
        )


@pytest.fixture(scope="module")
def life(request: pytest.FixtureRequest) -> Life:
    given: Life = request.param
    request.config.stash.setdefault(RAN, []).append(given)
    return given


@pytest.fixture(scope="module")
def project(
    life: Life, tmp_path_factory: pytest.TempPathFactory, sdk: Callable[[Path], Path]
) -> Path:
    return sdk(write_project(tmp_path_factory.mktemp("life"), life.files))


@pytest.fixture(scope="module")
def dev(life: Life, project: Path) -> Iterator[Dev]:
    running = start_dev(project, "--runtime", life.runtime)
    yield running
    running.stop()


@pytest.fixture
def helper(life: Life, project: Path) -> Path:
    return project / life.helper


def save_whole(path: Path, text: str) -> None:
    path.write_text(text)


def save_by_renaming(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def save_slowly(pause: float) -> Callable[[Path, str], None]:
    """Truncate, and write later: as some editors and `>` in a shell do."""

    def save(path: Path, text: str) -> None:
        with path.open("w") as file:
            time.sleep(pause)
            file.write(text)

    return save


def wait_for_answer(dev: Dev, body: str, seconds: float = 120.0) -> None:
    """Ask until the Worker answers so. Each request is answered, while it starts again as well."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if dev.request("GET", "/").body == body.encode():
            return
        time.sleep(0.05)
    raise AssertionError(f"never answered {body!r}:\n" + "\n".join(dev.log))


def test_variables_secrets_modules_and_output(dev: Dev) -> None:
    assert dev.request("GET", "/").body == b"hello world sssh-7f3a"
    assert dev.wait_for_log("asked for /")
    assert dev.wait_for_log("GET / 200")
    assert not any("sssh-7f3a" in line for line in dev.log)


def test_the_worker_sees_the_host_of_its_configuration(life: Life, dev: Dev) -> None:
    """The page, which the other tests ask for, stays at the address of the run."""
    at = "life.test" if life.runtime == "workerd" else dev.url.split("/")[2]
    assert dev.request("GET", "/address").body == f"http://{at}/address {at}".encode()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/raise", 500, "out of cheese"),
        ("/later", 200, "late cheese"),
        ("/send", 200, "queued cheese"),
        ("/cdn-cgi/handler/scheduled?cron=*/5+*+*+*+*", 500, "cheese at */5 * * * *"),
    ],
)
def test_an_uncaught_exception_is_shown(dev: Dev, path: str, status: int, said: str) -> None:
    dev.log.clear()
    answer = dev.request("GET", path)
    assert answer.status == status
    dev.wait_for_log(said)
    # Only the project's own files, also in an answer.
    for text in (answer.body.decode(), *dev.log):
        assert "<exec>" not in text
        assert "/session" not in text
    assert "" not in dev.log


def claims_of(dev: Dev, **headers: str) -> dict[str, object] | None:
    """What the token says that the Worker was sent; ``None`` if it was sent none."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = dev.request("GET", "/caller", headers=named).json()
    if answer["token"] is None:
        return None
    header, claims, _ = (part + "=" * (-len(part) % 4) for part in answer["token"].split("."))
    [key] = json.loads(answer["certs"])["keys"]
    assert json.loads(base64.urlsafe_b64decode(header))["kid"] == key["kid"]
    return dict(json.loads(base64.urlsafe_b64decode(claims)))


def test_the_stand_in_for_access_signs_in_whom_a_person_chooses(dev: Dev) -> None:
    for chosen in ("ada@example.com", "grace@example.com", "local-machine.access", "nobody"):
        answer = dev.request("GET", f"/__cfpy/access/{chosen}")
        assert (answer.status, answer.headers["Location"]) == (302, "/")
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        claims = claims_of(dev, Cookie=f"other=1; {cookie}")
        said = claims and (claims.get("email") or claims["common_name"])
        assert said == (None if chosen == "nobody" else chosen)
        page = dev.request("GET", "/__cfpy/access", headers={"Cookie": cookie})
        assert f"{chosen}</a> (now)" in page.body.decode()
    first = claims_of(dev)
    assert first is not None
    assert (first["email"], first["aud"]) == ("ada@example.com", ["cfpy-dev"])
    by_client = claims_of(dev, CF_Access_Client_Id="local-machine.access")
    assert by_client is not None
    assert by_client["common_name"] == "local-machine.access"
    assert claims_of(dev, CF_Access_Client_Id="another.access") is None
    assert claims_of(dev, Cookie="cfpy_caller=eve@example.com") is None
    assert dev.request("GET", "/__cfpy/api/bindings").json()["caller"] == "ada@example.com"


def test_who_signs_out_can_sign_in_again(dev: Dev) -> None:
    answer = dev.request("GET", "/cdn-cgi/access/logout")
    assert (answer.status, answer.headers["Location"]) == (302, "/__cfpy/access")
    assert answer.headers["Set-Cookie"].startswith("cfpy_caller=nobody;")


def test_a_token_that_a_client_sends_is_for_the_worker_to_refuse(dev: Dev) -> None:
    answer = dev.request("GET", "/caller", headers={"Cf-Access-Jwt-Assertion": "mine"})
    assert answer.json()["token"] == "mine"


def test_the_page_shows_what_the_bindings_hold(life: Life, dev: Dev) -> None:
    dev.request("GET", "/store")
    assert dev.data["page"] == f"{dev.url}__cfpy"
    for path, content in {"": b"cfpy dev", "/page.js": b"VIEWS", "/page.css": b"{"}.items():
        assert content in dev.request("GET", f"/__cfpy{path}").body

    def ask(path: str) -> dict[str, object]:
        return dict(dev.request("GET", f"/__cfpy/api/{path}").json())

    answer = dev.request("GET", "/__cfpy/api/bindings")
    assert answer.json()["crons"] == ["*/5 * * * *"]
    kinds = {item["name"]: item["kind"] for item in answer.json()["bindings"]}
    assert kinds == {
        "KV": "KV",
        "DB": "D1",
        "JOBS": "Queue",
        "METRICS": "Analytics Engine",
        "GREETING": "variable",
        "ACCESS_TEAM_DOMAIN": "variable",
        "ACCESS_AUD": "variable",
        "TOKEN": "secret",
    }
    assert b"sssh-7f3a" not in answer.body
    assert ask("kv/KV?key=key")["text"] == "value"
    assert ask("d1/DB")["tables"] == [{"name": "items", "rows": 0}]
    for view in ("queues/JOBS", "points/METRICS"):
        # What can't be recorded there says so.
        assert ("--runtime workerd" in str(ask(view).get("note"))) == (life.runtime == "workerd")
    assert dev.request("POST", "/__cfpy/api/d1/DB", {}).status == 405
    assert dev.request("GET", "/__cfpy/api/d1/KV").status == 404


def test_the_page_shows_the_log(dev: Dev) -> None:
    dev.request("GET", "/raise")
    connection = dev.connect()
    connection.request("GET", "/__cfpy/api/events")
    response = connection.getresponse()
    while b"out of cheese" not in response.readline():
        pass
    connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "127.0.0.1.rebound.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_the_page_is_for_its_own_origin_alone(dev: Dev, headers: dict[str, str]) -> None:
    for path in ("/__cfpy", "/__cfpy/api/bindings", "/__cfpy/api/events"):
        answer = dev.request("GET", path, headers=headers)
        assert answer.status == 403, path
        assert b"TOKEN" not in answer.body
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_a_save_of_any_kind_is_loaded(life: Life, dev: Dev, helper: Path) -> None:
    # Names of one length: the size of the file stays the same.
    saves = [save_whole, save_by_renaming, save_by_renaming, *map(save_slowly, PAUSES), save_whole]
    for number, save in enumerate(saves):
        dev.log.clear()
        save(helper, life.named(f"edit-{number}"))
        wait_for_answer(dev, f"hello edit-{number} sssh-7f3a")
        dev.wait_for_log("reloaded in")


def test_an_edit_counts_though_time_and_size_stay_the_same(
    life: Life, dev: Dev, helper: Path
) -> None:
    for name in ("east", "west"):
        helper.write_text(life.named(name))
        os.utime(helper, (1_700_000_000, 1_700_000_000))
        wait_for_answer(dev, f"hello {name} sssh-7f3a")


def test_links_are_followed_and_watched(life: Life, dev: Dev, project: Path, helper: Path) -> None:
    target = project / "elsewhere" / helper.name
    target.parent.mkdir()
    target.write_text(life.named("linked"))
    helper.unlink()
    helper.symlink_to(os.path.relpath(target, helper.parent))
    wait_for_answer(dev, "hello linked sssh-7f3a")
    target.write_text(life.named("edited behind the link"))
    wait_for_answer(dev, "hello edited behind the link sssh-7f3a")
    # Also the folder of the main module.
    helper.parent.rename(project / "real")
    helper.parent.symlink_to("real")
    target.write_text(life.named("in a linked folder"))
    wait_for_answer(dev, "hello in a linked folder sssh-7f3a")


def test_a_mistake_is_shown_until_it_is_fixed(life: Life, dev: Dev, helper: Path) -> None:
    """Also one after the other."""
    address = dev.url
    mistakes = [(life.broken, "SyntaxError"), (life.raises, "no cheese at the top")]
    if life.language == "Python":
        # Python itself does not name the file.
        mistakes.insert(0, ('\nNAME = "\0"\n', "src/helper.py:2: SyntaxError"))
    for text, said in mistakes:
        dev.log.clear()
        helper.write_text(text)
        dev.wait_for_log(said)
    dev.wait_for_log("Waiting for a fix" if life.runtime == "workerd" else "reload failed")
    helper.write_text(life.named("sun"))
    wait_for_answer(dev, "hello sun sssh-7f3a")
    assert dev.url == address


@pytest.mark.slow
def test_an_edit_of_the_configuration_takes_effect(
    life: Life, dev: Dev, project: Path, helper: Path
) -> None:
    helper.write_text(life.named("sun"))
    config = project / "wrangler.toml"
    right = config.read_text().replace('"hello"', '"bye"')
    config.write_text(right)
    dev.wait_for_log("wrangler.toml changed")
    wait_for_answer(dev, "bye sun sssh-7f3a")
    dev.log.clear()
    config.write_text(f"{right}[broken\n")
    dev.wait_for_log("Waiting for a fix")
    # What can't be read leaves the Worker as it was. What can't start answers with the reason.
    wait_for_answer(dev, "bye sun sssh-7f3a")
    dev.log.clear()
    config.write_text(right.replace('main = "src/entry', 'main = "src/missing'))
    dev.wait_for_log("Waiting for a fix")
    waiting = dev.request("POST", "/", "body")
    assert (waiting.status, b"src/missing" in waiting.body) == (503, True)
    config.write_text(right)
    wait_for_answer(dev, "bye sun sssh-7f3a")
    (project / ".dev.vars").write_text("TOKEN=other-9c1b\n")
    wait_for_answer(dev, "bye sun other-9c1b")
    (project / "migrations" / "0002_rows.sql").write_text("INSERT INTO items VALUES (1);\n")
    dev.wait_for_log("0002_rows.sql changed")
    deadline = time.monotonic() + 120
    rows = b""
    while b"1" not in rows and time.monotonic() < deadline:
        rows = dev.request("GET", "/rows").body
    assert rows in (b"[[1]]", b"[[1.0]]"), rows


@pytest.mark.slow
def test_a_worker_that_can_not_start_again_answers_with_the_reason(
    life: Life, dev: Dev, project: Path, helper: Path
) -> None:
    """As after a change of branches: code and configuration are edited at once."""
    config = project / "wrangler.toml"
    text, right = config.read_text(), helper.read_text()
    before = dev.request("GET", "/").body.decode()
    dev.log.clear()
    helper.write_text(life.broken)
    config.write_text(f"{text}# Another branch.\n")
    dev.wait_for_log("Waiting for a fix")
    answer = dev.request("GET", "/")
    assert answer.status in (500, 503)
    assert b"helper" in answer.body
    config.write_text(text)
    helper.write_text(right)
    wait_for_answer(dev, before)


@pytest.mark.slow
def test_a_database_that_is_deleted_gets_its_tables_again(dev: Dev, project: Path) -> None:
    """A new start reads the configuration, and asks the database itself."""
    config = project / "wrangler.toml"
    text = config.read_text()
    row = project / "migrations" / "0002_rows.sql"
    row.write_text("INSERT INTO items VALUES (1);\n")
    dev.log.clear()
    config.write_text(f"{text}[broken\n")
    dev.wait_for_log("Waiting for a fix")
    shutil.rmtree(project / ".wrangler" / "state" / "v3" / "d1")
    dev.log.clear()
    config.write_text(text)
    dev.wait_for_log("Ready on")
    assert dev.request("GET", "/rows").body in (b"[[1]]", b"[[1.0]]")


def test_a_port_that_is_taken_is_named(life: Life, project: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        argv = [sys.executable, "-m", "cfpy", "dev", "--runtime", life.runtime, "--port", port]
        done = subprocess.run(
            [*argv, "--persist-to", str(tmp_path)],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_behind(life: Life, dev: Dev, number: signal.Signals) -> None:
    """The first ends what the other tests used."""
    used = number is signal.SIGKILL
    running = dev if used else start_dev(dev.project, "--runtime", life.runtime)
    below = children(running.process.pid)
    assert below
    status = running.stop(number)
    assert status == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[number]
    wait_until_gone(below)
