import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from tasks.config import Data, data_of
from tasks.data_loading.fingerprint import current_listing
from tasks.data_loading.load import prepare
from tasks.errors import UNAVAILABLE, UNUSABLE, DataError, RefusedError, SourceError
from tasks.samples import SPLITS, Dataset, SplitName, read_batches, read_dataset
from tasks.tfrecord import decode, read_records
from tests.tasks.data_loading.material import (
    encoded,
    opened,
    picture,
    pixels,
    prepared,
    shuffled,
    tree,
    write_folder,
    write_tar,
    write_zip,
)

CLASSES = ("cat", "dog")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def placed(dataset: Dataset, folder: Path = Path("data/prepared")) -> dict[str, SplitName]:
    """The split of each sample, by name."""
    return {
        decode(record, ["image"]).name: split
        for split, part in dataset.splits.items()
        for shard in part.shards
        for record in read_records(folder / shard.file)
    }


def test_order_and_packing_make_no_difference_to_a_single_byte(workspace: Path) -> None:
    files = tree(CLASSES, 40)
    packings = (
        write_folder(workspace / "folder", files),
        write_tar(workspace / "sorted.tar.gz", files),
        write_tar(workspace / "shuffled.tar", shuffled(files), "w"),
        write_zip(workspace / "shuffled.zip", shuffled(files, 2)),
    )
    made = []
    for packing in packings:
        prepared(packing.name)
        made.append(contents(Path("data/prepared")))
    assert made[0] == made[1] == made[2] == made[3]


def test_two_loads_at_once_in_one_folder_leave_each_other_alone(workspace: Path) -> None:
    source = write_folder(workspace / "images", tree(CLASSES, 30))
    data = data_of("image").model_validate({"source": "images"})
    listing = current_listing(data)
    elsewhere = prepare(data, listing, workspace / "elsewhere")
    begun: list[Dataset] = []

    def load_again(_: object) -> None:
        begun.append(prepare(data, listing))
        begun.append(prepare(data, listing))

    assert source.exists()
    whole = prepare(data, listing, told=load_again)
    assert [whole, *begun] == [elsewhere] * 3
    assert contents(Path("data/prepared")) == contents(workspace / "elsewhere")
    assert not list(Path(".slimline/tmp").iterdir())
    assert [path.name for path in Path("data").iterdir()] == ["prepared"]


def test_what_a_killed_load_left_behind_is_removed(workspace: Path) -> None:
    write_folder(workspace / "images", tree(CLASSES, 30))
    for left in (".slimline/tmp/buckets-x", "data/.prepared-y", "data/.old-prepared-z"):
        (Path(left) / "deep").mkdir(parents=True)
        Path(f"{left}.lock").touch()
    prepared("images")
    assert not list(Path(".slimline/tmp").iterdir())
    assert [path.name for path in Path("data").iterdir()] == ["prepared"]


def test_where_the_samples_lie_makes_no_difference_to_a_single_byte(workspace: Path, tmp_path: Path) -> None:
    files = {**tree(CLASSES, 40), "cat/broken.png": b"no image", "loose.png": picture(1)}
    place = write_folder(workspace / "photos", files)
    (workspace / "link").symlink_to(place)
    copy = shutil.copytree(place, workspace / "elsewhere" / "else", copy_function=shutil.copyfile)  # with other times
    made = []
    for source in ("photos", "photos/", "./photos", str(place), "link", str(copy)):
        prepared(source, max_refused=0.1)
        made.append(contents(Path("data/prepared")))
    assert all(each == made[0] for each in made)
    assert b"photos" not in b"".join(made[0].values())


def test_every_sample_arrives_once_with_its_pixels_and_its_label(workspace: Path) -> None:
    files = tree(CLASSES, 30)
    dataset = prepared(write_folder(workspace / "images", files))
    expected = {opened(content).tobytes(): name for name, content in files.items()}
    seen = []
    for split in SPLITS:
        for inputs, labels in read_batches(split, 7):
            images = inputs.arrays["image"]
            assert images.shape[1:] == (12, 10, 3) == dataset.inputs[0].shape
            for image, label in zip(images, labels, strict=True):
                name = expected[image.tobytes()]
                assert dataset.classes[label] == name.split("/")[0]
                seen.append(name)
    assert sorted(seen) == sorted(files)
    assert dataset.read == len(files)


