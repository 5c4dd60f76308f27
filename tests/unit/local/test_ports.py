"""An address on which nobody can listen is refused before anything else starts."""

from __future__ import annotations

import errno
import socket

import pytest

from cfpy.errors import UsageError
from cfpy.local.ports import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "*"])
def test_what_is_free_is_accepted(host: str) -> None:
    sockets = listen(host, 0)
    # One port for all addresses of the host.
    assert len({each.getsockname()[1] for each in sockets}) == 1
    for each in sockets:
        each.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_taken_port(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of {host} is in use"):
            listen(host, port)


@pytest.mark.parametrize("port", [0, 8787])
@pytest.mark.parametrize("host", ["192.0.2.1", "1.2.3.4"])
def test_the_address_of_another_machine(host: str, port: int) -> None:
    with pytest.raises(UsageError, match=f"{host} is not an address of this machine") as caught:
        listen(host, port)
    assert "--host" in caught.value.hint


@pytest.mark.parametrize("host", ["no such host", "", "a..b", "x" * 300, "[::1]", "256.1.1.1"])
def test_what_is_no_address(host: str) -> None:
    with pytest.raises(UsageError) as caught:
        listen(host, 0)
    assert repr(host) in caught.value.message


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "may not listen on port 80"),
        (errno.EPERM, "may not listen on port 80"),
        (errno.EAFNOSUPPORT, "is not an address of this machine"),
        (errno.EMFILE, "can't listen on port 80"),
    ],
)
def test_every_refusal_of_the_system_is_reported(
    number: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def bind(self, _address: object) -> None:
            raise OSError(number, "refused")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(UsageError, match=said):
        listen("127.0.0.1", 80)


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket, "socket", type("Busy", (socket.socket,), {"bind": bind}))
    with pytest.raises(UsageError, match=r"no port of 127.* is free"):
        listen("127.0.0.1", 0)
    with pytest.raises(UsageError, match="port 8787 of"):
        listen("127.0.0.1", 8787)
