"""The page of each pattern, used as a person would, in a real browser on the real Worker."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from dev_process import Dev

Open = Callable[..., tuple[Dev, Page]]
Picture = Callable[[Page, str], None]
Accessible = Callable[[Page], None]
TOKEN = {"authorization": "Bearer local-development-token"}


def open_binding(page: Page, name: str) -> Locator:
    """Choose a binding on the page of `cfpy dev`; what that shows."""
    page.get_by_label("Bindings").get_by_role("button", name=name, exact=True).click()
    expect(page.locator("#title")).to_contain_text(name)
    return page.locator("#content")


def ask(page: Page, question: str) -> None:
    """Ask by keyboard alone."""
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def test_rag_asks(open_page: Open, picture: Picture, accessible: Accessible) -> None:
    dev, page = open_page("rag")
    page.get_by_label("Access token").blur()
    expect(page.get_by_text("There are no documents yet")).to_be_visible()
    accessible(page)
    argv = [sys.executable, "scripts/ingest.py", "corpus", "--wait", "--url", dev.url]
    subprocess.run(argv, cwd=dev.project, check=True, capture_output=True)
    page.reload()
    page.get_by_role("button", name="How large is the mirror").click()
    first, second = page.locator("article").nth(0), page.locator("article").nth(1)
    expect(first.locator(".answer")).to_contain_text("1.2 metres")
    # It opens where it is cited, and the others stay folded.
    first.locator(".answer").get_by_role("link", name="Source 1").first.click()
    passage = first.locator("li.cited").first
    expect(passage.locator("summary")).to_be_focused()
    expect(passage.locator("summary")).to_contain_text("telescope")
    expect(passage.locator("p").first).to_contain_text("Marlow reflector")
    expect(first.locator(".others li").first).to_be_hidden()
    picture(page, "rag")
    ask(page, "And when was it installed?")
    expect(second.locator("li.cited").first).to_contain_text("The main telescope")
    expect(second.get_by_role("button", name="Copy")).to_be_visible()
    accessible(page)
    page.reload()
    expect(second.locator("li.cited").first).to_contain_text("The main telescope")
    page.get_by_role("button", name="New chat").click()
    ask(page, "What is the capital of Mongolia?")
    expect(page.locator(".answer")).to_contain_text("don't know")
    expect(page.locator(".note")).to_contain_text("No passage")

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


# Stands in for a Worker that sends what `send` is given, until the page stops listening.
STREAMED = """
const events = [];
window.send = (name, data) => events.push(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
const real = fetch;
window.fetch = (path, options) => {
  if (path !== '/query') return real(path, options);
  window.asked = JSON.parse(options.body);
  let left = false;
  const pull = async (stream) => {
    const over = () => left || options.signal.aborted;
    while (!events.length && !over()) await new Promise((done) => setTimeout(done, 5));
    if (options.signal.aborted) stream.error(options.signal.reason);
    else if (!left) stream.enqueue(new TextEncoder().encode(events.shift()));
  };
  const cancel = () => (left = true);
  return Promise.resolve(new Response(new ReadableStream({ pull, cancel })));
};
"""
PASSAGE = """\
| a | b |
|---|---|
| 1 | 2 |

```
if x:
    y[1]
```

Main Street 5
Town"""
SOURCE = {
    "id": 1,
    "document_id": "d.md",
    "title": "D",
    "heading": "D > E",
    "source": "javascript:1",
}

MARKDOWN = {
    "a **b *c* d** `e*f*` ~~g~~ h_i_j _k_": "<p>a <strong>b <em>c</em> d</strong> "
    "<code>e*f*</code> <del>g</del> h_i_j <em>k</em></p>",
    "2 * 3 * 4 \\*x\\* **": "<p>2 * 3 * 4 *x* **</p>",
    "> q\n> r\n\n---\n###### six": "<blockquote><p>q\nr</p></blockquote><hr><h3>six</h3>",
    "```js\n<b>\n": '<pre tabindex="0"><code>&lt;b&gt;\n</code></pre>',
    "3. a\n\n   b\n4. c": '<ol start="3"><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>',
    "<script>x</script> &lt; [a](data:x) ![i](https://a.example/i.png)": "<p>&lt;script&gt;x"
    "&lt;/script&gt; &amp;lt; [a](data:x) "
    '<a href="https://a.example/i.png" target="_blank" rel="noopener noreferrer">i</a></p>',
    "[j](JavaScript:a(1)) [v](\x01javascript:x) [r](//a.example)": "<p>[j](JavaScript:a(1)) "
    "[v](\x01javascript:x) [r](//a.example)</p>",
    "short\nlines": "<p>short\nlines</p>",
    f"{'word ' * 14}end\nof\na paragraph": f"<p>{'word ' * 14}end\nof\na paragraph</p>",
    f"{'word ' * 14}end\n{'long' * 9} {'word ' * 6}b\nlast": f"<p>{'word ' * 14}end\n"
    f"{'long' * 9} {'word ' * 6}b\nlast</p>",
    "> " * 5000: None,
    "*" * 5000: "<hr>",
    "[" * 3000 + "](" * 1000: None,
}


def test_rag_shows_whatever_models_write(open_page: Open, accessible: Accessible) -> None:
    _, page = open_page("rag")
    page.get_by_label("Access token").blur()
    page.add_init_script(STREAMED)
    page.reload()
    send = functools.partial(page.evaluate, "([name, data]) => window.send(name, data)")
    answer = page.locator(".answer").last
    ask(page, "Which ones?")
    send(["sources", {"question": "Which?", "sources": [{**SOURCE, "text": PASSAGE}]}])
    send(["token", {"text": "# Head\n\na\u2028b\u2029c **bo"}])
    expect(answer).to_contain_text("a\u2028b\u2029c **bo")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_hidden()
    send(["token", {"text": "ld** [1], items[1] <img src=x onerror=alert(1)>\n\n"}])
    send(["token", {"text": "- [x](javascript:alert) [y](https://a.example/)\n  1. n\n"}])
    outcome = {"citations": [{"id": 1}], "grounded": True, "truncated": True}
    send(["done", outcome])
    expect(answer.locator("h3")).to_have_text("Head")
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer.get_by_role("link")).to_have_count(2)
    expect(answer.get_by_role("link", name="y")).to_have_attribute("href", "https://a.example/")
    expect(answer.locator("ul li ol li")).to_have_text("n")
    expect(answer).to_contain_text("items[1] <img src=x onerror=alert(1)>")
    expect(page.locator(".note")).to_contain_text("not complete")
    answer.get_by_role("link", name="Source 1").click()
    passage = page.locator("li.cited .passage")
    expect(passage.locator("td")).to_have_text(["1", "2"])
    assert passage.locator("pre").inner_text() == "if x:\n    y[1]"
    assert passage.locator("p").last.inner_text() == "Main Street 5\nTown"
    expect(passage.locator("a")).to_have_count(0)
    accessible(page)

    ask(page, "And then?")
    send(["sources", {"question": "Which then?", "sources": []}])
    send(["token", {"text": "Half an ans"}])
    expect(answer).to_have_text("Half an ans")
    page.get_by_role("button", name="Stop").press("Enter")
    expect(page.locator(".note").last).to_have_text("You stopped this answer.")
    assert [turn["role"] for turn in page.evaluate("asked.history")] == ["user", "assistant"]
    page.get_by_role("button", name="Ask again").click()
    send(["error", {"detail": "The model has no capacity just now."}])
    expect(page.locator(".note.error")).to_have_text("The model has no capacity just now.")
    accessible(page)

    # Each token has a conversation, and no other gets to know it.
    token, others = page.get_by_label("Access token"), page.locator("article")
    for value, count in (("another", 0), ("local-development-token", 1)):
        page.locator("#access summary").click()
        token.fill(value)
        token.press("Enter")
        expect(others).to_have_count(count)
        if not count:
            ask(page, "Who are you?")
            expect(others).to_have_count(1)
            assert page.evaluate("asked.history") == []
            send(["error", {"detail": "Nobody."}])
    render = """async (text) => {
      const whole = document.createElement('div');
      whole.append((await import('/markdown.js')).markdown(text));
      return whole.innerHTML;
    }"""
    for text, expected in MARKDOWN.items():
        # What no author writes is shown somehow.
        assert page.evaluate(render, text) == expected or expected is None


def test_rag_keeps_documents(open_page: Open, accessible: Accessible, tmp_path: Path) -> None:
    _, page = open_page("rag")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_label("Access token").fill("wrong")
    page.get_by_role("button", name="Documents").click()
    # In plain words, where it can be changed.
    expect(page.get_by_role("alert")).to_contain_text("does not accept this access token")
    expect(page.get_by_label("Access token")).to_be_focused()
    accessible(page)
    page.get_by_label("Access token").fill("local-development-token")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Documents").press("Enter")
    sheet = page.get_by_role("dialog", name="Documents")
    names = ("Löwe.de.md", "prices.csv", "picture.txt", "empty.md", "program.exe")
    files = [tmp_path / name for name in names]
    files[0].write_text("---\ntitle: Vom Löwen\n---\n# Löwe\n\nDer Löwe schläft am Tag.\n")
    files[1].write_text("dish,crowns\nsoup,4\n")
    files[2].write_bytes(b"\x89PNG\r\n\x1a\n")
    files[3].write_text(" \n")
    files[4].write_bytes(b"MZ")
    page.locator("#file").set_input_files(files)
    expect(sheet.get_by_role("status")).to_contain_text("Added 2 of 5. 3 not, see below.")
    whys = (
        "'picture.txt' is not what its name says",
        "'empty.md' holds no",
        "'program.exe' is none",
    )
    expect(page.locator("#failures li")).to_have_text([re.compile(why) for why in whys])
    expect(sheet.get_by_role("listitem").filter(has_text="prices.csv")).to_have_count(1)
    row = sheet.get_by_role("listitem").filter(has_text="Vom Löwen")
    expect(row).to_contain_text(re.compile(r"Lowe\.de-[0-9a-f]{10}\.md"))
    expect(row.locator(".searchable")).to_have_text("1 passage")
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    row.get_by_role("button").press("Enter")
    expect(row.get_by_role("button")).to_have_text("Really delete?")
    expect(row.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row).to_have_count(0)
    expect(sheet.get_by_role("status")).to_have_text("Deleted Vom Löwen.")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    # Another token finds nothing of it, whatever it may see itself.
    expect(page.locator("#list li")).not_to_have_count(0)
    page.locator("#access").evaluate("section => { section.open = true; }")
    page.get_by_label("Access token").fill("wrong")
    page.get_by_label("Access token").blur()
    expect(page.locator("#list li")).to_have_count(0)


def ring(page: Page, selector: str) -> str:
    """How an element shows that it has the focus."""
    style = "element => getComputedStyle(element).outlineStyle"
    return str(page.locator(selector).evaluate(style))


def test_pipeline_uploads(
    open_page: Open, picture: Picture, accessible: Accessible, tmp_path: Path
) -> None:
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
    accessible(page)

    # The list is still there afterwards, fits on a phone, and takes another try.
    page.set_viewport_size({"width": 360, "height": 800})
    page.reload()
    expect(page.locator("#jobs li")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    accessible(page)
    # By keyboard alone, and whoever uses one sees where.
    assert ring(page, "#drop") == "none"
    for place, shown in (
        *(("#file", "#drop"), ("#address", "#address"), ("#send button", "#send button")),
        *(("#access summary", "#access summary"), ("#jobs button", "#jobs button")),
    ):
        page.keyboard.press("Tab")
        expect(page.locator(place)).to_be_focused()
        assert ring(page, shown) != "none", shown
    with page.expect_response("**/retry") as again:
        page.keyboard.press("Enter")
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


def test_a_cron_trigger_runs_by_a_button(open_page: Open, accessible: Accessible) -> None:
    dev, page = open_page("pipeline")
    page.goto(dev.data["page"])
    page.get_by_role("button", name="Run */10 * * * *").click()
    expect(page.locator("#crons [role=status]")).to_have_text("done")
    expect(page.locator("#log")).to_contain_text("sweep")
    accessible(page)


def test_pipeline_says_what_is_refused(open_page: Open, tmp_path: Path) -> None:
    dev, page = open_page("pipeline")
    # No success beside it hides it.
    files = [tmp_path / name for name in ("program.exe", "beside-1.txt", "beside-2.txt")]
    for file in files:
        file.write_text("Whales swim.")
    page.locator("#file").set_input_files(files)
    # The list has the jobs of other tests, too.
    expect(page.locator("#jobs li.done").filter(has_text="beside-")).to_have_count(2)
    expect(page.locator("#status")).to_contain_text("program.exe: The service reads")
    # An empty address is not sent.
    page.get_by_role("button", name="Fetch").click()
    assert page.locator("#address").evaluate("field => field.validity.valueMissing")
    expect(page.locator("#status")).to_contain_text("program.exe")
    page.get_by_label("Or the address of one").fill("https://192.168.0.1/a.txt")
    with page.expect_response(f"{dev.url}files") as refused:
        page.get_by_role("button", name="Fetch").click()
    assert refused.value.status == 422
    expect(page.locator("#status")).to_contain_text("not by its IP address")
    # A token that is refused leaves nothing on the page of what another one has seen.
    page.locator("#access").evaluate("section => { section.open = true; }")
    page.locator("#token").fill("wrong")
    page.locator("#token").press("Enter")
    expect(page.locator("#status")).to_contain_text("token")
    expect(page.locator("#jobs li")).to_have_count(0)


def test_pipeline_forgets_jobs_that_are_deleted(open_page: Open) -> None:
    dev, page = open_page("pipeline")
    headers = {"Authorization": "Bearer local-development-token"}
    job = dev.request("POST", "/files?name=gone.txt", "Whales swim.", headers).json()["id"]
    page.reload()
    gone = page.locator("#jobs li").filter(has_text="gone.txt")
    expect(gone.and_(page.locator(".done"))).to_have_count(1)
    assert dev.request("DELETE", f"/jobs/{job}", headers=headers).status == 204
    page.locator("#token").dispatch_event("change")
    expect(gone).to_have_count(0)


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#content")).to_be_visible()


def create(page: Page, name: str, description: str = "") -> None:
    form = page.locator("#create")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Description").fill(description)
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_label("Name")).to_have_value("")


@pytest.mark.slow
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


@pytest.mark.slow
def test_fullstack_behind_access_keeps_people_apart(
    open_page: Open, accessible: Accessible, tmp_path: Path
) -> None:
    dev, page = open_page("fullstack", "access")
    expect(page.locator("#caller")).to_have_text("ada@example.com")
    create(page, "Ada's kettle")
    (tmp_path / "ada.txt").write_text("Ada's")
    page.locator("#file").set_input_files(tmp_path / "ada.txt")
    link = page.get_by_role("link", name="ada.txt")
    address = f"{dev.url}{(link.get_attribute('href') or '').removeprefix('/')}"
    accessible(page)
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("link", name="nobody").click()
    expect(page.locator("#status")).to_contain_text("Reload this page to sign in")
    expect(page.locator("#content")).to_be_hidden()
    page.goto(f"{dev.url}__cfpy/access")
    page.get_by_role("link", name="grace@example.com").click()
    expect(page.locator("#caller")).to_have_text("grace@example.com")
    expect(page.get_by_text("There are no items yet")).to_be_visible()
    expect(page.get_by_text("There are no files yet")).to_be_visible()
    assert page.request.get(address).status == 404
    create(page, "Grace's pot")
    # The page of this run says who is signed in, and leads to where it can be changed.
    page.goto(f"{dev.url}__cfpy")
    page.locator("#caller").get_by_role("link", name="grace@example.com").click()
    page.get_by_role("link", name="ada@example.com").click()
    expect(page.locator("#items .name")).to_have_text(["Ada's kettle"])
    assert page.request.get(address).text() == "Ada's"


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
    # Names that no address can have, and types as browsers on Windows say them.
    for name, kind, shown in [
        ("отчёт.pdf", "application/pdf", "file.pdf"),
        ("über uns.zip", "application/x-zip-compressed", "uber-uns.zip"),
        ("-план 7-.csv", "application/vnd.ms-excel", "7.csv"),
    ]:
        sent = FilePayload(name=name, mimeType=kind, buffer=b"a,b")
        page.locator("#file").set_input_files(sent)
        named = page.locator("#files a").filter(has_text=re.compile(f"^{re.escape(shown)}$"))
        expect(named).to_have_count(1)
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
