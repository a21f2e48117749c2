"""``slimline data``: a source, looked at before anything is trained on it."""

import contextlib
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.cli.options import Changes, Json
from flows.terminal import print_json, tell

PAGE = Path("reports/data.html")


def data(
    *,
    set_: Changes = (),
    html: Annotated[bool, Parameter(name="--html", help=f"Write a contact sheet to {PAGE}.")] = False,
    json: Json = False,
) -> None:
    """Look at the data as a run would use it: classes, splits, sizes, what is refused and why.

    Nothing is trained and params.yaml stays as it is, with --set too. What would stop a run is said, and which
    rule of the gate so few test samples could not prove.
    """
    from flows.cli.summary import print_rows
    from flows.line.workspace import exclusive_run
    from tasks.data_loading.contact_sheet import contact_sheet
    from tasks.data_loading.overview import overview, rows, sentences
    from tasks.evaluation.beforehand import too_few
    from tasks.files import write_text
    from tasks.versioning.params_file import with_changes
    from tasks.workloads import measuring_for

    params = with_changes(set_)
    with exclusive_run(), tempfile.TemporaryDirectory(prefix="slimline-") as scratch:
        prepared = Path(scratch) / "prepared"
        with contextlib.redirect_stdout(sys.stderr):  # how far the reading is
            found = overview(params.data, prepared)
        if html:
            write_text(PAGE, contact_sheet(found, prepared))
    metrics = measuring_for(params.data.workload).metrics
    unproven = too_few(params.gate.rules, found.splits["test"].samples, metrics)
    if json:
        page = str(PAGE.resolve()) if html else None
        print_json({**found.model_dump(mode="json"), "unproven": unproven, "page": page})
    else:
        print_rows(f"Samples of {found.source}", [dict(row) for row in rows(found)])
        for line in sentences(found):
            tell(line)
        if unproven:
            tell(f"A run would release nothing: {unproven}")
        if html:
            tell(f"Contact sheet: {PAGE.resolve()}")
