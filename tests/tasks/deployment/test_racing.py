from pathlib import Path

import pytest

from tests.tasks.deployment.racing import check, race


def test_of_many_who_release_at_once_one_wins_and_readers_see_only_whole_releases(
    store_url: str, tmp_path: Path
) -> None:
    (tmp_path / "race").mkdir()
    check(race(store_url, tmp_path / "race", rounds=2, processes=3, readers=1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "s3", "radosgw"])
def test_200_rounds_of_8_processes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"file://{tmp_path / 'store'}" if kind == "file" else str(request.getfixturevalue(f"{kind}_url"))
    (tmp_path / "race").mkdir()
    result = race(url, tmp_path / "race", rounds=200, processes=8)
    check(result)
    staged = len(result.trails["staging"])
    print(f"{kind}: 200 rounds of 8, {staged} moves of staging, {result.fetched} releases fetched meanwhile, all whole")
