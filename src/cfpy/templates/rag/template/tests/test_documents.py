"""What the script of ingestion makes of real folders."""

from __future__ import annotations

import errno
import os
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

import documents
from decoding import NotTextError, decode
from documents import Document, File, Skipped, document_id, find, read
from rag import limits
from rag.requests import DOCUMENTS
from rag.validation import check


def read_all(*paths: Path) -> tuple[dict[str, Document], dict[str, str]]:
    """Documents by the names of their files, and the reasons for those that are skipped."""
    found: list[Document | Skipped] = [
        read(item, "en") if isinstance(item, File) else item for item in find(paths)
    ]
    skipped = {item.name: item.reason for item in found if isinstance(item, Skipped)}
    return {item.name: item for item in found if isinstance(item, Document)}, skipped


def fields(folder: Path, name: str, content: str | bytes = "A text.") -> dict[str, Any]:
    """The document of a file that is written for it, as the Worker takes it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    document = read(File(path, name), "en")
    assert isinstance(document, Document), document
    check(document.fields, DOCUMENTS)
    return document.fields


def test_the_limits_are_the_workers() -> None:
    assert documents.MAX_TEXT_BYTES == limits.MAX_DOCUMENT_BYTES
    assert documents.MAX_SECTION_BYTES == limits.MAX_FILTER_VALUE_BYTES
    for name in ("MAX_ID_CHARS", "MAX_TITLE_CHARS", "MAX_SOURCE_CHARS"):
        assert getattr(documents, name) == getattr(limits, name)


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("Grüße".encode(), "Grüße", "UTF-8"),
        ("Grüße".encode("utf-8-sig"), "Grüße", "UTF-8"),
        ("Привет, 世界 👍".encode(), "Привет, 世界 👍", "UTF-8"),
        ("Grüße".encode("utf-16"), "Grüße", "UTF-16LE"),
        ("Grüße 世界".encode("utf-32"), "Grüße 世界", "UTF-32LE"),
        (b"\xfe\xff" + "Grüße".encode("utf-16-be"), "Grüße", "UTF-16BE"),
        ("Opening hours\n".encode("utf-16-le"), "Opening hours\n", "UTF-16LE"),
        ("Opening hours\n".encode("utf-16-be"), "Opening hours\n", "UTF-16BE"),
        ("Часы работы: с девяти\n".encode("utf-16-le"), "Часы работы: с девяти\n", "UTF-16LE"),
        (b"caf\xe9 menu\n", "café menu\n", "Windows-1252"),
        ("Die Straße „Zum Löwen“ – 5 €".encode("cp1252"), None, "Windows-1252"),
        ("Où est l’hôtel ? À côté, cœur naïf.".encode("cp1252"), None, "Windows-1252"),
        ("¿Dónde está el niño? ¡Aquí!".encode("latin-1"), None, "Windows-1252"),
        ("Não há pão, só maçãs.".encode("latin-1"), None, "Windows-1252"),
        ("Smørrebrød på øen".encode("latin-1"), None, "Windows-1252"),
        (b"line\r\nline\x0cpage\x1a", "line\r\nline\x0cpage", "UTF-8"),
    ],
)
def test_texts_are_read_as_they_were_written(data: bytes, text: str | None, encoding: str) -> None:
    found, name = decode(data)
    assert name == encoding
    assert found == (data.decode("cp1252") if text is None else text)


UNCERTAIN = {
    "cp1251": "Привет, как дела?",
    "koi8_r": "Привет, как дела?",
    "iso8859_5": "Часы работы",
    "cp1253": "Καλημέρα κόσμε",
    "cp1255": "שלום עולם",
    "cp1250": "Zażółć gęślą jaźń",
    "iso8859_2": "Příliš žluťoučký kůň úpěl",
    "cp1254": "Şişli'de güneşli bir öğle",
    "cp437": "Das M\xe4dchen h\xf6rt sch\xf6ne Musik",
    "cp850": "La leçon à l'école",
    "mac_roman": "Das Mädchen hört schöne Musik",
    "shift_jis": "営業時間は九時からです",
    "gb18030": "营业时间",
    "euc_kr": "영업 시간",
    "iso2022_jp": "営業時間は九時からです",
}


@pytest.mark.parametrize("encoding", UNCERTAIN)
def test_no_word_is_read_in_a_wrong_encoding(encoding: str) -> None:
    with pytest.raises(NotTextError, match=r"iconv|control characters"):
        decode(UNCERTAIN[encoding].encode(encoding))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "zero bytes"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "zero bytes"),
        (b"%PDF-1.7\nabc", "PDF"),
        (b"{\\rtf1 abc}", "RTF"),
        (b"PK\x03\x04abc", "ZIP"),
        (bytes(range(1, 256)), "UTF-8, at byte 127"),
        (b"\x01\x02\x03 abc", "control characters"),
        (b"\xff\xfea", "marked as UTF-16LE"),
        ("Straße für Füße".encode()[:-3] + b"\xc3", "damaged UTF-8"),
    ],
)
def test_what_is_no_text_is_told(data: bytes, words: str) -> None:
    with pytest.raises(NotTextError, match=words):
        decode(data)


@pytest.mark.parametrize("name", ["visitors/ferry.de.md", "a/b/c-1_2+3@4.txt", "x" * 125 + ".md"])
def test_a_plain_name_is_the_id(name: str) -> None:
    assert document_id(name) == name


NAMES = [
    "Opening hours.md",
    "Opening  hours.md",
    "Über uns.md",
    "Uber uns.md",
    "100 % wool.md",
    "a#b.md",
    "a?b.md",
    'the "best".md',
    "it's.md",
    "望遠鏡.md",
    "天文台.md",
    "docs/Über uns.md",
    "x" * 126 + ".md",
    "x" * 127 + ".md",
    "a" * 200 + "/" + "ü" * 100 + ".md",
    "new\nline.md",
    "\udcff.md",
]


def test_every_name_has_an_id_of_its_own_that_the_worker_takes() -> None:
    ids = [document_id(name) for name in NAMES]
    assert len(set(ids)) == len(NAMES)
    for identifier in ids:
        check({"id": identifier, "text": "x"}, DOCUMENTS)
    assert document_id("Über uns.md").startswith("Uber-uns-")
    assert document_id("Opening hours.md") == document_id("Opening hours.md")


def test_accents_of_their_own_make_no_other_id() -> None:
    for name in ("Über uns.md", "Café/Crème brûlée.txt"):
        assert document_id(name) == document_id(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("guide.md", "en"),
        ("guide.de.md", "de"),
        ("guide.DE.md", "de"),
        ("guide.pt-br.md", "pt-BR"),
        ("guide.zh_hans.md", "zh-Hans"),
        ("guide.es-419.txt", "es-419"),
        ("release-1.2.md", "en"),
        ("v2.0.10.md", "en"),
        ("meeting.draft.md", "en"),
        ("setup.py.md", "en"),
        ("2026.11.25.md", "en"),
        ("notes.xx.md", "en"),
        ("de.md", "en"),
        ("de/guide.md", "en"),
    ],
)
def test_a_language_is_one_that_there_is(tmp_path: Path, name: str, language: str) -> None:
    assert fields(tmp_path, name)["metadata"]["lang"] == language


def test_a_document_of_a_file(tmp_path: Path) -> None:
    text = "# Opening hours \r\n\r\nNine to five.\r\n"
    assert fields(tmp_path, "Über uns/Öffnung.de.md", text) == {
        "id": document_id("Über uns/Öffnung.de.md"),
        "title": "Opening hours",
        "source": "Über uns/Öffnung.de.md",
        "text": "Nine to five.",
        "metadata": {"lang": "de", "section": "Über uns"},
    }


@pytest.mark.parametrize(
    ("content", "title", "text"),
    [
        ("\ufeff# Returns\n\nThirty days.", "Returns", "Thirty days."),
        ("# Only a heading\n", "a", "# Only a heading"),
        ("#\n\ntext", "a", "#\n\ntext"),
        ("text\rmore", "a", "text\nmore"),
        (f"# {'x' * 300}\ntext", "x" * 200, f"# {'x' * 300}\ntext"),
    ],
)
def test_titles(tmp_path: Path, content: str, title: str, text: str) -> None:
    found = fields(tmp_path, "a.de.md", content)
    assert (found["title"], found["text"]) == (title, text)


@pytest.mark.parametrize(
    ("content", "title", "lang", "text"),
    [
        ("---\ntitle: Returns\nlang: fr\n---\n\n# Head\n\nText.", "Returns", "fr", "Text."),
        ('+++\ntitle = "Tea"\nyear = 2026\n[extra]\n+++\nText.', "Tea", "de", "Text."),
        ("---\ntags:\n  - a\n- b\n# c\n\nslug: x\n...\n# Head\n\nText.", "Head", "de", "Text."),
        ("---\r\ntitle: 'A: b'\r\nlang: none\r\n---\r\nText.", "A: b", "de", "Text."),
        ("\ufeff---\ntitle:\n---\nText.", "a", "de", "Text."),
        (f"---\ntitle: {'x' * 300}\n---\nText.", "x" * 200, "de", "Text."),
        ("---\n\nText: more.\nA line.\n\n---\n\nMore.", "a", "de", None),
        ("---\n- one\n---\nText.", "a", "de", None),
        ("---\ntitle: x\nText.", "a", "de", None),
        ("Text.\n---\ntitle: x\n---", "a", "de", None),
    ],
)
def test_front_matter_is_no_text(
    tmp_path: Path, content: str, title: str, lang: str, text: str | None
) -> None:
    found = fields(tmp_path, "a.de.md", content)
    assert (found["title"], found["metadata"]["lang"]) == (title, lang)
    assert found["text"] == (content if text is None else text)


def test_a_file_of_front_matter_alone_is_empty(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: x\n---\n")
    found = read(File(tmp_path / "a.md", "a.md"), "en")
    assert isinstance(found, Skipped) and "front matter" in found.reason


def test_a_long_front_matter_takes_no_time(tmp_path: Path) -> None:
    times = []
    for count in (4_000, 64_000):
        (tmp_path / "a.md").write_text("---\n" + "  a: b\n- c: d\n" * count)
        # Processor time, which other processes do not lengthen.
        start = time.process_time()
        read(File(tmp_path / "a.md", "a.md"), "en")
        times.append(time.process_time() - start)
    # In proportion to its length it would be 16 times as long, and 256 with its square.
    assert times[1] < 80 * times[0]


def test_the_worker_takes_the_longest_names(tmp_path: Path) -> None:
    folder = "ü" * 100
    found = fields(tmp_path, f"{folder}/{folder}/{folder}/{'y' * 240}.md")
    assert found["metadata"]["section"] == "ü" * 32
    assert found["source"].endswith("y.md")


def test_one_bad_file_leaves_the_others_alone(tmp_path: Path) -> None:
    for name in ("fine.md", "README.MD", "notes.markdown", "sub/fine.TXT"):
        fields(tmp_path, name)
    (tmp_path / "empty.md").touch()
    (tmp_path / "blank.md").write_text(" \n\t\ufeff\u200b\n")
    (tmp_path / "large.md").write_text("x" * 1_000_001)
    (tmp_path / "huge.md").touch()
    os.truncate(tmp_path / "huge.md", 10**10)
    (tmp_path / "binary.txt").write_bytes(b"\0\1\2")
    (tmp_path / "gone.md").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    os.mkfifo(tmp_path / "pipe.txt")
    found, skipped = read_all(tmp_path)
    assert list(found) == ["README.MD", "fine.md", "notes.markdown", "sub/fine.TXT"]
    assert skipped == {
        "binary.txt": "it is no text: it has zero bytes",
        "blank.md": "it is empty",
        "empty.md": "it is empty",
        "gone.md": "can't be read: No such file or directory",
        "huge.md": "it has 10,000,000,000 bytes of at most 1,000,000: split it",
        "large.md": "it has 1,000,001 bytes of at most 1,000,000: split it",
        "loop.md": f"can't be read: {os.strerror(errno.ELOOP)}",
        "pipe.txt": "it is no regular file",
    }


def test_a_file_that_goes_away_or_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields(tmp_path, "gone.md")
    [file] = find([tmp_path])
    (tmp_path / "gone.md").unlink()
    assert isinstance(file, File)
    assert read(file, "en") == Skipped("gone.md", "can't be read: No such file or directory")

    def forbidden(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    fields(tmp_path, "secret.md")
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert read_all(tmp_path)[1] == {"secret.md": "can't be read: Permission denied"}


def test_what_tools_put_there_is_left_out(tmp_path: Path) -> None:
    fields(tmp_path, "fine.md")
    for name in (".git/a.md", ".venv/a.txt", "node_modules/p/README.md", ".hidden.md", "._fine.md"):
        fields(tmp_path, name)
    fields(tmp_path, "data.rst")
    found, skipped = read_all(tmp_path)
    assert (list(found), skipped) == (["fine.md"], {})


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    fields(docs, "sub/fine.md")
    fields(tmp_path, "elsewhere/other.md")
    (docs / "sub" / "round").symlink_to(docs)
    (docs / "up").symlink_to(tmp_path)
    (docs / "away").symlink_to(tmp_path / "elsewhere")
    found, skipped = read_all(docs)
    assert list(found) == ["sub/fine.md"]
    assert skipped == {"away": "it is a link: name that folder, too"}


def test_files_and_folders_that_are_named(tmp_path: Path) -> None:
    fields(tmp_path, "a/one.md")
    fields(tmp_path, "b/two.md")
    fields(tmp_path, "c.rst")
    paths = [tmp_path / name for name in ("a", "b/two.md", "c.rst", "nowhere")]
    found, skipped = read_all(*paths)
    assert [document.fields["id"] for document in found.values()] == ["one.md", "two.md"]
    assert list(skipped) == [str(tmp_path / "c.rst"), str(tmp_path / "nowhere")]
    assert "ends in none of .md" in skipped[str(tmp_path / "c.rst")]
    assert "No such file" in skipped[str(tmp_path / "nowhere")]
