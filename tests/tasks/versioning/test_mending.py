import json
import os
from pathlib import Path

import psutil
import pytest

from tasks.config import LOCK
from tasks.versioning.dvc.mending import HOLDERS, mend

WHOLE = """\
schema: '2.0'
stages:
  load:
    cmd: cp a b
    deps:
    - path: a
      hash: md5
      md5: 0cc175b9c0f1b6a831c399e269772661
      size: 1
"""
NOBODY = 2**22 + 1  # above the highest number of a process


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    HOLDERS.parent.mkdir(parents=True)


def holder(pid: int, command: str) -> dict[str, object]:
    return {"pid": pid, "cmd": command}


def test_only_the_living_keep_what_they_hold() -> None:
    me = " ".join(psutil.Process().cmdline())
    dead, another, living = holder(NOBODY, me), holder(os.getpid(), "dvc repro load"), holder(os.getpid(), me)
    held = {"read": {"a": [dead, living], "b": [another]}, "write": {"c": dead, "d": another, "e": living}}
    HOLDERS.write_text(json.dumps(held))
    assert mend() == []
    assert json.loads(HOLDERS.read_text()) == {"read": {"a": [living]}, "write": {"e": living}}
    HOLDERS.write_text(json.dumps({"read": {"a": [dead]}, "write": {"c": another}}))
    assert mend() == []
    assert not HOLDERS.exists()


@pytest.mark.parametrize("text", ['{"read": {"a": [{"pid": 1', "", "[]", '{"read": {"a": [{}]}}'])
def test_a_half_written_list_of_holders_is_made_anew(text: str) -> None:
    HOLDERS.write_text(text)
    (sentence,) = mend()
    assert sentence.startswith(str(HOLDERS))
    assert not HOLDERS.exists()


def test_a_lock_file_that_is_whole_stays() -> None:
    LOCK.write_text(WHOLE)
    assert mend() == []
    assert LOCK.read_text() == WHOLE


@pytest.mark.parametrize("size", [0, 10, WHOLE.index("cmd") + 2, WHOLE.index("hash") + 2, WHOLE.index("size") + 1])
def test_a_half_written_lock_file_is_laid_aside(size: int) -> None:
    LOCK.write_text(WHOLE[:size])
    (sentence,) = mend()
    assert "run cache" in sentence
    assert not LOCK.exists()
    assert (HOLDERS.parent / "dvc.lock.damaged").read_text() == WHOLE[:size]


def test_there_may_be_nothing_to_mend() -> None:
    assert mend() == []
