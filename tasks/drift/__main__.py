"""``python -P -m tasks.drift drift``."""

from tasks.code.works import works_of
from tasks.command import run_command

if __name__ == "__main__":
    run_command(works_of("tasks.drift"))
