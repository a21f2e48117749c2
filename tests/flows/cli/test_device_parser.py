import pytest

from flows.cli.device_parser import run
from tasks.errors import Usage


def test_an_option_is_taken_by_its_whole_name_as_with_all_commands() -> None:
    with pytest.raises(Usage, match="unrecognized arguments: --trust keys"):
        run(["fetch", "digits", "--to", "device", "--trust", "keys"], "1.0", "prefect")
