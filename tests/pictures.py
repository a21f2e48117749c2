"""The docs' pictures of the operator's pages, taken in a real browser of a real project: ``make pictures``.

    python -m tests.pictures docs

A small project runs three times, which takes some minutes. The report's picture is of what `make run` has left here, if
it was run.
"""

import sys
import tempfile
import time
from pathlib import Path

from tasks.evaluation.records import REPORT
from tests.browser import browser
from tests.flows.service.seen_project import seen_project

MOST = 200_000  # bytes of a picture
DRAWING = 10.0  # seconds that the graph of a run takes at most; nothing on the page tells that it is drawn
RECIPES = {
    "dynamic_int8": [{"technique": "quantize", "mode": "dynamic_int8"}],
    "float16": [{"technique": "quantize", "mode": "float16"}],
}
CHANGES = ("training.epochs=5", "training.epochs=20", "training.epochs=40")


def take(folder: Path) -> list[Path]:
    """Write the pictures into a folder; gives their files."""
    run, history, report = (folder / f"{name}.png" for name in ("prefect", "history", "report"))
    with (
        tempfile.TemporaryDirectory(prefix="slimline-pictures-") as scratch,
        seen_project(Path(scratch) / "numbers", RECIPES) as seen,
        browser(Path(scratch) / "browser") as page,
    ):
        for change in CHANGES:
            seen.run_line(change)
        last = seen.last_run()
        page.visit(f"{seen.address}/runs/flow-run/{last['id']}", last["state_name"])
        page.press("Task Runs")
        page.wait_for("compress@float16")
        time.sleep(DRAWING)
        page.photograph(run)
        page.visit(f"{seen.address}/artifacts/artifact/{seen.artifacts()['history-numbers']}", "Decisions left")
        assert min(page.pictures()) > 0
        page.photograph(history)
        if not REPORT.exists():
            return [run, history]
        page.visit(REPORT.resolve().as_uri(), "Candidates")
        page.photograph(report)
    return [run, history, report]


if __name__ == "__main__":
    for picture in take(Path(sys.argv[1])):
        size = picture.stat().st_size
        print(f"{picture}: {size:,} bytes")
        assert size < MOST, f"Expected at most {MOST:,} bytes."
