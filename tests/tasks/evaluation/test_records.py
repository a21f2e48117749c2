import json

from tasks.evaluation.records import Speed
from tasks.records import Interval

EVEN = Interval(value=1.0, low=0.9, high=1.1)


def test_throughput_is_read_from_records_of_the_version_before() -> None:
    speed = Speed(
        sha256="0" * 64,
        median_us=10.0,
        p95_us=12.0,
        samples_per_second=90_000.0,
        latency_ratio=EVEN,
        throughput_ratio=EVEN,
        batch=32,
        rounds_us=((10.0,),),
    )
    now = speed.model_dump_json()
    assert json.loads(now)["samples_per_second"] == 90_000.0
    assert Speed.model_validate_json(now.replace("samples_per_second", "images_per_second")) == speed
