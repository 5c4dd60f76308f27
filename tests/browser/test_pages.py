"""The page of each pattern, used as a person would, in a real browser on the real Worker."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from dev_process import Dev

Open = Callable[[str], tuple[Dev, Page]]
Picture = Callable[[Page, str], None]
TOKEN = {"authorization": "Bearer local-development-token"}


def open_binding(page: Page, name: str) -> Locator:
    """Choose a binding on the page of `cfpy dev`; what that shows."""
    page.get_by_label("Bindings").get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#title")).to_contain_text(name)
    return page.locator("#content")


def test_rag_asks(open_page: Open, picture: Picture, tmp_path: Path) -> None:
    dev, page = open_page("rag")
    argv = [sys.executable, "scripts/ingest.py", "corpus", "--wait", "--url", dev.url]
    subprocess.run(argv, cwd=dev.project, check=True, capture_output=True)
    page.get_by_label("Your question").fill("How large is the mirror of the main telescope?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#answer a").first).to_be_visible()
    expect(page.locator("#answer")).to_contain_text("1.2 metres")
    expect(page.locator("#sources li.cited").first).to_contain_text("telescope")
    picture(page, "rag")
    page.get_by_label("Your question").fill("What is the capital of Mongolia?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#answer")).to_contain_text("don't know")

    page.goto(dev.data["page"])
    content = open_binding(page, "VECTORIZE")
    content.get_by_label("Text to search by meaning").fill("size of the mirror")
    content.get_by_role("button", name="Search").click()
    expect(content).to_contain_text("Embedded by @cf/baai/bge-m3")
    nearest = content.locator("tbody tr").first
    expect(nearest).to_contain_text("equipment")
    picture(page, "dev-vectors")
    nearest.get_by_role("button").click()
    expect(content.locator("tbody td").first).to_have_text("1.0000")
    calls = open_binding(page, "AI").locator("tbody tr")
    # The newest first: the question that has no answer here was reranked, and then no model asked.
    expect(calls.filter(has_text="bge-reranker-base").first).to_be_visible()
    answered = calls.filter(has_text="gemma-4").first.locator("td")
    tokens_in, tokens_out, neurons = (float(answered.nth(i).inner_text()) for i in (3, 4, 5))
    assert tokens_out > 0
    assert neurons == pytest.approx((tokens_in * 9091 + tokens_out * 27273) / 1e6, abs=0.001)


def test_pipeline_uploads(open_page: Open, picture: Picture, tmp_path: Path) -> None:
    dev, page = open_page("pipeline")
    good, bad = tmp_path / "whales.md", tmp_path / "broken.json"
    good.write_text(
        "# Whales\n\nThe blue whale is the largest animal that has ever lived. It feeds on krill, "
        "of which it eats up to four tonnes a day. <b>Its heart</b> weighs as much as a piano.\n"
    )
    bad.write_text('{"not": "closed"')
    page.locator("#file").set_input_files(good)
    done = page.locator("#jobs li.done")
    expect(done).to_contain_text("largest animal")
    expect(done).to_contain_text("<b>Its heart</b>")
    page.locator("#file").set_input_files(bad)
    expect(page.locator("#jobs li.failed")).to_contain_text("no valid JSON")
    picture(page, "pipeline")

    # The list is still there afterwards, fits on a phone, and takes another try.
    page.set_viewport_size({"width": 360, "height": 800})
    page.reload()
    expect(page.locator("#jobs li")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    with page.expect_response("**/retry") as again:
        page.get_by_role("button", name="Retry").click()
    assert again.value.status == 202
    expect(page.locator("#jobs li.failed")).to_contain_text("no valid JSON")
    expect(page.locator("#jobs li.done")).to_contain_text("largest animal")
    page.set_viewport_size({"width": 1280, "height": 720})

    page.goto(dev.data["page"])
    jobs = open_binding(page, "DB")
    jobs.get_by_role("button", name="results").click()
    expect(jobs.locator("table").last).to_contain_text("largest animal")
    files = open_binding(page, "BUCKET")
    files.locator("tbody tr").filter(has=page.get_by_text("173", exact=True)).get_by_role(
        "button"
    ).click()
    expect(files.locator("pre")).to_contain_text("whale")
    queue = open_binding(page, "QUEUE").locator("tbody tr").first.locator("td")
    expect(queue.nth(4)).to_have_text("3")
    # While it is looked at, more comes in.
    headers = {"Authorization": "Bearer local-development-token"}
    job = dev.request("POST", "/files?name=b.txt", "More text.", headers).json()["id"]
    expect(page.locator("#log")).to_contain_text(job)
    expect(queue.nth(4)).to_have_text("4")


def test_pipeline_says_why_an_address_is_refused(open_page: Open) -> None:
    dev, page = open_page("pipeline")
    page.get_by_label("Or the address of one").fill("https://192.168.0.1/a.txt")
    with page.expect_response(f"{dev.url}files") as refused:
        page.get_by_role("button", name="Fetch").click()
    assert refused.value.status == 422
    expect(page.locator("#status")).to_contain_text("not by its IP address")


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#content")).to_be_visible()


def create(page: Page, name: str, description: str = "") -> None:
    form = page.locator("#create")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Description").fill(description)
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_label("Name")).to_have_value("")


def test_fullstack_asks_for_the_token_once(open_page: Open) -> None:
    _, page = open_page("fullstack")
    expect(page.locator("#content")).to_be_hidden()
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#status")).to_have_text("This token is not the right one.")
    page.get_by_label("Access token").fill("local-development-token")
    sign_in(page)
    expect(page.get_by_label("Access token")).to_be_hidden()
    page.reload()
    expect(page.locator("#content")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_fullstack_creates_changes_and_deletes(
    open_page: Open, picture: Picture, tmp_path: Path
) -> None:
    dev, page = open_page("fullstack")
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page)
    expect(page.get_by_text("There are no items yet.")).to_be_visible()
    page.get_by_role("button", name="three examples").click()
    rows = page.locator("#items li")
    expect(rows).to_have_count(3)
    expect(page.get_by_text("There are no items yet.")).to_be_hidden()
    kettle = rows.first
    expect(kettle.get_by_label("Name")).to_be_hidden()
    kettle.locator("summary").click()
    kettle.get_by_label("Name").fill("Electric kettle")
    kettle.get_by_role("button", name="Save").click()
    expect(kettle).to_have_attribute("data-version", "2")
    expect(kettle.locator("summary")).to_have_text("Electric kettle")
    kettle.locator("summary").click()
    polled: list[str] = []
    page.on("request", lambda request: polled.append(request.url))
    kettle.get_by_role("button", name="Count words").click()
    expect(kettle.locator("output")).to_have_text("10 words")
    assert [url.rpartition("/")[2] for url in polled] == ["process", "events"]
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    page.locator("#file").set_input_files(file)
    expect(page.locator("#files li")).to_contain_text("notes.txt5 bytes")
    file.with_suffix(".html").write_text("<p>")
    page.locator("#file").set_input_files(file.with_suffix(".html"))
    expect(page.locator("#status")).to_contain_text("Only pictures, PDF, ZIP, CSV and text files")
    create(page, "Milk jug")
    picture(page, "fullstack")
    create(page, "Long" * 25)
    page.set_viewport_size({"width": 320, "height": 600})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    rows.last.locator("summary").click()
    rows.last.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(4)
    page.reload()
    expect(rows).to_have_count(4)
    expect(rows.first.locator("summary")).to_contain_text("Electric kettle")
    create(page, "<img src=x onerror=document.title='broken'>")
    expect(rows).to_have_count(5)

    read = f"/api/items/{rows.first.get_attribute('data-id')}"
    assert dev.request("GET", read, headers=TOKEN).status == 200
    page.goto(dev.data["page"])
    expect(page.locator("#bindings")).to_contain_text("secret not shown")
    database = open_binding(page, "DB")
    database.get_by_role("button", name="items").click()
    expect(database.locator("table").last).to_contain_text("<img src=x onerror")
    picture(page, "dev-rows")
    cached = open_binding(page, "CACHE")
    expect(cached.locator("tbody tr").first).to_be_visible()
    points = open_binding(page, "METRICS")
    expect(points.locator("tbody")).to_contain_text("queued")
    expect(page).to_have_title("shop: cfpy dev")


def test_fullstack_loses_neither_edits_nor_files(open_page: Open, tmp_path: Path) -> None:
    dev, page = open_page("fullstack")
    page.on("dialog", lambda dialog: dialog.accept())
    for item in dev.request("GET", "/api/items", headers=TOKEN).json()["items"]:
        address = f"/api/items/{item['id']}"
        version = {"if-match": dev.request("GET", address, headers=TOKEN).headers["ETag"]}
        assert dev.request("DELETE", address, headers=TOKEN | version).status == 204
    sign_in(page)
    create(page, "Kettle")
    row = page.locator("#items li")
    row.locator("summary").click()
    row.get_by_role("button", name="Count words").click()
    row.get_by_label("Name").fill("Not saved yet")
    expect(row.locator("output")).to_have_text("1 word")
    expect(row.get_by_label("Name")).to_have_value("Not saved yet")
    row.get_by_role("button", name="Save").click()
    expect(row).to_have_attribute("data-version", "4")
    expect(row.get_by_label("Name")).to_have_value("Not saved yet")
    number = row.get_attribute("data-id")
    theirs = {"If-Match": '"4"', "Content-Type": "application/json"}
    changed = dev.request("PUT", f"/api/items/{number}", {"name": "Theirs"}, TOKEN | theirs)
    assert changed.status == 200
    row.locator("summary").click()
    row.get_by_label("Name").fill("Mine")
    row.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_contain_text("Somebody else has changed this item")
    expect(row.get_by_label("Name")).to_have_value("Mine")

    page.locator("#file").dispatch_event("change")
    file = tmp_path / "日本"
    file.write_text("first")
    page.locator("#file").set_input_files(file)
    link = page.locator("#files a").filter(has_text=re.compile("^file$"))
    expect(link).to_have_count(1)
    address = str(link.get_attribute("href"))
    file.write_text("second")
    page.locator("#file").set_input_files(file)
    expect(link).to_have_count(2)
    assert dev.request("GET", address).body == b"first"
    page.reload()
    expect(link).to_have_count(2)
    page.get_by_role("button", name="Delete file", exact=True).first.click()
    expect(link).to_have_count(1)
    assert dev.request("GET", address).status == 404


def test_fullstack_documents_its_api_with_files_of_one_pinned_address(
    open_page: Open, swagger_ui: Path
) -> None:
    dev, page = open_page("fullstack")
    address = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.35.0/"

    def published(route: Route) -> None:
        path = swagger_ui / route.request.url.removeprefix(address)
        route.fulfill(path=path, headers={"Access-Control-Allow-Origin": "*"})

    page.route(f"{address}*", published)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{dev.url}docs")
    expect(page.locator(".opblock")).to_have_count(13)
    assert all(url.startswith((dev.url, address, "data:")) for url in asked)


def test_no_other_site_sees_the_bindings(open_page: Open, elsewhere: str) -> None:
    dev, page = open_page("fullstack")
    address = dev.data["page"]
    # By a name that its owner made to point here: for the browser that is one site with its page.
    rebound = page.goto(address.replace("127.0.0.1", "rebound.example"))
    assert rebound is not None
    assert rebound.status == 403
    page.goto(elsewhere)
    read = "address => fetch(address).then(() => 'read', error => error.name)"
    assert page.evaluate(read, f"{address}/api/bindings") == "TypeError"
