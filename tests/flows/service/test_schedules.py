"""The schedules of prefect.yaml, as the server of this environment plans their runs."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.types._datetime import now  # what the server's scheduler begins with
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[3]


def schedules() -> dict[str, dict[str, Any]]:
    deployments = YAML(typ="safe").load(REPOSITORY / "prefect.yaml")["deployments"]
    return {each["name"]: schedule for each in deployments for schedule in each.get("schedules", ())}


@pytest.mark.parametrize("name", schedules())
def test_the_server_plans_runs_of_each_schedule(name: str) -> None:
    schedule = schedules()[name]
    made: CronSchedule | IntervalSchedule
    if "cron" in schedule:
        made = CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    else:
        made = IntervalSchedule(interval=timedelta(seconds=schedule["interval"]))
    begin = now("UTC")
    dates = asyncio.run(made.get_dates(3, start=begin))
    assert len(set(dates)) == 3
    assert all(date >= begin for date in dates)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_the_server_plans_runs_of_a_night_in_any_time_zone(zone: str) -> None:
    (date,) = asyncio.run(CronSchedule(cron="0 3 * * *", timezone=zone).get_dates(1, start=now("UTC")))
    assert date.astimezone(ZoneInfo(zone)).hour == 3
