"""`python -m tasks.training train|teach|export`."""

from tasks.command import run_command
from tasks.training.serving import export
from tasks.training.teachers import teach
from tasks.training.trainer import train

if __name__ == "__main__":
    run_command({"train": train, "teach": teach, "export": export})
