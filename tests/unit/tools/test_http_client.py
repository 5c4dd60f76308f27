"""The one HTTP client: proxies and certificates as the environment names them."""

from __future__ import annotations

import http.server
import os
import platform
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import certifi
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.errors import UsageError
from cfpy.tools.http_client import HttpClient
from cfpy.tools.proxies import Proxies, Proxy, read_proxies

PASSWORD = "pa55-word"


def client(address: str = "http://api.test/v4", **environ: str) -> HttpClient:
    return HttpClient(address, source="the address", timeout=60, environ=environ)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://h:3128", "http://h:3128"),
        (" http://h:3128/\n", "http://h:3128"),
        ("HTTP://h", "http://h:80"),
        ("h:3128", "http://h:3128"),
        ("h", "http://h:80"),
        (f"me:{PASSWORD}@h:1", "http://h:1"),
        ("https://h", "https://h:443"),
        ("socks5://127.0.0.1:9", "socks5://127.0.0.1:9"),
        (f"socks5h://me:{PASSWORD}@h", "socks5h://h:1080"),
        (f"http://me:{PASSWORD}%23%40@h:8080", "http://h:8080"),
        (f"http://me:p@{PASSWORD}@h:8080", "http://h:8080"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"])
def test_a_proxy_that_can_be_used(name: str, value: str, shown: str) -> None:
    proxy = read_proxies({name: value}).for_address("http", "api.test", 80)
    assert proxy is not None
    assert (str(proxy), proxy.variable) == (shown, name)
    assert PASSWORD not in f"{proxy} {proxy!r}"
    # It is one for httpx, too, and for a child the password is in it.
    client(**{name: value})
    assert (PASSWORD in value) == (PASSWORD in proxy.url)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"http://me:{PASSWORD}#x@h:1", "a character that is not allowed in a URL"),
        (f"http://me:{PASSWORD}/x@h:1", "a character that is not allowed in a URL"),
        (f"http://me:{PASSWORD}?x@h:1", "a character that is not allowed in a URL"),
        (f"ftp://me:{PASSWORD}@h:1", "a kind of proxy"),
        ("socks4://h:1", "a kind of proxy"),
        ("socks://h:1", "a kind of proxy"),
        ("pac+http://h/proxy.pac", "a kind of proxy"),
        ('"http://h:1"', "a kind of proxy"),
        ("http://", "not the address of a proxy"),
        ("http://:3128", "not the address of a proxy"),
        (f"http://me:{PASSWORD}@", "not the address of a proxy"),
        ("http://h h:1", "not the address of a proxy"),
        ("http://[::1", "not the address of a proxy"),
        ("http://[nonsense]:1", "not the address of a proxy"),
        ("http://h:port", "not the address of a proxy"),
        ("http://h:99999", "an invalid port"),
        ("http://h:0", "an invalid port"),
        ("\u201chttp://h:1\u201d", "a kind of proxy"),
        ("http://h\x00:1", "not the address of a proxy"),
        ("http://h\u2028x:1", "not the address of a proxy"),
        ("http://-\u00ad.:1", "not the address of a proxy"),
        ("http://xn--\u00e9:1", "not the address of a proxy"),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_proxy_that_can_not_be_used(name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        client("https://api.test", **{name: value})
    assert said in caught.value.message
    assert PASSWORD not in caught.value.message + caught.value.hint


@given(st.text(), st.text(), st.sampled_from(["http://api.test", "https://[::1]:8080"]))
def test_whatever_stands_there_a_client_is_built_or_the_variable_named(
    proxy: str, without: str, address: str
) -> None:
    try:
        client(address, ALL_PROXY=proxy, NO_PROXY=without)
    except UsageError as error:
        assert "ALL_PROXY" in error.message  # noqa: PT017


def test_the_lower_case_wins_and_the_special_one_before_the_general() -> None:
    both = read_proxies({"http_proxy": "a", "HTTP_PROXY": "b", "ALL_PROXY": "c", "no_proxy": ""})
    assert (both.http and both.http.host, both.https and both.https.host) == ("a", "c")
    # An empty variable is no proxy, and does not hide the general one.
    assert str(read_proxies({"http_proxy": "", "all_proxy": "c"}).http) == "http://c:80"
    assert read_proxies({"http_proxy": "", "HTTP_PROXY": "b"}).http is None
    # A CGI program has a header of the request in it.
    assert read_proxies({"HTTP_PROXY": "b", "REQUEST_METHOD": "GET"}).http is None


@pytest.mark.parametrize(
    ("without", "host", "direct"),
    [
        ("*", "api.test", True),
        ("a.test,*", "api.test", True),
        ("api.test", "api.test", True),
        ("API.Test", "api.test", True),
        (".api.test", "api.test", True),
        ("test", "api.test", True),
        ("*.test", "api.test", True),
        ("pi.test", "api.test", False),
        ("other.test api.test", "api.test", True),
        ("http://api.test/", "api.test", True),
        ("api.test:80", "api.test", True),
        ("api.test:81", "api.test", False),
        ("[::1]", "::1", True),
        ("::1", "::1", True),
        ("[::1]:80", "::1", True),
        ("[::1]:81", "::1", False),
        ("fe80::/10", "fe80::1", True),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", False),
        ("[", "api.test", False),
        ("[::1]]:x,,:", "api.test", False),
        ("300.1.1.1/99", "127.0.0.1", False),
        ("", "api.test", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_needs_no_proxy(name: str, without: str, host: str, direct: bool) -> None:
    proxies = read_proxies({"ALL_PROXY": "http://h:1", name: without})
    assert (proxies.for_address("http", host, 80) is None) == direct


@given(st.text(), st.text())
def test_any_list_of_what_needs_no_proxy_can_be_read(entry: str, host: str) -> None:
    proxy = Proxy("X", "http", "h", 1)
    assert Proxies(proxy, None, (entry,)).for_address("http", host, 80) in (proxy, None)


@pytest.mark.parametrize(
    "address", ["", "api.test", "ftp://api.test", "http://", "http://[::1", "https://h:x", "\x00"]
)
def test_an_address_that_can_not_be_asked(address: str) -> None:
    with pytest.raises(UsageError, match="the address is not a valid address"):
        client(address)


def test_the_proxies_of_macos_settings_count_where_no_variable_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "nonsense://"})
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with pytest.raises(UsageError, match="http_proxy"):
        HttpClient("http://api.test", source="x", timeout=1)
    monkeypatch.setenv("NO_PROXY", "")
    HttpClient("http://api.test", source="x", timeout=1)


# Certificates


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "empty").touch()
    (tmp_path / "nonsense").write_bytes(b"\xff\x00 no certificate")
    (tmp_path / "folder").mkdir()
    (tmp_path / "good").write_bytes(Path(certifi.where()).read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "name", "said"),
    [
        ("SSL_CERT_FILE", "missing", "does not exist"),
        ("SSL_CERT_FILE", "folder", "is a directory"),
        ("SSL_CERT_FILE", "empty", "no PEM certificate"),
        ("SSL_CERT_FILE", "nonsense", "no PEM certificate"),
        ("SSL_CERT_FILE", "good/below", "names"),
        ("SSL_CERT_DIR", "missing", "is not a directory"),
        ("SSL_CERT_DIR", "good", "is not a directory"),
    ],
)
def test_certificates_that_are_not_there(variable: str, name: str, said: str, files: Path) -> None:
    environ = {variable: str(files / name)}
    with pytest.raises(UsageError, match=variable) as caught:
        client("https://api.test", **environ)
    assert said in caught.value.message
    # A proxy that is asked by TLS needs them, too; without any TLS nobody reads them.
    with pytest.raises(UsageError, match=variable):
        client(HTTP_PROXY="https://h", **environ)
    client(**environ)