def test_when_data_grows_no_sample_of_a_frequent_class_moves(workspace: Path) -> None:
    split = {"validation": 0.4, "test": 0.4}
    before = placed(prepared(write_folder(workspace / "images", tree(CLASSES, 50)), split=split))
    write_folder(workspace / "images", tree(("ape", *CLASSES, "eel"), 90, first=50))
    after = placed(prepared("images", split=split))
    assert len(before) == 2 * 50
    assert len(after) == 2 * 50 + 4 * 90
    assert {name: after[name] for name in before} == before
    assert set(before.values()) == set(SPLITS)


def test_each_split_has_its_share_of_a_rare_class_whatever_the_order_and_the_packing(workspace: Path) -> None:
    rare = ("ibex", "lynx", "mink", "wolf")
    files = tree(("cat",), 60) | tree(rare, 20, first=100)
    dataset = prepared(write_folder(workspace / "folder", files))
    for name in rare:
        counts = {split: part.per_class[name] for split, part in dataset.splits.items()}
        assert counts == {"train": 16, "validation": 2, "test": 2}
    assert prepared(write_zip(workspace / "shuffled.zip", shuffled(files, 3)), workspace / "other") == dataset


def test_near_duplicates_of_a_rare_class_stay_on_one_side(workspace: Path) -> None:
    files = tree(("cat",), 60) | {f"lynx/{number}.png": picture(9000 + number // 4) for number in range(40)}
    dataset = prepared(write_folder(workspace / "images", files))
    sides: dict[int, set[SplitName]] = {}
    for name, split in placed(dataset).items():
        if name.startswith("lynx"):
            sides.setdefault(int(name.removeprefix("lynx/").removesuffix(".png")) // 4, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())
    assert {name: part.per_class["lynx"] for name, part in dataset.splits.items()} == {
        "train": 32,
        "validation": 4,
        "test": 4,
    }
    assert not dataset.kept_out_samples


def test_splits_of_the_source_are_honoured(workspace: Path) -> None:
    files = {
        **tree(CLASSES, 40, "train/"),
        **tree(CLASSES, 6, "test/", first=40),
        **tree(CLASSES, 5, "val/", first=80),
    }
    found = placed(prepared(write_folder(workspace / "images", files)))
    for name, split in found.items():
        assert split == {"train": "train", "test": "test", "val": "validation"}[name.split("/")[0]]
    assert len(found) == len(files)


def test_a_missing_validation_split_comes_out_of_the_train_folder_alone(workspace: Path) -> None:
    files = {**tree(CLASSES, 60, "train/"), **tree(CLASSES, 10, "test/", first=60)}
    found = placed(prepared(write_folder(workspace / "images", files), split={"validation": 0.3, "test": 0.3}))
    assert {split for name, split in found.items() if name.startswith("test/")} == {"test"}
    assert {split for name, split in found.items() if name.startswith("train/")} == {"train", "validation"}


def test_equal_samples_are_kept_out_of_the_looser_split(workspace: Path) -> None:
    same, chosen = picture(9000), picture(9001)
    files = {
        **tree(CLASSES, 20, "train/"),
        **tree(CLASSES, 3, "val/", first=30),
        **tree(CLASSES, 3, "test/", first=40),
        "train/cat/same.png": same,
        "val/cat/same.png": same,
        "test/cat/same.png": same,
        "train/dog/chosen.png": chosen,
        "val/dog/chosen.png": chosen,
    }
    dataset = prepared(write_folder(workspace / "images", files))
    assert {(refusal.file, refusal.reason) for refusal in dataset.kept_out} == {
        ("train/cat/same.png", "kept out of train: equal to test/cat/same.png in test"),
        ("val/cat/same.png", "kept out of validation: equal to test/cat/same.png in test"),
        ("train/dog/chosen.png", "kept out of train: equal to val/dog/chosen.png in validation"),
    }
    assert dataset.kept_out_samples == 3
    assert set(placed(dataset)) == set(files) - {refusal.file for refusal in dataset.kept_out}


def test_the_same_image_in_another_format_is_equal(workspace: Path) -> None:
    image = Image.fromarray(pixels(9000))
    files = {
        **tree(CLASSES, 20, "train/"),
        **tree(CLASSES, 3, "test/", first=40),
        "train/cat/same.bmp": encoded(image, "BMP"),
        "test/cat/same.png": encoded(image, "PNG"),
    }
    assert [refusal.file for refusal in prepared(write_folder(workspace / "images", files)).kept_out] == [
        "train/cat/same.bmp"
    ]


def test_equal_samples_with_different_labels_are_noted(workspace: Path) -> None:
    files = {**tree(CLASSES, 20), "cat/same.png": picture(9000), "dog/same.png": picture(9000)}
    notes = prepared(write_folder(workspace / "images", files)).notes
    assert "1 equal images have different labels, for example cat/same.png and dog/same.png." in notes


def test_what_is_unusable_is_listed_with_the_reason(workspace: Path) -> None:
    files = {
        **tree(CLASSES, 40),
        "cat/cut.jpg": picture(1, "JPEG", height=64, width=64)[:900],
        "cat/empty.png": b"",
        "dog/notes.txt": b"not an image",
        "alone.png": picture(2),
        "README.txt": b"about the data",
    }
    (workspace / "images/emu").mkdir(parents=True)
    dataset = prepared(write_folder(workspace / "images", files), max_refused=0.05)
    reasons = {refusal.file: refusal.reason for refusal in dataset.refused}
    assert reasons.keys() == {"alone.png", "cat/cut.jpg", "cat/empty.png", "dog/notes.txt"}
    assert "cut short" in reasons["cat/cut.jpg"]
    assert "no image" in reasons["dog/notes.txt"]
    assert (dataset.read, dataset.refused_samples) == (84, 4)
    assert "The class folder emu is empty." in dataset.notes
    assert dataset.classes == CLASSES


def test_a_text_beside_class_folders_is_passed_over_in_every_packing(workspace: Path) -> None:
    files = {"pets/README.md": b"about", **tree(CLASSES, 20, "pets/train/"), "pets/train/README.md": b"about"}
    for packing in (
        write_folder(workspace / "images", files),
        write_tar(workspace / "images.tar", files),
        write_tar(workspace / "backwards.tar", dict(reversed(files.items()))),
    ):
        assert prepared(packing).refused == ()


def test_too_many_unusable_samples_stop_before_anything_is_written(workspace: Path) -> None:
    write_folder(workspace / "images", {**tree(CLASSES, 10), "cat/a.png": b"x", "dog/b.png": b"y"})
    prepared("images", max_refused=0.1)
    before = contents(Path("data/prepared"))
    write_folder(workspace / "images", {"cat/c.png": b"z"})
    with pytest.raises(RefusedError, match=r"at most 10\.00%.*3 of 23.*\n  cat/a\.png: .*\n  cat/c\.png") as raised:
        prepared("images", max_refused=0.1)
    assert raised.value.exit_code == UNUSABLE
    assert contents(Path("data/prepared")) == before
    assert left_behind() == []


def test_classes_without_samples_are_noted(workspace: Path) -> None:
    files = {**tree(CLASSES, 30), "eel/1.png": b"damaged", "ape/1.png": picture(9000)}
    notes = prepared(write_folder(workspace / "images", files), max_refused=0.1).notes
    assert "The class eel has no usable sample." in notes
    assert len([note for note in notes if note.startswith("The class ape has no sample in the")]) == 2


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        ({"README.txt": b"nothing"}, SourceError, "Expected samples in images"),
        (tree(["cat"], 10), DataError, r"at least two classes.*Received: cat"),
        (tree(CLASSES, 1), DataError, r"samples in the (train|validation|test) split"),
    ],
)
def test_too_little_data_says_what_is_missing(
    workspace: Path, files: dict[str, bytes], kind: type[DataError], message: str
) -> None:
    write_folder(workspace / "images", files)
    with pytest.raises(kind, match=message) as raised:
        prepared("images")
    assert raised.value.exit_code == (UNAVAILABLE if kind is SourceError else UNUSABLE)
    assert not Path("data/prepared").exists()
    assert left_behind() == []


def test_other_sizes_and_colours_are_brought_to_what_params_say(workspace: Path) -> None:
    files = {
        **tree(CLASSES, 20),
        "cat/large.png": picture(1, height=50, width=40),
        "dog/grey.png": picture(2, channels=1),
    }
    write_folder(workspace / "images", files)
    dataset = prepared("images")
    assert dataset.inputs[0].shape == (12, 10, 3)  # as the first image has it
    assert "1 images were resized to 12×10." in dataset.notes
    assert "1 images were turned from grey to colour or from colour to grey." in dataset.notes
    assert prepared("images", image={"height": 8, "width": 6, "channels": 1}).inputs[0].shape == (8, 6, 1)


def test_auto_takes_the_first_usable_image(workspace: Path) -> None:
    files = {"cat/0.png": b"damaged", "cat/1.png": picture(1, height=9, width=8, channels=1), **tree(CLASSES, 40)}
    dataset = prepared(write_tar(workspace / "images.tar", files), max_refused=0.1)
    assert dataset.inputs[0].shape == (9, 8, 1)
    assert dataset.refused_samples == 1


def test_shards_are_closed_at_their_size_and_described(workspace: Path) -> None:
    write_folder(
        workspace / "images", {name: picture(seed, height=64, width=64) for seed, name in enumerate(tree(CLASSES, 30))}
    )
    dataset = prepared("images", shard_bytes=1 << 16)
    train = dataset.splits["train"]
    assert len(train.shards) > 3
    for shard in train.shards[:-1]:
        assert (1 << 16) <= shard.bytes < (1 << 16) + 64 * 64 * 3 + 1000
    for part in dataset.splits.values():
        assert part.samples == sum(shard.samples for shard in part.shards) == sum(part.per_class.values())
        for shard in part.shards:
            assert (Path("data/prepared") / shard.file).stat().st_size == shard.bytes
    assert read_dataset() == dataset


def test_numbers_as_classes_are_in_the_order_of_numbers(workspace: Path) -> None:
    dataset = prepared(write_folder(workspace / "images", tree(("10", "9", "0"), 30)))
    assert dataset.classes == ("0", "9", "10")


def test_many_files_go_through_processes_and_come_out_the_same(workspace: Path) -> None:
    files = tree(CLASSES, 300)
    write_tar(workspace / "images.tar", files, "w")
    parallel = prepared("images.tar")
    images = np.stack([opened(content) for content in files.values()])
    np.savez(workspace / "images.npz", x=images, y=np.array([name.split("/")[0] for name in files]))
    inline = prepared("images.npz", Path("data/inline"))
    assert parallel.source_digest == inline.source_digest
    for split in SPLITS:
        ours, theirs = read_batches(split, 64), read_batches(split, 64, Path("data/inline"))
        for (inputs, labels), (others, other_labels) in zip(ours, theirs, strict=True):
            assert np.array_equal(inputs.arrays["image"], others.arrays["image"])
            assert np.array_equal(labels, other_labels)


def test_a_source_that_changed_since_it_was_fingerprinted_is_noted(workspace: Path) -> None:
    data = Data(source=str(write_folder(workspace / "images", tree(CLASSES, 20))))
    listing = current_listing(data)
    write_folder(workspace / "images", tree(CLASSES, 1, first=20))
    assert any("changed since" in note for note in prepare(data, listing).notes)


def test_touching_files_changes_nothing_that_was_prepared(workspace: Path) -> None:
    files = write_folder(workspace / "images", tree(CLASSES, 20))
    prepared("images")
    before = contents(Path("data/prepared"))
    for path in files.rglob("*.png"):
        os.utime(path, ns=(1, 1))
    prepared("images")
    assert contents(Path("data/prepared")) == before


def test_a_run_that_was_killed_leaves_the_old_data_and_the_next_one_clears_up(workspace: Path) -> None:
    write_folder(workspace / "images", tree(CLASSES, 20))
    prepared("images")
    before = contents(Path("data/prepared"))
    die = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tasks.data_loading import load\n"
        "from tests.tasks.data_loading.material import prepared\n"
        "def write(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "load.write_record = write\n"
        "prepared('images', split={'validation': 0.3, 'test': 0.3})\n"
    )
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", die], env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert run.returncode == -9
    assert contents(Path("data/prepared")) == before
    assert left_behind() != []
    prepared("images")
    assert contents(Path("data/prepared")) == before
    assert left_behind() == []


