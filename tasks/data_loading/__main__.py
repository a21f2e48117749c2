"""``python -m tasks.data_loading fingerprint`` and ``… load``."""

from tasks.command import run_command
from tasks.data_loading.fingerprint import fingerprint
from tasks.data_loading.load import load

if __name__ == "__main__":
    run_command({"fingerprint": fingerprint, "load": load})
