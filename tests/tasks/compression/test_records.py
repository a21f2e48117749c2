import json

from tasks.compression.records import LatencyTrial, Step

TRIAL = LatencyTrial(macs=123_456, microseconds=20.5, ratio=0.31, upper=0.33, fits=True)
STEP = Step(technique="prune_channels", config={}, seconds=1.0, changed=(), skipped=(), promises=(), trials=(TRIAL,))


def test_what_was_timed_is_read_from_records_of_the_version_before() -> None:
    now = STEP.model_dump_json()
    assert json.loads(now)["trials"][0]["macs"] == 123_456
    before = now.replace('"trials"', '"ladder"')
    assert before != now
    assert Step.model_validate_json(before) == Step.model_validate_json(now) == STEP
