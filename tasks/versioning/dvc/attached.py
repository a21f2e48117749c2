"""`python -P -m tasks.versioning.dvc.attached …`: DVC's command line, which ends with the process that started it.

A run that is killed leaves no stage at work, and none of DVC's locks.
"""

import sys

from tasks.processes import end_group_with_parent

if __name__ == "__main__":
    end_group_with_parent()
    from dvc.cli import main

    sys.exit(main(sys.argv[1:]))
