"""`python -m tasks.deployment production`."""

from tasks.command import run_command
from tasks.deployment.production import production

if __name__ == "__main__":
    run_command({"production": production})
