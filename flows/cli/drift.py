"""``slimline drift``: how data differs from what the release in production was made of."""

import contextlib
import sys
from pathlib import Path

from flows.cli.options import Json
from flows.terminal import print_json, tell


def drift(folder: Path | None = None, *, json: Json = False) -> None:
    """Say how data differs from what the release in production was made of; nothing is trained.

    Compared are the shares of classes and, of the inputs, means and contrasts, by histograms that the release carries.

    Parameters
    ----------
    folder
        Of files such as a device has collected, in class folders or not; by default the data that was prepared last.
    """
    from flows.cli.summary import print_rows
    from flows.line.workspace import exclusive_run
    from tasks.config import load_params
    from tasks.deployment.releases.production import production
    from tasks.drift.files import profile_files
    from tasks.drift.profiling import profile_prepared
    from tasks.drift.stage import compare_with_production, expect_production_profile, production_reader

    params = load_params()
    with exclusive_run(), contextlib.redirect_stdout(sys.stderr):  # what was fetched
        production(params)
    if folder is None:
        profile, passed = profile_prepared(reader=production_reader(params.data.workload)), None
    else:
        like = expect_production_profile()
        reader = production_reader(like.workload)
        profile, passed = profile_files(folder, like, reader, params.data.options)
    report = compare_with_production(profile, params)
    if json:
        print_json({**report.model_dump(mode="json"), "not_used": passed.count if passed else 0})
        return
    rows = [
        {
            "Statistic": shift.statistic,
            "PSI": f"{shift.psi:.3f}",
            "Effect": f"{shift.effect:.3f}",
            "p": f"{shift.p:.3g}",
            "Shifted": "yes" if shift.shifted else "no",
        }
        for shift in report.shifts
    ]
    print_rows(f"{report.samples:,} samples beside release {report.release}", rows)
    tell(report.sentence)
    if passed and passed.count:
        files = "1 file was" if passed.count == 1 else f"{passed.count:,} files were"
        tell(f"{files} not used. {passed.first}")
