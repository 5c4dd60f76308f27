"""A real Chromium, and each pattern's page in it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from cfpy.tools.process import SubprocessRunner
from cfpy.tools.toolchain import Toolchain, cache_directory
from dev_process import Dev, start_dev
from projects import answer_again

HERE = Path(__file__).parent
MEDIA = HERE.parent.parent / "docs" / "media"
# As root, in containers and without a graphics card.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-zygote"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
# A name of somebody else's that was made to point at this machine.
ARGUMENTS += ["--host-resolver-rules=MAP rebound.example 127.0.0.1"]
# A guard against waiting for ever: what a page is waited for comes long before.
WAIT_MS = 120_000
expect.set_options(timeout=WAIT_MS)


def npm_packages() -> Path:
    """The directory with the packages of package-lock.json, installed once."""
    toolchain = Toolchain(SubprocessRunner(), print)
    home = cache_directory() / "test-browser"
    home.mkdir(parents=True, exist_ok=True)
    wanted, lock = (HERE / "package-lock.json").read_bytes(), home / "package-lock.json"
    installed = (home / "node_modules").is_dir() and lock.read_bytes() == wanted
    for name in ("package.json", "executable.mjs"):
        shutil.copyfile(HERE / name, home / name)
    if not installed:
        lock.write_bytes(wanted)
        npm = [*toolchain.node.npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(npm, cwd=home, env=toolchain.environment(), check=True)
    return home


def npm_chromium() -> tuple[str, dict[str, str]]:
    """The Chromium that npm ships, and the libraries that it may need."""
    toolchain = Toolchain(SubprocessRunner(), print)
    home = npm_packages()
    # The package unpacks its libraries where it takes this for a bare machine in the cloud.
    environment = toolchain.environment() | {"AWS_LAMBDA_JS_RUNTIME": "nodejs24.x"}
    node = [str(toolchain.node.binary), "executable.mjs"]
    done = subprocess.run(
        node, cwd=home, env=environment, check=True, capture_output=True, text=True
    )
    executable = done.stdout.strip()
    return executable, {"LD_LIBRARY_PATH": str(Path(executable).parent / "al2023" / "lib")}


@pytest.fixture(scope="session")
def swagger_ui(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of Swagger UI, as its CDN serves them: the page checks their hashes."""
    home = tmp_path_factory.mktemp("swagger-ui")
    toolchain = Toolchain(SubprocessRunner(), print)
    npm = [*toolchain.node.npm, "pack", "--silent", "swagger-ui-dist@5.35.0"]
    subprocess.run(npm, cwd=home, env=toolchain.environment(), check=True)
    with tarfile.open(home / "swagger-ui-dist-5.35.0.tgz") as archive:
        archive.extractall(home, filter="data")
    return home / "package"


@pytest.fixture(scope="session")
def accessible() -> Callable[[Page], None]:
    """Fails with what axe finds wrong with a page as it is now."""
    axe = (npm_packages() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")

    def check(page: Page) -> None:
        page.evaluate(axe)
        wrong = page.evaluate("axe.run().then(found => found.violations)")
        found = [f"{rule['id']}: {node['html']}" for rule in wrong for node in rule["nodes"]]
        assert found == []

    return check


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    installed = shutil.which("chromium")
    executable, environment = (installed, {}) if installed else npm_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=ARGUMENTS, env={**os.environ, **environment}
        )
        yield browser
        browser.close()


def complaint(message: ConsoleMessage) -> list[str]:
    """What the page's code says is wrong; a request that the Worker refused is nothing of it."""
    refused = message.text.startswith(("Failed to load resource", "Access to fetch at"))
    return [] if refused or message.type != "error" else [message.text]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """The address of somebody else's page."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "index.html").write_text("<link rel=icon href=data:,><p>Elsewhere")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path / "elsewhere")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def running(
    ready_in: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Dev]]:
    """A running Worker of a pattern, started once for each answer to `auth`."""
    started: list[Dev] = []

    @functools.cache
    def running_(pattern: str, auth: str = "token") -> Dev:
        project = ready_in(pattern, tmp_path_factory.mktemp(f"{pattern}-{auth}"))
        if auth != "token":
            answer_again(project, pattern, auth=auth)
        started.append(start_dev(project, "--runtime", "node"))
        return started[-1]

    yield running_
    for dev in started:
        dev.stop()


@pytest.fixture
def open_page(
    browser: Browser, running: Callable[..., Dev]
) -> Iterator[Callable[..., tuple[Dev, Page]]]:
    """Opens the page of a pattern. Whatever the page complains of fails."""
    complaints: list[str] = []

    def open_(pattern: str, auth: str = "token") -> tuple[Dev, Page]:
        dev = running(pattern, auth)
        page = browser.new_page(viewport={"width": 900, "height": 760}, color_scheme="light")
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: complaints.extend(complaint(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(dev.url)
        if auth == "token":
            page.get_by_label("token").fill("local-development-token")
        return dev, page

    yield open_
    assert complaints == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Takes a picture of a page; with --update-media it is the one in the README."""

    def take(page: Page, name: str) -> None:
        data = page.screenshot(animations="disabled", full_page=True)
        assert data.startswith(b"\x89PNG")
        if request.config.getoption("--update-media"):
            (MEDIA / f"{name}.png").write_bytes(data)

    return take
