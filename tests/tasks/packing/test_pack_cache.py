from pathlib import Path

import pytest

from tasks.errors import PackingError
from tasks.packing import pack_cache
from tasks.packing.container import pack, unpack
from tasks.packing.pack_cache import MOST, coder_digest, packed

CONTENT = b"the bytes of a model"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that were packed anew; packing itself turns bytes round, which takes no time."""
    contents: list[bytes] = []

    def quickly(content: bytes) -> bytes:
        contents.append(content)
        return content[::-1]

    monkeypatch.setattr(pack_cache, "pack", quickly)
    return contents


def test_it_is_the_container(models: Path, tmp_path: Path) -> None:
    content = (models / "digits_int8.tflite").read_bytes()
    assert unpack(packed(content, tmp_path), len(content)) == content
    assert packed(content, tmp_path) == pack(content)


def test_a_file_is_packed_once(made: list[bytes], tmp_path: Path) -> None:
    assert packed(CONTENT, tmp_path) == packed(CONTENT, tmp_path) == CONTENT[::-1]
    assert packed(b"another", tmp_path) == b"rehtona"
    assert made == [CONTENT, b"another"]


def test_another_coder_packs_anew(made: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed(CONTENT, tmp_path)
    other = coder_digest()[::-1]
    monkeypatch.setattr(pack_cache, "coder_digest", lambda: other)
    packed(CONTENT, tmp_path)
    assert len(made) == 2


@pytest.mark.parametrize("end", [0, 3, 9, -1])
def test_what_was_cut_off_is_packed_anew(made: list[bytes], tmp_path: Path, end: int) -> None:
    packed(CONTENT, tmp_path)
    (place,) = tmp_path.iterdir()
    place.write_bytes(place.read_bytes()[:end])
    assert packed(CONTENT, tmp_path) == packed(CONTENT, tmp_path) == CONTENT[::-1]
    assert len(made) == 2


def test_where_nothing_can_be_kept_it_is_packed_each_time(made: list[bytes], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert packed(CONTENT, tmp_path / "file" / "within") == packed(CONTENT, tmp_path / "file" / "within")
    assert len(made) == 2


def test_the_oldest_go(made: list[bytes], tmp_path: Path) -> None:
    for number in range(MOST + 3):
        packed(str(number).encode(), tmp_path)
    assert len(list(tmp_path.iterdir())) == MOST
    assert packed(str(MOST + 2).encode(), tmp_path)
    assert len(made) == MOST + 3


def test_what_is_no_model_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(PackingError):
        packed(b"no model", tmp_path)
    assert not list(tmp_path.iterdir())
