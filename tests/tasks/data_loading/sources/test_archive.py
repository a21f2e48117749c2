import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from tasks.data_loading.sources import open_source
from tasks.errors import SourceError
from tasks.workloads.image.reading import ImageReading
from tasks.workloads.image.settings import ImageSettings
from tasks.workloads.items import Folder, RawSample, RefusedSample
from tests.tasks.data_loading.material import Tree, tree, write_folder, write_tar, write_zip

FILES: Tree = {
    **tree(("cat", "dog"), 2, "pets/train/"),
    f"pets/test/cat/{'long' * 40}.png": b"a name that needs an extended header",
    "pets/test/Kätzchen/1.png": b"a name beyond ASCII",
}


def samples(source: Path) -> dict[str, RawSample]:
    items = list(open_source(str(source)).items(ImageReading().take_file(ImageSettings())))
    assert not [item for item in items if isinstance(item, RefusedSample)]
    return {item.name: item for item in items if isinstance(item, RawSample)}


def refusals(source: Path) -> dict[str, str]:
    items = open_source(str(source)).items(ImageReading().take_file(ImageSettings()))
    return {item.name: item.reason for item in items if isinstance(item, RefusedSample)}


@pytest.mark.parametrize("packing", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "zip", "folder"])
def test_every_packing_gives_the_same_samples(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"pets.{packing}"
    if packing == "zip":
        write_zip(path, FILES)
    elif packing == "folder":
        write_folder(path, FILES)
    else:
        write_tar(path, FILES, f"w:{packing.replace('tgz', 'tar.gz').removeprefix('tar').removeprefix('.')}")
    found = samples(path)
    assert {name: sample.payload for name, sample in found.items()} == FILES
    assert found["pets/train/dog/0001.png"].label == "dog"
    assert {sample.split for sample in found.values()} == {"train", "test"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_dialect_of_tar_is_read(tmp_path: Path, form: int) -> None:
    long = f"pets/{'x' * 90}/cat/1.png"  # ustar splits it in two, the others write a header of their own
    with tarfile.open(tmp_path / "pets.tar", "w", format=form) as archive:
        for name in (long, "pets/cat/2.png"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    assert {name: sample.payload for name, sample in samples(tmp_path / "pets.tar").items()} == {
        long: b"abc",
        "pets/cat/2.png": b"abc",
    }


def test_a_hostile_tar_has_its_members_refused_and_leaves_nothing_outside(workspace: Path) -> None:
    path = workspace / "in/hostile.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for name in ("../out/cat/1.png", "/tmp/cat/1.png", "cat/../../1.png"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
        for name, kind in (
            ("cat/soft.png", tarfile.SYMTYPE),
            ("cat/hard.png", tarfile.LNKTYPE),
            ("cat/pipe.png", tarfile.FIFOTYPE),
            ("cat/device.png", tarfile.CHRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type = kind
            member.linkname = "/etc/passwd"
            archive.addfile(member)
    reasons = refusals(path)
    assert len(reasons) == 7
    assert "'..'" in reasons["../out/cat/1.png"]
    assert "absolute" in reasons["tmp/cat/1.png"]
    assert reasons["cat/soft.png"].startswith("a link")
    assert reasons["cat/hard.png"].startswith("a link")
    assert reasons["cat/pipe.png"] == reasons["cat/device.png"] == "not a plain file"
    assert [found.name for found in workspace.iterdir()] == ["in"]


def test_a_hostile_zip_has_its_members_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../cat/1.png", b"abc")
        archive.writestr("/tmp/cat/1.png", b"abc")
        archive.writestr("cat\\..\\..\\1.png", b"abc")
        link = zipfile.ZipInfo("cat/soft.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    reasons = refusals(path)
    assert len(reasons) == 4
    assert reasons["cat/soft.png"].startswith("a link")


def test_a_damaged_member_of_a_zip_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "pets.zip", {"cat/1.png": b"first content", "cat/2.png": b"second content"})
    path.write_bytes(path.read_bytes().replace(b"first content", b"FIRST content"))
    assert list(refusals(path)) == ["cat/1.png"]
    items = open_source(str(path)).items(ImageReading().take_file(ImageSettings()))
    assert [item.payload for item in items if isinstance(item, RawSample)] == [b"second content"]


def what_reading_says(path: Path) -> str:
    try:
        return f"no error, but {list(open_source(str(path)).items(ImageReading().take_file(ImageSettings())))}"
    except SourceError as error:
        return str(error)


@pytest.mark.parametrize("packing", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip", "npz"])
def test_an_archive_that_is_cut_short_anywhere_says_so(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"pets.{packing}"
    if ".tar" in path.name:
        write_tar(path, FILES, f"w:{packing.removeprefix('tar').removeprefix('.')}")
    else:
        write_zip(path, FILES)
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0")) if packing == "tar" else len(whole)  # half an end mark is enough
    unnoticed = {}
    for size in {*range(1, end, 512), *range(1, end, 97), end - 1}:
        path.write_bytes(whole[:size])
        if "to be a whole" not in (said := what_reading_says(path)):
            unnoticed[size] = said
    assert unnoticed == {}


def test_a_damaged_header_in_the_middle_of_a_tar_is_not_its_end(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "pets.tar", {f"cat/{index}.png": b"abc" for index in range(3)}, "w")
    content = bytearray(path.read_bytes())
    content[2 * 512 + 100] ^= 1  # in the mode of the second member
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"damaged header.*after cat/0.png"):
        list(open_source(str(path)).items(ImageReading().take_file(ImageSettings())))


def test_something_else_under_an_archives_name_says_so(tmp_path: Path) -> None:
    for name in ("pets.tar.gz", "pets.tar", "pets.zip", "pets.npz"):
        (tmp_path / name).write_bytes(b"<html>not found</html>" * 100)
        with pytest.raises(SourceError, match="to be a whole"):
            list(open_source(str(tmp_path / name)).items(ImageReading().take_file(ImageSettings())))


def test_folders_are_named_even_if_empty(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "pets.tar", "w") as archive:
        member = tarfile.TarInfo("pets/cat")
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as packed:
        packed.writestr("pets/cat/", b"")
    for name in ("pets.tar", "pets.zip"):
        assert list(open_source(str(tmp_path / name)).items(ImageReading().take_file(ImageSettings()))) == [
            Folder("pets/cat")
        ]
