"""What the script of ingestion finds in real folders."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

import documents
from decoding import NotTextError, decode
from documents import SUFFIXES, Document, File, Skipped, find, read
from rag import limits
from rag.files import MEDIA_TYPES


def read_all(*paths: Path) -> tuple[dict[str, Document], dict[str, str]]:
    """Documents by the names of their files, and the reasons for those that are skipped."""
    found: list[Document | Skipped] = [
        read(item) if isinstance(item, File) else item for item in find(paths)
    ]
    skipped = {item.name: item.reason for item in found if isinstance(item, Skipped)}
    return {item.name: item for item in found if isinstance(item, Document)}, skipped


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("A text.")


def test_the_kinds_and_the_limit_are_the_workers() -> None:
    assert set(SUFFIXES) == set(MEDIA_TYPES)
    assert documents.MAX_FILE_BYTES == limits.MAX_FILE_BYTES


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


@pytest.mark.parametrize("text", ["%PDF-1.7 is what a file begins with.", "{\\rtf is RTF.", "PK"])
def test_a_text_may_be_about_a_format(text: str) -> None:
    assert decode(text.encode()) == (text, "UTF-8")


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


def test_a_file_is_sent_as_it_is_if_the_worker_can_read_it(tmp_path: Path) -> None:
    contents = {"a.md": b"\xef\xbb\xbf# Gr\xc3\xbc\xc3\x9fe\r\n", "b.pdf": b"%PDF-1.7", "c.md": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "d.txt").write_bytes("Grüße".encode("cp1252"))
    found, skipped = read_all(tmp_path)
    assert {name: found[name].content for name in contents} == contents
    assert found["d.txt"] == Document("d.txt", "Grüße".encode(), "Windows-1252")
    assert not skipped


def test_names_can_be_sent_and_shown(tmp_path: Path) -> None:
    write(tmp_path, "U\u0308ber uns.md", "new\nline.md", "\udcff.md")
    assert set(read_all(tmp_path)[0]) == {"Über uns.md", "new\ufffdline.md", "\ufffd.md"}


def test_one_bad_file_leaves_the_others_alone(tmp_path: Path) -> None:
    write(tmp_path, "fine.md", "README.MD", "notes.markdown", "sub/fine.TXT")
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
        "gone.md": "can't be read: No such file or directory",
        "huge.md": "it has 10,000,000,000 bytes of at most 10,000,000: split it",
        "loop.md": f"can't be read: {os.strerror(errno.ELOOP)}",
        "pipe.txt": "it is no regular file",
    }


def test_a_file_that_goes_away_or_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "gone.md")
    [file] = find([tmp_path])
    (tmp_path / "gone.md").unlink()
    assert isinstance(file, File)
    assert read(file) == Skipped("gone.md", "can't be read: No such file or directory")

    def forbidden(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, "secret.md")
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert read_all(tmp_path)[1] == {"secret.md": "can't be read: Permission denied"}


def test_what_tools_put_there_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "fine.md", "data.rst", ".hidden.md", "._fine.md", "~$fine.docx")
    write(tmp_path, ".git/a.md", ".venv/a.txt", "node_modules/p/README.md")
    found, skipped = read_all(tmp_path)
    assert (list(found), skipped) == (["fine.md"], {})


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write(docs, "sub/fine.md")
    write(tmp_path, "elsewhere/other.md")
    (docs / "sub" / "round").symlink_to(docs)
    (docs / "up").symlink_to(tmp_path)
    (docs / "away").symlink_to(tmp_path / "elsewhere")
    found, skipped = read_all(docs)
    assert list(found) == ["sub/fine.md"]
    assert skipped == {"away": "it is a link: name that folder, too"}


def test_links_to_files_outside_are_not_read(tmp_path: Path) -> None:
    docs, secret = tmp_path / "docs", tmp_path / "secret.txt"
    write(docs, "fine.md")
    write(tmp_path, "secret.txt")
    (docs / "notes.txt").symlink_to(secret)
    (docs / "copy.md").symlink_to("fine.md")
    (tmp_path / "all").symlink_to(docs)
    for folder in (docs, tmp_path / "all"):
        found, skipped = read_all(folder)
        assert list(found) == ["copy.md", "fine.md"]
        assert skipped == {"notes.txt": "it is a link to outside: name that file, too"}
    assert list(read_all(docs / "notes.txt")[0]) == ["notes.txt"]


def test_files_and_folders_that_are_named(tmp_path: Path) -> None:
    write(tmp_path, "a/one.md", "b/two.md", "c.rst")
    paths = [tmp_path / name for name in ("a", "b/two.md", "c.rst", "nowhere")]
    found, skipped = read_all(*paths)
    assert list(found) == ["one.md", "two.md"]
    assert list(skipped) == [str(tmp_path / "c.rst"), str(tmp_path / "nowhere")]
    assert "ends in none of .md" in skipped[str(tmp_path / "c.rst")]
    assert "No such file" in skipped[str(tmp_path / "nowhere")]
