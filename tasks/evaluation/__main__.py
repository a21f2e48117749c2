"""`python -P -m tasks.evaluation evaluate NAME PATH`, `benchmark` and `gate`."""

from tasks.code.works import measuring_works, works_of
from tasks.command import run_command

if __name__ == "__main__":
    run_command(works_of("tasks.evaluation"), measuring=measuring_works())