def left_behind() -> list[str]:
    """Temporary files and folders of a load."""
    found = [*Path("data").glob(".*"), *Path(".slimline/tmp").glob("*")]
    return [str(path) for path in found]


def test_all_settings_but_the_place_are_parameters_of_the_stage() -> None:
    graph = YAML(typ="safe").load(Path(__file__).parents[3].joinpath("dvc.yaml").read_text())
    assert set(graph["stages"]["load"]["params"]) == {
        f"data.{name}" for name in data_of("image").model_fields if name != "source"
    }


def test_the_stage_runs_from_params_and_tells_how_it_ended(workspace: Path) -> None:
    params = "data: {source: digits}\nrecipes: {float16: []}\ndeployment: {model: digits}\n"
    (workspace / "params.yaml").write_text(f"{params}gate: {{rules: [{{metric: accuracy, margin: 0.1}}]}}\n")

    def stage(name: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "tasks.data_loading", name], capture_output=True, text=True, check=False
        )

    early = stage("load")
    assert early.returncode == 1
    assert "data/source.json" in early.stderr
    assert stage("fingerprint").returncode == 0
    run = stage("load")
    assert run.returncode == 0, run.stderr
    assert re.search(r"train [\d,]+, validation [\d,]+, test [\d,]+ samples of 10 classes; 0 refused", run.stdout)
    assert read_dataset().inputs[0].shape == (16, 16, 1)
