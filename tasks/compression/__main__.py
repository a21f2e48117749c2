"""`python -m tasks.compression compress RECIPE`."""

from tasks.command import run_command
from tasks.compression.supervisor import compress

if __name__ == "__main__":
    run_command({"compress": compress})
