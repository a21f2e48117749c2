import random
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from zstandard import ZstdCompressor

from tasks.errors import PackingError
from tasks.packing import buffers, container, context_mixing, structure, symbols, zstd
from tasks.packing.container import PARTS, STREAM, breakdown, encode, pack, unpack
from tasks.packing.recording import read_model, record
from tasks.packing.tree import serialize

NAMES = (
    "article_int8",
    "digits_float",
    "digits_int8",
    "digits_pruned",
    "depthwise",
    "attention",
)
LIMIT = 1 << 24


def laid_out(models: Path, name: str) -> bytes:
    """A model in slimline's layout."""
    return serialize(record(read_model((models / f"{name}.tflite").read_bytes())))


def compress_zstd(content: bytes) -> bytes:
    return ZstdCompressor(level=19).compress(content)


@pytest.mark.parametrize("name", NAMES)
def test_a_container_gives_the_same_file_back_and_is_smaller_than_zstd(models: Path, name: str) -> None:
    content = laid_out(models, name)
    packed = pack(content)
    assert unpack(packed, len(content)) == content
    assert len(packed) < len(compress_zstd(content))
    assert packed[:2] == b"SL"


def test_any_other_file_is_stored_as_a_zstd_frame(models: Path) -> None:
    content = (models / "digits_int8.tflite").read_bytes()
    assert encode(content) is None
    packed = pack(content)
    assert packed == compress_zstd(content)
    assert unpack(packed, len(content)) == content


def test_what_coding_does_not_make_smaller_is_a_zstd_frame(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = laid_out(models, "digits_int8")
    monkeypatch.setattr(container, "encode", lambda content: b"SL" + content)
    assert pack(content) == compress_zstd(content)
    assert unpack(pack(content), len(content)) == content


def test_the_same_file_gives_the_same_container(models: Path) -> None:
    content = laid_out(models, "digits_int8")
    assert pack(content) == pack(content)


def test_a_device_needs_numpy_alone(models: Path, tmp_path: Path) -> None:
    content = laid_out(models, "digits_int8")
    (tmp_path / "packed").write_bytes(pack(content))
    text = (
        "import sys; from pathlib import Path; from tasks.packing.container import unpack\n"
        f"content = unpack(Path(r'{tmp_path}/packed').read_bytes(), {LIMIT})\n"
        f"Path(r'{tmp_path}/model').write_bytes(content)\n"
        "heavy = {'tensorflow', 'ai_edge_litert', 'flatbuffers', 'pydantic', 'backports.zstd'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model").read_bytes() == content


def test_the_breakdown_adds_up_to_the_container(models: Path) -> None:
    content = laid_out(models, "digits_pruned")
    coded = encode(content)
    assert coded is not None
    parts = breakdown(content)
    assert sum(parts.values()) == pytest.approx(len(coded), abs=12)
    assert parts["structure"] < 450  # with the names that strip takes out


@pytest.mark.parametrize("made", ["coded", "zstd"])
def test_no_more_is_unpacked_than_allowed(models: Path, made: str) -> None:
    content = laid_out(models, "digits_int8")
    packed = pack(content) if made == "coded" else compress_zstd(content)
    with pytest.raises(PackingError, match=f"up to {len(content) - 1:,} bytes"):
        unpack(packed, len(content) - 1)


def test_a_frame_that_unpacks_to_gigabytes_is_refused() -> None:
    with pytest.raises(PackingError, match="up to 1,000 bytes"):
        unpack(compress_zstd(bytes(1 << 28)), 1000)


@pytest.mark.parametrize(("patience", "version"), [(600_000, STREAM), (0, PARTS)])
def test_damaged_containers_are_refused(
    models: Path, monkeypatch: pytest.MonkeyPatch, patience: int, version: int
) -> None:
    monkeypatch.setattr(buffers, "PATIENCE", patience)
    content = laid_out(models, "digits_pruned" if version == STREAM else "digits_float")
    packed = encode(content)
    assert packed is not None
    assert packed[2] == version
    assert unpack(packed, len(content)) == content
    chance = random.Random(1)
    for _ in range(25 if version == STREAM else 5):
        damaged = bytearray(packed)
        kind = chance.choice(("flip", "cut", "noise", "insert"))
        at = chance.randrange(3, len(packed))
        if kind == "flip":
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del damaged[at:]
        elif kind == "noise":
            damaged[at:] = chance.randbytes(len(packed) - at)
        else:
            damaged[at:at] = chance.randbytes(2)
        if bytes(damaged) != packed:
            with pytest.raises(PackingError):
                unpack(bytes(damaged), 2 * len(content))


BOUNDS = [(context_mixing, "CONTEXTS", 2000), (symbols, "NAMES", 100), (structure, "NODES", 200)]


@pytest.mark.parametrize(("place", "bound", "few"), BOUNDS, ids=lambda one: one if isinstance(one, str) else "")
def test_what_would_take_more_memory_than_a_model_can_need_is_refused(
    models: Path, monkeypatch: pytest.MonkeyPatch, place: ModuleType, bound: str, few: int
) -> None:
    content = laid_out(models, "digits_int8")
    packed = pack(content)
    monkeypatch.setattr(place, bound, few)
    with pytest.raises(PackingError, match="Received: more"):
        unpack(packed, LIMIT)
    assert encode(content) is None  # which a decoder would not take


def test_containers_that_cannot_be_of_a_model_are_refused(models: Path) -> None:
    content = laid_out(models, "digits_int8")
    packed = pack(content)
    with pytest.raises(PackingError, match="as its model"):
        unpack(packed + bytes(len(content)), LIMIT)
    with pytest.raises(PackingError, match="2,147,483,647 bytes"):
        unpack(b"SL\x01" + container._base128(2**31) + packed[5:], 1 << 40)


@pytest.mark.parametrize("error", [ValueError, MemoryError, struct.error, KeyError, OverflowError])
def test_whatever_else_goes_wrong_in_decoding_is_said_to_be_damage(
    models: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    packed = pack(laid_out(models, "digits_int8"))

    def fail(*_: object) -> bytes:
        raise error("unforeseen")

    monkeypatch.setattr(container, "serialize", fail)
    with pytest.raises(PackingError, match="unforeseen"):
        unpack(packed, LIMIT)


def test_random_bytes_are_refused() -> None:
    chance = random.Random(2)
    for _ in range(100):
        size = chance.randrange(200)
        with pytest.raises(PackingError):
            unpack(
                chance.choice((b"SL\x01", b"SL\x02", b"SL\x03", b"\x28\xb5\x2f\xfd", b"")) + chance.randbytes(size),
                LIMIT,
            )


@pytest.mark.parametrize(("longer", "coded"), [(-1, True), (0, True), (1, False)])
def test_what_is_packed_can_be_unpacked_also_where_nothing_makes_it_smaller(
    models: Path, monkeypatch: pytest.MonkeyPatch, longer: int, coded: bool
) -> None:
    content = laid_out(models, "digits_int8")
    larger = b"SL" + bytes(len(content) + longer - 2)
    monkeypatch.setattr(container, "encode", lambda _: larger)
    monkeypatch.setattr(zstd, "compress_zstd", lambda _: b"\x28\xb5\x2f\xfd" + bytes(len(content) + 100))
    assert (pack(content) == larger) is coded
