"""`cfpy update`: what a user and an author did, merged; nothing lost, and nothing half-done."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cfpy.errors import CfpyError, PatternError, ProjectError, UsageError
from cfpy.patterns import update as update_module
from cfpy.patterns.base_archive import pack, read_base, read_tree
from cfpy.patterns.config_format import ConfigFormat
from cfpy.patterns.departures import departures
from cfpy.patterns.merge import BaseFile, File, Outcome, digest, merge_trees
from cfpy.patterns.new import NewRequest
from cfpy.patterns.new import run as new
from cfpy.patterns.update import UpdateRequest, UpdateResult, update
from cfpy.project import jsonc
from cfpy.project.toml_to_jsonc import to_jsonc
from cfpy.tools.context import build_context
from cfpy.tools.git import Git
from cfpy.tools.process import SubprocessRunner
from forked import run_cfpy

QUESTIONS = """\
_subdirectory: template
_templates_suffix: .jinja
_envops: {undefined: jinja2.StrictUndefined}
project_name: {type: str}
"""
LINES = [f"line {number}\n" for number in range(12)]


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    argv = ["git", *identity, *arguments]
    return subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True).stdout


class Story:
    """An author's pattern, and a user's project of it."""

    def __init__(self, root: Path) -> None:
        self.pattern = root / "mine"
        self.project = root / "app"
        self.release("1.0.0", {"a.txt": "".join(LINES), "b.txt": "b\n", "c.txt": "c\n"})
        self.ctx = build_context(lambda _: None)
        request = NewRequest(
            str(self.pattern), "app", root, {}, interactive=False, dry_run=False, git=True
        )
        new(self.ctx, request)

    def release(self, version: str, files: Mapping[str, str | None], more: str = "") -> None:
        for name, text in files.items():
            path = self.pattern / "template" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        manifest = f'title = "T"\nsummary = "S"\nversion = "{version}"\n'
        (self.pattern / "pattern.toml").write_text(manifest)
        (self.pattern / "copier.yml").write_text(QUESTIONS + more)

    def edit(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            path = self.project / name
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        git(self.project, "add", "--all")
        git(self.project, "commit", "--quiet", "--message", "Mine")

    def update(self, *, only_look: bool = False, **answers: str) -> UpdateResult:
        request = UpdateRequest(
            self.project, "", "", answers, interactive=False, trust=False, only_look=only_look
        )
        return update(self.ctx, request)

    def read(self, name: str) -> str:
        return (self.project / name).read_text()


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def outcomes(result: UpdateResult) -> dict[str, str]:
    return {step.name: str(step.outcome) for step in result.steps}


def test_both_sides_are_merged(story: Story) -> None:
    story.edit({"a.txt": "mine\n" + "".join(LINES), "b.txt": None, "own.txt": "own\n"})
    changed = "".join(LINES[:-1]) + "theirs\n"
    story.release("1.1.0", {"a.txt": changed, "b.txt": "b2\n", "c.txt": None, "d/e.txt": "e\n"})
    result = story.update()
    assert outcomes(result) == {
        "a.txt": "merged",
        "b.txt": "stays_deleted",
        "c.txt": "removed",
        "d/e.txt": "added",
    }
    assert story.read("a.txt") == "mine\n" + changed
    assert (story.read("d/e.txt"), story.read("own.txt")) == ("e\n", "own\n")
    assert not (story.project / "b.txt").exists()
    assert not (story.project / "c.txt").exists()
    git(story.project, "add", "--all")
    git(story.project, "commit", "--quiet", "--message", "Updated")
    assert story.update().up_to_date
    assert git(story.project, "status", "--porcelain") == ""


WORKER = 'name = "app"\n# Variables.\n[vars]\nA = "1"\nB = "2"\nC = "3"\n'


def test_a_project_with_the_other_format_is_updated_in_it(story: Story) -> None:
    story.release("1.1.0", {"wrangler.toml": WORKER, "b.txt": "see wrangler.toml\n"})
    story.update()
    # By hand, with another value.
    converted = to_jsonc(story.read("wrangler.toml")).replace('"1"', '"mine"')
    story.edit({"wrangler.toml": None, "wrangler.jsonc": converted})
    more = {"wrangler.toml": f"{WORKER}\n[ai]\nbinding = 'AI'\n", "b.txt": "the wrangler.toml\n"}
    story.release("1.2.0", more)
    result = story.update()
    assert not result.conflicts
    assert outcomes(result)["wrangler.jsonc"] == "merged"
    assert jsonc.loads(story.read("wrangler.jsonc")) == {
        "name": "app",
        "vars": {"A": "mine", "B": "2", "C": "3"},
        "ai": {"binding": "AI"},
    }
    assert "// Variables." in story.read("wrangler.jsonc")
    assert not (story.project / "wrangler.toml").exists()
    git(story.project, "add", "--all")
    git(story.project, "commit", "--quiet", "--message", "Updated")
    assert story.update().up_to_date


# As people and tools write it: in another order, on one line, without comments.
OTHERWISE = {
    "wrangler.toml": 'vars = { C = "3", B = "2", A = "mine" }\nname = "app"\n',
    "wrangler.jsonc": '{"vars": {"C": "3", "B": "2", "A": "mine"}, "name": "app"}',
    "wrangler.json": '{"vars": {"C": "3", "B": "2", "A": "mine"}, "name": "app"}',
}


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ("wrangler.jsonc", "wrangler.toml"),
        ("wrangler.toml", "wrangler.jsonc"),
        ("wrangler.toml", "wrangler.json"),
        ("wrangler.json", "wrangler.toml"),
        ("wrangler.toml", "wrangler.toml"),
    ],
)
def test_a_configuration_that_was_converted_by_hand_is_updated(
    made: str, kept: str, story: Story
) -> None:
    values = {"name": "app", "vars": {"A": "mine", "B": "2", "C": "3"}}

    def release(version: str, text: str) -> None:
        files = {"wrangler.toml": text} if made == "wrangler.toml" else {made: to_jsonc(text)}
        story.release(version, {**files, "b.txt": f"{version}: {made}\n"})

    release("1.1.0", WORKER)
    story.update()
    if made != kept:
        story.edit({made: None, kept: OTHERWISE[kept]})
    else:
        story.edit({kept: OTHERWISE[kept]})
    release("1.2.0", f"{WORKER}\n[ai]\nbinding = 'AI'\n")
    assert not story.update().conflicts
    read = jsonc.loads if kept != "wrangler.toml" else tomllib.loads
    assert read(story.read(kept)) == {**values, "ai": {"binding": "AI"}}
    assert made == kept or not (story.project / made).exists()
    assert story.read("b.txt") == f"1.2.0: {kept}\n"
    story.edit({"own.txt": "own\n"})
    release("1.3.0", f"{WORKER.replace('3', '4')}\n[ai]\nbinding = 'AI'\n")
    assert not story.update().conflicts
    assert read(story.read(kept))["vars"] == {"A": "mine", "B": "2", "C": "4"}
    story.edit({"own.txt": "own, again\n"})
    release("1.4.0", f"{WORKER.replace('1', 'theirs')}\n[ai]\nbinding = 'AI'\n")
    assert [step.name for step in story.update().conflicts] == [kept]


def test_a_conflict_is_marked_as_git_marks_it(story: Story) -> None:
    story.edit({"a.txt": "mine\n" + "".join(LINES[1:])})
    story.release("1.1.0", {"a.txt": "theirs\n" + "".join(LINES[1:])})
    result = story.update()
    assert [step.name for step in result.conflicts] == ["a.txt"]
    assert story.read("a.txt").startswith(
        "<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> mine 1.1.0\n"
    )


def test_what_the_user_changed_is_not_removed(story: Story) -> None:
    story.edit({"c.txt": "c, and mine\n"})
    story.release("1.1.0", {"c.txt": None})
    assert outcomes(story.update()) == {"c.txt": "conflict"}
    assert story.read("c.txt") == "c, and mine\n"


def test_what_is_no_text_lies_beside(story: Story) -> None:
    story.edit({"b.txt": "mine\0\n"})
    story.release("1.1.0", {"b.txt": "theirs\0\n"})
    assert outcomes(story.update()) == {"b.txt": "conflict"}
    assert story.read("b.txt") == "mine\0\n"
    assert story.read("b.txt.from-pattern") == "theirs\0\n"


def test_new_questions_take_answers(story: Story) -> None:
    story.release("1.1.0", {"f.txt.jinja": "{{ color }}\n"}, "color: {type: str, default: red}\n")
    story.update(color="blue")
    assert story.read("f.txt") == "blue\n"
    assert 'color = "blue"' in story.read(".cfpy/answers.toml")


def test_looking_changes_nothing(story: Story) -> None:
    story.release("1.1.0", {"b.txt": "b2\n"})
    (story.project / "a.txt").write_text("not committed\n")
    before = read_tree(story.project)
    result = story.update(only_look=True)
    assert (result.before, result.after) == ({"b.txt": b"b\n"}, {"b.txt": b"b2\n"})
    assert read_tree(story.project) == before
    with pytest.raises(UsageError, match=r"uncommitted changes: a\.txt"):
        story.update()
    assert read_tree(story.project) == before


def test_a_file_that_git_does_not_know_is_in_the_way_only_of_one_of_its_name(
    story: Story,
) -> None:
    story.release("1.1.0", {"new.txt": "theirs\n"})
    (story.project / "new.txt").write_text("mine\n")
    with pytest.raises(UsageError, match=r"uncommitted changes: new\.txt"):
        story.update()
    assert story.read("new.txt") == "mine\n"
    (story.project / "new.txt").rename(story.project / "pylock.toml")
    story.update()
    assert (story.read("new.txt"), story.read("pylock.toml")) == ("theirs\n", "mine\n")


def test_a_disk_that_refuses_leaves_the_tree_as_it_was(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.release("1.1.0", {"a.txt": "new\n", "b.txt": None, "x/y.txt": "y\n"})
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name == "base.zip" and self.name.startswith("new-"):
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(CfpyError, match="No space left"):
        story.update()
    assert git(story.project, "status", "--porcelain") == ""
    assert not (story.project / "x").exists()


def test_links_and_ignored_files_are_left_alone(story: Story, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("outside\n")
    (story.project / "b.txt").unlink()
    (story.project / "b.txt").symlink_to(outside)
    story.edit({".gitignore": "secret.txt\n"})
    (story.project / "secret.txt").write_text("secret\n")
    story.release("1.1.0", {"b.txt": "b2\n", "secret.txt": "theirs\n"})
    assert outcomes(story.update()) == {"b.txt": "conflict", "secret.txt": "conflict"}
    assert outside.read_text() == "outside\n"
    assert story.read("secret.txt") == "secret\n"


def test_windows_line_ends_are_no_change(story: Story) -> None:
    git(story.project, "config", "core.autocrlf", "false")
    story.edit({"b.txt": "b\r\n"})
    (story.project / "b.txt").write_bytes(b"b\r\n")
    git(story.project, "commit", "--quiet", "--all", "--allow-empty", "--message", "CRLF")
    story.release("1.1.0", {"b.txt": "b2\n"})
    assert outcomes(story.update()) == {"b.txt": "changed"}
    assert (story.project / "b.txt").read_bytes() == b"b2\r\n"


def test_refusals(story: Story, tmp_path: Path) -> None:
    story.release("0.9.0", {})
    with pytest.raises(
        PatternError, match=r"created from mine 1\.0\.0; the installed version is 0\.9\.0"
    ):
        story.update()
    story.pattern.rename(tmp_path / "moved")
    with pytest.raises(PatternError, match="can't be found"):
        story.update()
    (story.project / ".cfpy" / "base.zip").write_bytes(b"broken")
    git(story.project, "commit", "--quiet", "--all", "--message", "Broken")
    with pytest.raises(ProjectError, match="is not valid"):
        story.update()
    with pytest.raises(ProjectError, match="was not created by cfpy"):
        departures(story.ctx, tmp_path)


def test_a_pattern_that_began_to_run_something_is_merged_once_it_is_trusted(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFPY_CONFIG_DIR", str(tmp_path / "config"))
    ran = tmp_path / "ran"
    story.release("1.1.0", {"b.txt": "new\n"}, f"_tasks: ['touch {ran}']\n")
    with pytest.raises(PatternError, match="wants to run on this machine"):
        story.update()
    assert story.read("b.txt") == "b\n"
    request = UpdateRequest(
        story.project, "", "", {}, interactive=False, trust=True, only_look=False
    )
    assert outcomes(update(story.ctx, request))["b.txt"] == "changed"
    assert story.read("b.txt") == "new\n"
    # An update merges what is rendered; it runs nothing.
    assert not ran.exists()
    # Trust was for that version alone.
    git(story.project, "commit", "--quiet", "--all", "--message", "1.1.0")
    story.release("1.2.0", {"b.txt": "newer\n"}, f"_tasks: ['touch {ran}']\n")
    with pytest.raises(PatternError, match="wants to run on this machine"):
        story.update()


def test_the_diff_tells_what_departs(story: Story) -> None:
    assert departures(story.ctx, story.project)[1] == ()
    story.edit({"a.txt": "mine\n", "b.txt": None, "own.txt": "own\n"})
    found = departures(story.ctx, story.project)[1]
    assert [(item.name, item.in_pattern, item.after) for item in found] == [
        ("a.txt", True, b"mine\n"),
        ("b.txt", True, None),
        ("own.txt", False, b"own\n"),
    ]


def test_the_command_line_tells_by_its_exit_code(story: Story) -> None:
    def cfpy(*arguments: str) -> tuple[int, dict[str, object]]:
        done = run_cfpy(*arguments, "--json", cwd=story.project)
        return done.returncode, json.loads(done.stdout)["data"]

    assert cfpy("update", "--check")[0] == 0
    story.release("1.1.0", {"a.txt": "theirs\n"})
    status, data = cfpy("update", "--check")
    assert (status, data["up_to_date"], data["to"]) == (1, False, "1.1.0")
    story.edit({"a.txt": "mine\n"})
    status, data = cfpy("update")
    assert (status, data["conflicts"]) == (1, ["a.txt"])
    assert cfpy("diff")[0] == 0


def test_the_steps_after_an_update_commit_all_of_it(story: Story) -> None:
    story.release("1.1.0", {"a.txt": "theirs\n", "added.sql": "SELECT 1;\n", "b.txt": None})
    done = run_cfpy("update", cwd=story.project)
    assert "Updated mine from 1.0.0 to 1.1.0" in done.stdout
    steps = [line.split() for line in done.stdout.partition("Next\n")[2].splitlines()]
    said = [git(story.project, *step[1:]) for step in steps if step[0] == "git" and step[2:]]
    assert "+SELECT 1;" in said[-1]
    assert steps[-1] == ["git", "commit"]
    git(story.project, "commit", "--quiet", "--message", "Update")
    assert git(story.project, "status", "--short") == ""
    assert "added.sql" in git(story.project, "ls-files")


def test_an_update_of_answers_alone_does_not_name_two_versions(story: Story) -> None:
    story.release("1.0.0", {"c.txt": "theirs\n"})
    done = run_cfpy("update", cwd=story.project)
    assert "Updated mine 1.0.0\n" in done.stdout
    assert "from" not in done.stdout.partition("\n")[0]


def test_a_version_is_only_of_a_git_repository(story: Story) -> None:
    done = run_cfpy("update", "--to", "v2", cwd=story.project)
    assert done.returncode == 2
    assert "--to v2 needs a pattern from a git repository" in " ".join(done.stderr.split())


def test_a_project_stays_clean_without_a_gitignore(story: Story) -> None:
    """The lock of a run is no file of the user's."""
    argv = [sys.executable, "-m", "cfpy", "update"]
    (story.project / "wrangler.toml").write_text('name = "app"\n')
    story.edit({})
    assert not (story.project / ".gitignore").exists()
    subprocess.run(argv, cwd=story.project, capture_output=True, check=True)
    assert (story.project / ".wrangler" / "cfpy").is_dir()
    status = ["git", "status", "--porcelain"]
    done = subprocess.run(status, cwd=story.project, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    # wrangler puts files of its own beside it.
    (story.project / ".wrangler" / "state.json").write_text("{}")
    [found] = departures(story.ctx, story.project)[1]
    assert found.name == "wrangler.toml"


def test_the_archive_gives_back_what_was_packed(tmp_path: Path) -> None:
    tree = {
        "a": File(b"a\r\n", True),
        "d/big": File(b"x" * 100_001, False),
        "é": File(b"\0\xff", False),
    }
    (tmp_path / ".cfpy").mkdir()
    (tmp_path / ".cfpy" / "base.zip").write_bytes(pack(tree))
    base = read_base(tmp_path)
    assert {name: (file.executable, file.data) for name, file in base.items()} == {
        "a": (True, b"a\r\n"),
        "d/big": (False, None),
        "é": (False, b"\0\xff"),
    }
    assert all(base[name].is_like(file) for name, file in tree.items())
    (tmp_path / ".cfpy" / "base.zip").write_bytes(pack({"../x": File(b"", False)}))
    with pytest.raises(ProjectError, match="outside the project"):
        read_base(tmp_path)


# Trees of few files with few lines, so that edits meet.
_TEXT = st.lists(st.sampled_from("abcdef"), max_size=8).map(lambda x: "".join(f"{c}\n" for c in x))
_TREE = st.dictionaries(st.sampled_from(["one", "two", "three"]), _TEXT, max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=_TREE, mine=_TREE, theirs=_TREE)
def test_no_edit_is_lost_and_git_would_say_the_same(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    runner = Git(SubprocessRunner())
    files = {name: File(text.encode(), False) for name, text in mine.items()}
    steps = merge_trees(
        {name: BaseFile(digest(t.encode()), False, t.encode()) for name, t in base.items()},
        {name: File(text.encode(), False) for name, text in theirs.items()},
        files.get,
        lambda _, m, b, t: runner.merge_file(m, b, t, ("m", "b", "t")),
    )
    by_name = {step.name: step for step in steps}
    for name in {*base, *mine, *theirs}:
        step = by_name.get(name)
        result = mine.get(name)
        if step and step.outcome is Outcome.REMOVED:
            result = None
        elif step and step.result:
            result = step.result.data.decode()
        assert result == oracle(base.get(name), mine.get(name), theirs.get(name))
        if step is None or step.outcome is not Outcome.CONFLICT:
            assert "<<<<<<<" not in (result or "")


def oracle(base: str | None, mine: str | None, theirs: str | None) -> str | None:
    """`git merge-file` where a file is on both sides; else whoever changed it is right, and a
    file that one side deleted and the other changed is as the user has it."""
    if mine is None:
        return theirs if base is None else None
    if theirs is None:
        return None if mine == base else mine
    with tempfile.TemporaryDirectory() as directory:
        for name, text in (("m", mine), ("b", base or ""), ("t", theirs)):
            (Path(directory) / name).write_text(text)
        argv = ["git", "merge-file", "-p", "-q", "-L", "m", "-L", "b", "-L", "t", "m", "b", "t"]
        done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
        assert 0 <= done.returncode < 128
        return done.stdout


def test_look_up_sees_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "dir").symlink_to("/")
    assert not isinstance(update_module.look_up(tmp_path, "dir/etc/passwd", set()), File)


def test_a_pattern_with_two_configurations_is_refused(story: Story) -> None:
    story.release("1.1.0", {"wrangler.toml": 'name = "a"\n', "wrangler.jsonc": "{}\n"})
    with pytest.raises(
        PatternError, match=r"wrangler\.jsonc and wrangler\.toml: a project has one"
    ):
        story.update()


@pytest.mark.parametrize(
    ("given_format", "name", "mention"),
    [
        (None, "wrangler.jsonc", "see wrangler.jsonc\n"),
        (ConfigFormat.JSONC, "wrangler.jsonc", "see wrangler.jsonc\n"),
        (ConfigFormat.TOML, "wrangler.toml", "see wrangler.toml\n"),
    ],
)
def test_a_pattern_with_a_jsonc_is_created_in_the_format_that_is_asked_for(
    given_format: ConfigFormat | None, name: str, mention: str, story: Story
) -> None:
    files = {"wrangler.jsonc": to_jsonc(WORKER), "b.txt": "see wrangler.jsonc\n"}
    story.release("1.1.0", files)
    root = story.project.parent
    options = {"interactive": False, "dry_run": False, "git": False}
    new(
        story.ctx, NewRequest(str(story.pattern), "other", root, {}, **options, config=given_format)
    )
    assert sorted(path.name for path in (root / "other").glob("wrangler.*")) == [name]
    text = (root / "other" / name).read_text()
    assert text == (
        WORKER.replace("\n# V", "\n\n# V") if name.endswith("toml") else to_jsonc(WORKER)
    )
    assert (root / "other" / "b.txt").read_text() == mention


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "creates no wrangler.toml, wrangler.jsonc or wrangler.json in the project's top"),
        ('{"a": null}', "can't be converted to wrangler.toml: `a` is null"),
        ('{"a": ', "creates a wrangler.jsonc that can't be converted to wrangler.toml"),
    ],
)
def test_a_format_that_is_not_possible_is_refused(
    text: str | None, said: str, story: Story
) -> None:
    if text:
        story.release("1.1.0", {"wrangler.jsonc": text})
    options = {"interactive": False, "dry_run": False, "git": False}
    root = story.project.parent
    request = NewRequest(str(story.pattern), "other", root, {}, **options, config=ConfigFormat.TOML)
    with pytest.raises(PatternError, match=said) as raised:
        new(story.ctx, request)
    assert "without --config" in raised.value.hint
    assert not (root / "other").exists()
