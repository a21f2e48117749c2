import pytest

from tasks.config import Deployment
from tasks.deployment.stores.opening import open_reader
from tasks.stores import READ_ONLY, STORES, written


@pytest.mark.parametrize("scheme", [*STORES, *READ_ONLY])
def test_each_kind_is_opened_and_described_by_an_address_of_its_own(scheme: str) -> None:
    address = {**STORES, **READ_ONLY}[scheme].address
    assert address.startswith(f"{scheme}://")
    assert open_reader(address).url == address


@pytest.mark.parametrize("scheme", READ_ONLY)
def test_a_kind_that_is_only_read_is_no_store_of_a_line(scheme: str) -> None:
    with pytest.raises(ValueError, match=r"store\n.*pattern"):
        Deployment(model="shades", store=READ_ONLY[scheme].address)


def test_addresses_are_told_to_people() -> None:
    assert written(STORES.values()) == "file://folder or s3://bucket/prefix"
    assert written([STORES["file"]]) == "file://folder"
