"""A real PostgreSQL for tests, on loopback, that can be stopped and started again."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

PASSWORD = "not:secret"
CREATE = "create database prefect"
USER = "postgres"  # it refuses to run as root


@dataclass(frozen=True)
class Postgres:
    """A cluster with a database ``prefect``; ``url``: as Prefect takes it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        password = PASSWORD.replace(":", "%3A")
        return f"postgresql+asyncpg://slimline:{password}@127.0.0.1:{self.port}/prefect"

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        told("pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        told("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self.folder / "data"))

    def ask(self, sql: str) -> None:
        """Carry out SQL, from outside of Prefect's database."""
        told("psql", self.url.replace("+asyncpg", "").replace("/prefect", "/postgres"), "-c", sql)

    def disconnect(self) -> None:
        """End every connection to Prefect's database."""
        self.ask("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'prefect'")


def missing() -> str | None:
    """Return why there is none here, None where there is."""
    programs = ["initdb", "pg_ctl", "psql", *(["runuser"] if os.geteuid() == 0 else [])]
    absent = [name for name in programs if shutil.which(name) is None]
    return f"no {', '.join(absent)} here" if absent else None


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a cluster in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        cluster = Postgres(Path(name), free_port())
        if os.geteuid() == 0:
            shutil.chown(name, USER)
        secret = cluster.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = str(cluster.folder / "data")
        told("initdb", "-D", data, "-U", "slimline", "-A", "scram-sha-256", f"--pwfile={secret}")
        cluster.start()
        try:
            cluster.ask(CREATE)
            yield cluster
        finally:
            with contextlib.suppress(RuntimeError):
                cluster.stop()


def told(*command: str) -> None:
    """Run a program of PostgreSQL's, as a user that it accepts."""
    whole = ["runuser", "-u", USER, "--", *command] if os.geteuid() == 0 else list(command)
    done = subprocess.run(
        whole, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise RuntimeError(f"Expected {command[0]} to work. Received: {done.stdout}")
