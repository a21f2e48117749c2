import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from flows.cli.release import channel_rows
from tasks.config import Params
from tasks.deployment.records import Pointer
from tasks.deployment.releases.publishing import publish
from tasks.deployment.trust.trusted import ENVIRONMENT
from tasks.text import storable, visible
from tasks.versioning.params_file import set_params
from tests.commands import Slimline
from tests.receivers import nobody_else, receiving
from tests.tasks.deployment.project import params_for, write_project

REPOSITORY = Path(__file__).parents[3]


def asked(slimline: Slimline, *arguments: str) -> Any:
    return json.loads(slimline(*arguments, "--json"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Options that name the store of a project with two releases, and its keys, from a folder without params.yaml."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    params: Params = params_for(f"file://{tmp_path / 'store'}")
    for bias in (1, 2):
        write_project(params, bias)
        publish(params)
    monkeypatch.chdir(tmp_path)
    return ("--store", params.deployment.store, "--trusted-keys", str(tmp_path / "project/.slimline/keys"))


def test_people_are_told_of_a_rollback_by_hand_and_it_is_done_where_they_cannot_be(
    slimline: Slimline, place: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr("flows.environment.prepare", lambda: None)
    monkeypatch.setattr("flows.line.claims.claims", nobody_else)
    notify: dict[str, Any] = {"targets": {"chat": {"kind": "webhook", "url_env": "CHAT_URL"}}}
    notify |= {"rolled_back": ["chat"], "released": ["chat"]}
    values = params_for(place[1]).model_dump(mode="json")
    Path("params.yaml").write_text(json.dumps({**values, "notify": notify}))
    with receiving() as receiver:
        monkeypatch.setenv("CHAT_URL", receiver.url)
        slimline("rollback", "--model", "shades", *place, "--reason", "false alarms")
        monkeypatch.delenv("CHAT_URL")
        said = slimline("promote", "--model", "shades", *place, "--reason", "it was the sensor")
        assert said == "shades 2 is production, before it was 1 (generation 4)\n"
        (got,) = receiver.posts
        assert (got.json["title"], got.json["sentence"]) == ("shades is rolled back: 1 is production", "false alarms")


def test_a_release_is_rolled_back_promoted_and_audited(slimline: Slimline, place: tuple[str, ...]) -> None:
    store = place[:2]
    back = asked(slimline, "rollback", "--model", "shades", *place, "--reason", "false alarms")
    assert (back["channel"], back["version"], back["previous"], back["generation"]) == ("production", 1, 2, 3)
    assert [(row["channel"], row["version"]) for row in asked(slimline, "channels", "shades", *store)] == [
        ("production", 1),
        ("staging", 2),
    ]
    refused = slimline("promote", "1", "--model", "shades", *place, "--reason", "again", code=1)
    assert "Received: release 2" in refused
    said = slimline("promote", "--model", "shades", *place, "--reason", "it was the sensor")
    assert said == "shades 2 is production, before it was 1 (generation 4)\n"
    moves = asked(slimline, "audit", "shades", *store)
    assert [(move["kind"], move["reason"]) for move in moves[:2]] == [
        ("promote", "it was the sensor"),
        ("rollback", "false alarms"),
    ]
    assert [move["generation"] for move in moves] == [4, 3, 2, 1]
    table = slimline("audit", "shades", *store)
    assert "false alarms" in table


@pytest.mark.parametrize(
    "reason",
    [
        "closes [/foo] bug",
        "[bold]loud[/bold] [link=https://a.example]here[/link]",
        "looks fine :smile:",
        "\x1b[2J\x1b]0;title\x07 and \x9b31m",
        "one line\nanother\r\x00\x7f",
        "user\u202egnp",
        "a byte \udcff",
        "a" * 2000,
        "| `code` <script>",
    ],
)
def test_a_reason_is_text_in_every_list(slimline: Slimline, place: tuple[str, ...], reason: str) -> None:
    shown = visible(reason)
    slimline("rollback", "--model", "shades", *place, "--reason", reason)
    for command in ("audit", "channels"):
        said = slimline(command, "shades", *place[:2])
        assert printed(said) == said
        assert "".join(shown.split()) in in_column(said, "Why")
        rows = asked(slimline, command, "shades", *place[:2])
        assert rows[0]["reason"] == storable(reason)
        said = slimline(command, "shades", *place[:2], "--json")
        assert printed(said) == said


def printed(text: str) -> str:
    return "".join(char for char in text if char == "\n" or visible(char) == char)


def in_column(table: str, name: str) -> str:
    """The text in a column of a table, its lines joined."""
    lines = [line.strip("│┃") for line in table.splitlines()[1:]]
    at = next(place for place, head in enumerate(re.split("[┃│]", lines[1])) if head.strip() == name)
    return "".join("".join(re.split("[┃│]", line)[at].split()) for line in lines[3:-1] if "│" in line)


NAMES = ("ships/alpha", "../digits", "Alpha", "", "a b", "x\n", "é", "-x", ".x", "a" * 64, "[/foo]", "\udcff")


@pytest.mark.parametrize(
    "command",
    [
        "promote 1 --reason a --model shades --channel=",
        "promote 1 --reason a --model=",
        "rollback --reason a --model shades --channel=",
        "rollback --reason a --model=",
        "audit shades --channel=",
        "audit --model=",
        "channels --model=",
        "releases --model=",
        "fetch shades --to device --channel=",
        "fetch --to device --model=",
        "retention --dry-run --model=",
        "pin 1 --reason a --model=",
        "unpin 1 --model=",
        "sign 1 --model=",
        "serve --model=",
    ],
)
def test_a_name_is_checked_as_in_params(
    slimline: Slimline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    *words, last = command.split()
    for name in NAMES:
        said = slimline(*words, f"{last}{name}", "--store", "file://store", code=2)
        assert f"Expected the name of a {last.strip('-=')}: up to 63 small letters" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        "promote --reason a --version=",
        "rollback --reason a --to=",
        "pin --reason a --version=",
        "unpin --version=",
        "sign --version=",
    ],
)
def test_a_number_of_a_release_is_checked(
    slimline: Slimline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    *words, last = command.split()
    for number in ("0", "-1", "9" * 16):
        said = slimline(*words, f"{last}{number}", "--store", "file://store", "--model", "shades", code=2)
        assert "Expected the number of a release, 1 or more" in said
    assert list(tmp_path.iterdir()) == []


def test_what_already_lies_among_the_channels_is_listed(
    slimline: Slimline, place: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "store/models/shades/channels"
    odd = [folder / "notes", folder / "broken.json", folder / "ships/alpha.json"]
    odd[2].parent.mkdir()
    odd[2].write_bytes((folder / "production.json").read_bytes())
    odd[0].write_bytes(b"notes")
    odd[1].write_bytes(b"{")
    rows = asked(slimline, "channels", "shades", *place[:2])
    assert [(row["channel"].rpartition("shades/")[2], row["version"]) for row in rows] == [
        ("production", 2),
        ("ships/alpha", 2),
        ("staging", 2),
        ("channels/broken.json", None),
        ("channels/notes", None),
    ]
    said = slimline("channels", "shades", *place[:2])
    assert "ships/alpha" in said
    assert "Not understood: models/shades/channels/notes: Expected a name that ends with .json" in said
    rows = asked(slimline, "releases", "shades", *place[:2])
    assert [row["version"] for row in rows] == [2, 1, None, None]
    assert rows[0]["channels"] == ["production", "ships/alpha", "staging"]
    (tmp_path / "store/models/shades/releases/1/manifest.dsse.json").write_bytes(b"{}")
    said = slimline("releases", "shades", *place[:2])
    assert "Not understood: models/shades/releases/1/manifest.dsse.json" in said
    assert "Not understood: models/shades/channels/broken.json" in said


def test_a_reason_that_channels_share_is_said_once() -> None:
    move = Pointer(
        version=1,
        manifest_sha256="0" * 64,
        generation=1,
        nonce="0",
        kind="promote",
        moved_at="2026-01-01T00:00:00+00:00",
        moved_by="somebody",
        reason="It passed.",
        previous=None,
        fallback=None,
    )
    other = move.model_copy(update={"reason": "Another reason."})
    rows = channel_rows([("production", move), ("staging", move), ("trial", other)])
    assert [row["Why"] for row in rows] == ["It passed.", "as for production", "Another reason."]


def test_a_word_that_is_no_option_is_text_too(slimline: Slimline, place: tuple[str, ...]) -> None:
    for word in ("\x1b[31m[/foo]", "\udcff"):
        said = slimline("promote", word, "--reason", "a", code=2)
        assert printed(said) == said
        assert visible(word) in said


def test_a_move_needs_a_reason_and_a_trusted_signature(
    slimline: Slimline, place: tuple[str, ...], tmp_path: Path
) -> None:
    assert "--reason" in slimline("rollback", "--model", "shades", *place, code=2)
    (tmp_path / "nobody").mkdir()
    strangers = ("--store", place[1], "--trusted-keys", str(tmp_path / "nobody"))
    refused = slimline("rollback", "--model", "shades", *strangers, "--reason", "a", code=1)
    assert "to be signed by a trusted key" in refused
    assert len(asked(slimline, "audit", "shades", *place[:2])) == 2


def test_what_the_project_has_revoked_counts_in_no_case(
    slimline: Slimline, place: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = place[-1]
    (key,) = asked(slimline, "keys", "show", "--trusted-keys", keys)
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    set_params([f"deployment.trust.revoked=[{key['id']}]"], tmp_path / "params.yaml")
    move = ("rollback", "--model", "shades", "--store", place[1], "--reason", "a")
    assert "(revoked)" in slimline(*move, "--trusted-keys", keys, code=1)
    monkeypatch.setenv(ENVIRONMENT, keys)
    assert "(revoked)" in slimline(*move, code=1)


def test_keys_are_made_shown_and_never_overwritten(
    slimline: Slimline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = slimline("keys", "new", "keys/release.pem")
    (shown,) = asked(slimline, "keys", "show", "--trusted-keys", "keys")
    assert shown == {"id": made.split()[-1], "revoked": False}
    assert slimline("keys", "public", "keys/release.pem") == (tmp_path / "keys/release.pub").read_text()
    assert "never overwritten" in slimline("keys", "new", "keys/release.pem", code=2)
    secret = (tmp_path / "keys/release.pem").read_text().splitlines()[1]
    assert secret not in made


def test_a_file_whose_name_is_no_utf_8_gets_its_answer(
    slimline: Slimline, place: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / os.fsdecode(b"\xff[b]\x1b.png")
    Image.new("L", (2, 2), 250).save(file)
    keys = place[2:]
    slimline("fetch", "shades", "--to", "device\udcff", "--channel", "production", *place)
    said = slimline("predict", str(file), "--model", "device\udcff", *keys)
    assert said.startswith(f"{tmp_path}/\\xff[b]\\x1b.png\tlight\t")
    assert asked(slimline, "predict", str(file), "--model", "device\udcff", *keys)[0]["file"] == str(file)
    assert "\\xfe.png" in slimline("predict", "\udcfe.png", "--model", "device\udcff", *keys, code=1)
