"""`python -m tasks.training train`."""

from tasks.command import run_command
from tasks.training.trainer import train

if __name__ == "__main__":
    run_command({"train": train})