@pytest.mark.parametrize(
    ("variable", "name"),
    [("SSL_CERT_FILE", "good"), ("SSL_CERT_DIR", "folder"), ("SSL_CERT_FILE", "")],
)
def test_certificates_that_can_be_used(variable: str, name: str, files: Path) -> None:
    client("https://api.test", **{variable: str(files / name) if name else ""})


def test_a_file_for_keys_that_can_not_be_written(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(files / "missing" / "keys"))
    with pytest.raises(UsageError, match="SSLKEYLOGFILE"):
        client("https://api.test")


# What is said of a request that has no answer


@pytest.fixture
def port() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


class Handler(http.server.BaseHTTPRequestHandler):
    """A proxy that answers as the request's first header says."""

    def do_GET(self) -> None:
        self.send_response(int(self.headers.get("x-status", "407")))
        self.send_header("content-length", "0")
        if where := self.headers.get("x-location"):
            self.send_header("location", where)
        self.end_headers()

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def failure(asking: HttpClient) -> str:
    with pytest.raises(httpx.HTTPError) as caught:
        asking.request("GET", "x")
    return asking.describe(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("address", ["http://api.test", "https://api.test"])
def test_a_proxy_that_is_not_there_is_named(scheme: str, address: str, port: int) -> None:
    place = f"{scheme}://127.0.0.1:{port}"
    said = failure(client(address, ALL_PROXY=place.replace("//", f"//me:{PASSWORD}@")))
    assert f"the proxy {place} from ALL_PROXY can't be reached" in said
    assert PASSWORD not in said


def test_a_proxy_that_refuses_is_named(server: str) -> None:
    said = failure(client("https://api.test", HTTPS_PROXY=f"http://{server}"))
    assert f"the proxy http://{server} from HTTPS_PROXY refused the request: 407" in said


def test_what_is_no_proxy_of_the_kind_that_was_named(server: str) -> None:
    """It waits for the end of a line that SOCKS does not send."""
    environ = {"ALL_PROXY": f"socks5://{server}"}
    said = failure(HttpClient("https://api.test", source="x", timeout=0.2, environ=environ))
    assert f"the proxy socks5://{server} from ALL_PROXY" in said


def test_a_proxy_for_socks_that_answers_nonsense() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        place = f"socks5://127.0.0.1:{listening.getsockname()[1]}"
        said = failure(client("https://api.test", ALL_PROXY=place))
    assert f"the proxy {place} from ALL_PROXY refused the request" in said


def test_without_a_proxy_none_is_named(port: int) -> None:
    said = failure(client(f"http://127.0.0.1:{port}", ALL_PROXY="http://h:1", NO_PROXY="127.0.0.1"))
    assert "Connection refused" in said
    assert "proxy" not in said


def test_a_header_that_can_not_be_sent_is_not_shown(server: str) -> None:
    secret = "Bearer a-token-of-mine \n"
    asking = HttpClient(
        f"http://{server}", source="x", timeout=60, headers={"Authorization": secret}, environ={}
    )
    assert "a-token" not in failure(asking)


def test_a_redirection_to_what_needs_certificates_that_are_missing(server: str) -> None:
    headers = {"x-status": "302", "x-location": "https://127.0.0.1:1/"}
    asking = HttpClient(
        f"http://{server}",
        source="x",
        timeout=60,
        headers=headers,
        environ={"SSL_CERT_FILE": "/missing"},
    )
    with pytest.raises(httpx.HTTPError) as caught:
        asking.get("/")
    assert "SSL_CERT_FILE" in asking.describe(caught.value)
