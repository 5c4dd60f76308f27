"""Asking Cloudflare's API: tries, pauses, pages, and answers that are none of its own."""

from __future__ import annotations

import httpx
import pytest

from account_in_process import InProcess, found, refused
from cfpy.account.cloudflare_client import CloudflareClient, documented
from cfpy.errors import CloudflareError, NotAuthenticatedError
from cloudflare_api import ACCOUNT, TOKEN

QUEUES = f"accounts/{ACCOUNT}/queues"


@pytest.fixture
def client(cloudflare: InProcess, pauses: list[float]) -> CloudflareClient:
    return CloudflareClient(TOKEN)


def page(first: int, count: int, **info: object) -> httpx.Response:
    return found([{"n": n} for n in range(first, first + count)], **info)


@pytest.mark.parametrize(
    "passing",
    [refused(500, 10001), refused(429, 971), httpx.Response(502, text="<html>bad gateway</html>")],
)
def test_what_passes_is_asked_for_again(
    passing: httpx.Response, client: CloudflareClient, cloudflare: InProcess, pauses: list[float]
) -> None:
    cloudflare.instead["queues"] = [passing]
    assert client.get(QUEUES)["result"] == []
    assert cloudflare.asked == ["GET queues"] * 2
    assert len(pauses) == 1


def test_a_connection_that_is_lost_is_tried_again(
    client: CloudflareClient, cloudflare: InProcess, pauses: list[float]
) -> None:
    cloudflare.instead["queues"] = [httpx.ReadTimeout("slow"), httpx.ConnectError("lost")]
    assert client.get(QUEUES)["result"] == []
    # Each pause is longer than the one before.
    assert 0 < pauses[0] < pauses[1]


def test_the_api_says_when_to_come_back_within_reason(
    client: CloudflareClient, cloudflare: InProcess, pauses: list[float]
) -> None:
    waits = ("7", "3600", "Wed, 21 Oct 2026 07:28:00 GMT")
    cloudflare.instead["queues"] = [refused(429, 971, retry_after=wait) for wait in waits]
    client.get(QUEUES)
    assert pauses[:2] == [7, 30]
    assert 0 < pauses[2] <= 30


def test_in_the_end_it_is_told_what_the_api_said(
    client: CloudflareClient, cloudflare: InProcess, pauses: list[float]
) -> None:
    cloudflare.instead["queues"] = [refused(503, 10001, "Overloaded")] * 9
    with pytest.raises(CloudflareError, match=r"refused .*queues: Overloaded") as caught:
        client.get(QUEUES)
    assert (caught.value.status, caught.value.api_code) == (503, 10001)
    assert "Nothing was changed" in caught.value.hint
    assert len(cloudflare.asked) == len(pauses) + 1


def test_in_the_end_it_is_told_why_there_was_no_answer(
    client: CloudflareClient, cloudflare: InProcess
) -> None:
    cloudflare.instead["queues"] = [httpx.ConnectError("Name or service not known")] * 9
    with pytest.raises(CloudflareError, match=r"can't be reached: Name or service") as caught:
        client.get(QUEUES)
    assert (caught.value.status, caught.value.api_code) == (0, 0)


@pytest.mark.parametrize("status", [400, 404, 409, 410])
def test_a_refusal_is_not_asked_for_again(
    status: int, client: CloudflareClient, cloudflare: InProcess, pauses: list[float]
) -> None:
    cloudflare.instead["queues"] = [refused(status, 7003, "Could not route")]
    with pytest.raises(CloudflareError) as caught:
        client.get(QUEUES)
    assert (caught.value.status, caught.value.api_code) == (status, 7003)
    assert "`account_id` in the configuration" in caught.value.hint
    assert (len(cloudflare.asked), pauses) == (1, [])


