"""What cfpy remembers of an account."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfpy.account.record import Placement, Record, parse_record
from cfpy.account.record_store import RecordStore
from cfpy.errors import ProjectError

TEXT = st.text(max_size=8)
ACCOUNT_IDS = st.text("0123456789abcdef", min_size=32, max_size=32)
ACCOUNT = "a" * 32
RECORDS = st.dictionaries(
    TEXT, st.builds(Placement, account_id=ACCOUNT_IDS, created=st.dictionaries(TEXT, TEXT))
).map(Record)


@given(RECORDS)
def test_a_record_survives_its_file(record: Record) -> None:
    assert parse_record(json.loads(json.dumps(record.as_dict())), Path("x")) == record


@given(RECORDS, TEXT, TEXT, TEXT, TEXT)
def test_what_is_created_is_known_until_it_is_gone(
    record: Record, environment: str, account: str, key: str, id_: str
) -> None:
    created = record.with_created(environment, account, key, id_)
    assert created.created(environment) == {**record.created(environment), key: id_}
    left = created.without(environment, key)
    assert key not in left.created(environment)
    for other in record.environments:
        if other != environment:
            assert left.environments[other] == record.environments[other]


def test_the_file_goes_with_its_last_environment(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    assert store.read() == Record({})
    store.change(lambda record: record.with_created("", ACCOUNT, "d1:x"))
    assert RecordStore(tmp_path).read().account_id("") == ACCOUNT
    store.change(lambda record: record.without("", "d1:x"))
    assert list(tmp_path.iterdir()) == []


def test_the_first_version_knew_no_ids() -> None:
    data = {"record_version": 1, "environments": {"": {"account_id": ACCOUNT, "created": ["d1:x"]}}}
    record = parse_record(data, Path("x"))
    assert record.created("") == {"d1:x": ""}
    assert record.as_dict()["record_version"] == 2


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path, whole = tmp_path / "cfpy.state.json", '{"record_version": 2, "environments": {}}'
    path.write_text(whole, "utf-8-sig")
    assert RecordStore(tmp_path).read() == Record({})
    path.write_text(whole, "utf-16")
    with pytest.raises(ProjectError, match="it is UTF-16, not UTF-8"):
        RecordStore(tmp_path).read()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "1:2"),
        ("[]", "not a valid record"),
        ('{"record_version": 3, "environments": {}}', "record_version is 3"),
        ('{"record_version": 1, "environments": {"": {}}}', "not a valid record"),
        ("{\n<<<<<<< HEAD\n=======\n>>>>>>> x\n}", ":2: git has not merged it"),
        *(
            (json.dumps({"record_version": 2, "environments": {"": {"account_id": id_}}}), said)
            for id_, said in (
                (None, "account_id is None"),
                (5, "is 5"),
                ("../../x", "is '../../x'"),
            )
        ),
        *(
            (json.dumps({"record_version": 2, "environments": {"": item}}), "the id of d1:x is")
            for item in (
                {"account_id": ACCOUNT, "created": {"d1:x": None}},
                {"account_id": ACCOUNT, "created": {}, "adopted": {"d1:x": 5}},
            )
        ),
    ],
)
def test_a_broken_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "cfpy.state.json").write_text(text)
    with pytest.raises(ProjectError, match=said):
        RecordStore(tmp_path).read()
