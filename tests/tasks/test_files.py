import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.files import sha256, to_json, whole_file, write_bytes, write_text


def test_a_file_is_there_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.txt"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_readers_see_the_old_file_until_then(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_failure_leaves_nothing_but_what_was(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def fail(error: type[BaseException]) -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(RuntimeError):
        fail(RuntimeError)
    assert list(tmp_path.iterdir()) == []
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt):
        fail(KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_process_killed_while_it_writes_leaves_no_half_file(tmp_path: Path) -> None:
    text = (
        "import os, signal, sys; from pathlib import Path; from tasks.files import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "file"
    write_text(path, "old")
    done = subprocess.run([sys.executable, "-c", text, path], check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == -9
    assert path.read_text() == "old"


def test_a_folder_that_cannot_be_written_to_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), whole_file(tmp_path / "file" / "below"):
        pytest.fail("there is nowhere to write to")


def test_json_keeps_the_writers_order() -> None:
    assert to_json({"b": 1, "a": "ä"}) == '{\n  "b": 1,\n  "a": "ä"\n}\n'


def test_the_digest_is_of_the_whole_content(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 17)
    write_bytes(tmp_path / "file", content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()
