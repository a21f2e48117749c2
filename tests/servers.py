"""Real servers for tests, started on loopback and ended with the test session."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

READY = "Running on"
ANYBODY = {  # the settings of a client of a server that accepts any credentials
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(log: IO[str]) -> None:
    """Read the log up to the line that says the server listens; somebody reads on, or the pipe would fill."""
    said = []
    for line in log:
        said.append(line)
        if READY in line:
            threading.Thread(target=log.read, daemon=True).start()
            return
    raise RuntimeError("Expected ministack to start. Received:\n" + "".join(said))


@contextlib.contextmanager
def ministack() -> Iterator[str]:
    """Run an S3 server in a process of its own and give its endpoint URL.

    It keeps everything in memory and accepts any credentials.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ministack-") as folder:
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "INFO",
            "TMPDIR": folder,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            cwd=folder,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                wait_until_ready(server.stdout)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.terminate()
                server.wait(timeout=20)
