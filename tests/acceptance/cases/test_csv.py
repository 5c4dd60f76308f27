"""Files that the rendered pipeline takes: its modules, called as its own tests do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "golden" / "pipeline" / "defaults"

# The sender's side of it, and the job's: `World` stands for Cloudflare's services.
SEND = """
import json, sys
from fakes import World
world = World()
job = world.upload(open(sys.argv[1], "rb").read(), "a.csv")
world.deliver()
print(json.dumps([world.job(job), world.ai.prompts]))
"""


def run(*arguments: str | Path, cwd: Path | None = None) -> str:
    """What Python prints among the modules of the golden project. It writes none of its own."""
    environment = {"PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT / 'tests'}", "PYTHONUTF8": "1"}
    argv = [sys.executable, "-B", *map(str, arguments)]
    done = subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.case("csv-big-cell")
def test_a_cell_may_be_as_long_as_a_file(case: Path) -> None:
    note = "lorem ipsum " * 12_000
    table = case / "a.csv"
    table.write_text(f'id,note\n1,"{note}"\n')
    job, prompts = json.loads(run("-c", SEND, table).splitlines()[-1])
    assert (job["status"], job["error"]) == ("done", None)
    assert sum(prompt.count("lorem ipsum") for prompt in prompts) == 12_000
    assert "id: 1, note: lorem" in prompts[0]


FORMS = """
import json, sys
from fakes import World
from pathlib import Path
world = World()
for path in map(Path, sys.argv[1:]):
    name = f'name="file"; filename="{path.name}"'
    head = f"--b\\r\\nContent-Disposition: form-data; {name}\\r\\n\\r\\n"
    form = head.encode() + path.read_bytes() + b"\\r\\n--b--\\r\\n"
    headers = {"content-type": "multipart/form-data; boundary=b"}
    status, reply = world.call("POST", "/files", form, headers=headers)
    world.deliver()
    prompt = world.ai.prompts.pop() if world.ai.prompts else reply.get("detail")
    print(json.dumps([path.name, status, prompt]))
"""


@pytest.mark.case("parts-untyped")
def test_parts_without_a_type(case: Path) -> None:
    names = ["x.html", "report.pdf", "report", "sheet.csv", "NOTES"]
    lines = run("-c", FORMS, *(case / name for name in names)).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("[")]
    assert [status for _, status, _ in found] == [202] * 5
    page, pdf, untold, table, notes = (said for *_, said in found)
    assert "mammal" in page
    assert "track" not in page
    # Workers AI converts them, for which `World` has a sentence.
    assert "# Whales swim." in pdf
    assert "# Whales swim." in untold
    assert "Name: Jürgen, Ort: Köln" in table
    assert "Whales breathe air." in notes


# What the case's own scripts say of some of the files and forms that they try.
SAID = {
    "t_texts.py": {
        "csv semicolons": "'Name: Jürgen, Stadt: Köln, Preis: 1,50\\n",
        "csv tabs": "'Name: Jürgen, Stadt: Köln'",
        "csv sep=;": "'Name: A, Stadt: B'",
        "csv utf16 tab (excel unicode text)": "'Name: Jürgen, Stadt: Köln'",
        "csv latin1": "'Name: Jürgen, Stadt: Köln'",
        "csv space before quote": "'part: bolt, size: 5, long\\npart: nut, size: 3'",
        "csv stray quote": '\'part: bolt, size: "5" long"\\npart: nut, size: 3\'',
        "text latin1": "'Grüße'",
        "csv blank lines before header": "'part: bolt, size: 5'",
        "csv comment preface": "'Report of May\\npart: bolt, size: 5'",
        "json lone surrogate": "'a: � oops'",
        "json big int": "'a: 999",
        "json dup keys": "'a: 1\\na: 2'",
        "html latin1 meta": "'Öl\\nÜber'",
        "html sjis meta": "'日本\\n漢字'",
        "html unclosed svg": "'One Two\\n\\nThree'",
        "html noscript unclosed": "'One\\n\\nTwo'",
        "html textarea/option/alt": "'A\\nB'",
        "text utf16 no bom": "'hallo'",
        "text gz": "The file is no text/plain: it is compressed with gzip.",
        "application/csv a.csv": "text/csv",
        "application/x-www-form-urlencoded a.txt": "text/plain",
    },
    "t_forms.py": {
        "latin1 name": "400 The body is no valid multipart/form-data: a name in it is not UTF-8.",
        "browser quote %22": "OK 'say \"hi\".txt'",
        "both  ": "OK 'résumé.txt'",
        "C-T-E quoted": "a part is in quoted-printable: send files as they are.",
        "boundary spaces": "OK 'a.txt' text/plain b'hello'",
        "padding after boundary": "OK 'a.txt'",
        "LF only": "OK 'a.txt' text/plain b'hello'",
        "content-type with charset": "OK 'a.txt' text/plain; charset=windows-1252",
    },
}


@pytest.mark.parametrize("script", SAID)
@pytest.mark.case("csv-big-cell")
def test_files_and_forms_of_many_kinds(case: Path, script: str) -> None:
    # The scripts are older than the layer that jobs are in now.
    written = (case / script).read_text("utf-8")
    (case / script).write_text(written.replace("pipeline.jobs", "jobs.job"), "utf-8")
    said = run(case / script, cwd=PROJECT / "src").splitlines()
    assert not [line for line in said if " EXC " in line]
    for start, result in SAID[script].items():
        assert [result in line for line in said if line.startswith(f"{start} ")] == [True]
