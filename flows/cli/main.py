"""The entry of the ``slimline`` command: all commands, or with the base install those of a device."""

import os
import sys
from importlib.metadata import version

from flows.terminal import tell_error
from tasks.errors import UNAVAILABLE, UNUSABLE, SlimlineError
from tasks.extras import missing
from tasks.files import is_full, no_room
from tasks.text import show_what_cannot_be_encoded

OF_STAGES = {UNAVAILABLE, UNUSABLE}  # exit codes by which a run decides what to do; for a person they are errors


def main() -> None:
    """Run the command line and exit with its code.

    Exit codes: 0 done, 2 the command line or the configuration is wrong or an extra is missing, 130 interrupted,
    141 nobody reads what is printed, 1 any other error that has a message; commands name further ones.

    Raises:
        SystemExit: with the code, unless it is 0.
    """
    show_what_cannot_be_encoded()
    code: object = None
    try:
        absent = missing("line")
        if absent is None:
            from flows.cli.app import run_app

            code = run_app()
        else:
            from flows.cli.device_parser import run

            run(sys.argv[1:], version("slimline"), absent)
    except SlimlineError as error:
        tell_error(error)
        raise SystemExit(1 if error.exit_code in OF_STAGES else error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader, as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        if not is_full(error):
            raise
        tell_error(no_room(error))
        raise SystemExit(1) from None
    raise SystemExit(code if isinstance(code, int) else 0)