def test_a_token_that_is_not_known_is_told_apart_and_not_shown(
    cloudflare: InProcess, pauses: list[float]
) -> None:
    with pytest.raises(NotAuthenticatedError) as caught:
        CloudflareClient("another-token").get(QUEUES)
    assert "another-token" not in caught.value.message + caught.value.hint
    assert "another-token" not in str(cloudflare.requests[0].url)
    assert pauses == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, text="<html>Blocked by the firewall</html>"),
        httpx.Response(404, content="<p>Nicht verfügbar</p>".encode("latin-1")),
        httpx.Response(404, json=["not", "an", "object"]),
        httpx.Response(404, json={"success": True, "result": {}}),
        httpx.Response(404, json={"success": False, "errors": None}),
    ],
)
def test_a_page_of_something_in_between_is_named_by_its_status(
    answer: httpx.Response, client: CloudflareClient, cloudflare: InProcess
) -> None:
    cloudflare.instead["queues"] = [answer]
    with pytest.raises((CloudflareError, NotAuthenticatedError), match=f"{answer.status_code}"):
        client.get(QUEUES)


@pytest.mark.parametrize("name", ["..", ".", "../x", "x/../y", "%2e%2E", ".%2e/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_name_does_not_lead_to_another_address(
    method: str, name: str, client: CloudflareClient, cloudflare: InProcess
) -> None:
    with pytest.raises(CloudflareError, match=r"can't be \. or \.\."):
        client.request(method, f"accounts/{ACCOUNT}/r2/buckets/{name}")
    assert cloudflare.asked == []


def test_parameters_that_are_empty_are_left_out(
    client: CloudflareClient, cloudflare: InProcess
) -> None:
    cloudflare.api.domains = {"a.test": "shop"}
    client.get(f"accounts/{ACCOUNT}/workers/domains", hostname="")
    client.get(f"accounts/{ACCOUNT}/workers/domains", hostname="a.test")
    assert [dict(request.url.params) for request in cloudflare.requests] == [
        {},
        {"hostname": "a.test"},
    ]


def test_a_list_is_read_to_its_end(client: CloudflareClient, cloudflare: InProcess) -> None:
    for number in range(250):
        cloudflare.api.queues[f"q{number}"] = str(number)
    names = [item["queue_name"] for item in client.pages(QUEUES)]
    assert names == list(cloudflare.api.queues)
    assert [request.url.params["page"] for request in cloudflare.requests] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("pages", "read"),
    [
        # The API gives fewer than it was asked for, and says how many there are.
        (
            [
                page(0, 20, result_info={"total_count": 45}),
                page(20, 20, result_info={"total_count": 45}),
                page(40, 5, result_info={"total_count": 45}),
            ],
            45,
        ),
        # It does not say: a page that is full may have another behind it.
        ([page(0, 100), page(100, 100), page(200, 0)], 200),
        ([page(0, 100), page(100, 3)], 103),
        ([page(0, 100, result_info=None), page(100, 0)], 100),
        # Some were deleted meanwhile: it must not ask for ever.
        (
            [
                page(0, 20, result_info={"total_count": 45}),
                page(20, 0, result_info={"total_count": 45}),
                page(20, 25),
            ],
            20,
        ),
        ([page(0, 0)], 0),
    ],
)
def test_pages_of_any_size(
    pages: list[httpx.Response], read: int, client: CloudflareClient, cloudflare: InProcess
) -> None:
    cloudflare.instead["queues"] = list(pages)
    assert [item["n"] for item in client.pages(QUEUES)] == list(range(read))


@pytest.mark.parametrize("error", [KeyError("result"), TypeError("a list"), ValueError("odd")])
def test_another_shape_than_documented_is_no_bug_of_ours(error: Exception) -> None:
    with pytest.raises(CloudflareError, match="not as documented") as caught, documented():
        raise error
    assert caught.value.exit_code == 6


def test_other_errors_pass_through_as_they_are() -> None:
    error = CloudflareError("x", status=404)
    with pytest.raises(CloudflareError) as caught, documented():
        raise error
    assert caught.value is error
