"""A real Ceph object gateway on loopback: one monitor, one OSD in a folder, no systemd; it ends with who started it.

Run by itself it serves until it is stopped, and prints the settings that reach it::

    python -m tests.radosgw

It needs Debian's packages ``ceph-mon``, ``ceph-osd`` and ``radosgw``.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

PACKAGES = "ceph-mon ceph-osd radosgw"
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph-authtool", "ceph")
PATIENCE = 180  # seconds until a step of the start is given up
CAPABILITIES = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
CONFIG = """
[global]
fsid = {fsid}
mon host = {monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
run dir = {folder}
admin socket =
pid file =
log file = {folder}/$name.log
log to stderr = false
mon cluster log file = /dev/null
mon cluster log to file = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
[mon]
mon data = {folder}/mon
mon data avail crit = 1
mon data avail warn = 1
mon osd full ratio = 0.99
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd data = {folder}/osd
osd objectstore = bluestore
osd memory target = 939524096
bluestore block create = true
bluestore block size = 21474836480
osd max object size = 134217728
[client.admin]
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw thread pool size = 64
rgw enable usage log = false
rgw enable ops log = false
"""


@dataclass(frozen=True)
class Account:
    """The credentials of a user of the gateway."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Gateway:
    """A gateway that listens: its URL, who owns the buckets and who may not touch them."""

    url: str
    owner: Account
    stranger: Account

    def settings(self) -> dict[str, str]:
        """The environment under which the owner reaches it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.owner.access_key,
            "AWS_SECRET_ACCESS_KEY": self.owner.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def missing() -> str | None:
    """The reason why no gateway can be started here; None if one can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)} here: install Debian's packages {PACKAGES}"
    return None


@contextlib.contextmanager
def radosgw() -> Iterator[Gateway]:
    """Run a gateway of an empty cluster."""
    with tempfile.TemporaryDirectory(prefix="radosgw-") as name, contextlib.ExitStack() as running:
        cluster = _Cluster(Path(name), running)
        cluster.start()
        owner, stranger = cluster.account("owner"), cluster.account("stranger")
        yield Gateway(cluster.url, owner, stranger)


class _Cluster:
    """The daemons of one cluster in one folder."""

    def __init__(self, folder: Path, running: contextlib.ExitStack) -> None:
        self.folder = folder
        self.running = running
        self.port, self.fsid = free_port(), uuid.uuid4()
        self.monitor = f"[v2:127.0.0.1:{free_port()}]"
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "ceph.conf"
        self.config.write_text(CONFIG.format(folder=folder, fsid=self.fsid, monitor=self.monitor, port=self.port))

    def start(self) -> None:
        """Make and start a monitor, an OSD and the gateway, one after the other."""
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()
        monitors = str(self.folder / "monmap")
        self.run("monmaptool", "--create", "--fsid", str(self.fsid), "--addv", "a", self.monitor, monitors)
        keys = str(self.folder / "keyring")
        self.run("ceph-authtool", "--create-keyring", keys)
        for name in ("mon.", "osd.0", "client.admin"):
            self.run("ceph-authtool", "--gen-key", "--name", name, *CAPABILITIES, keys)
        self.run("ceph-mon", "--mkfs", "--id", "a", "--monmap", monitors, "--keyring", keys)
        self.serve("ceph-mon", "--id", "a")
        disk = str(uuid.uuid4())
        self.run("ceph", "osd", "new", disk)
        self.run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", disk)
        self.serve("ceph-osd", "--id", "0")
        gateway = self.serve("radosgw", "--name", "client.admin")
        self.wait(gateway)

    def account(self, name: str) -> Account:
        """Make an account."""
        account = Account(f"{name}-access", f"{name}-secret")
        keys = ("--access-key", account.access_key, "--secret-key", account.secret_key)
        self.run(
            "radosgw-admin", "--name", "client.admin", "user", "create", "--uid", name, "--display-name", name, *keys
        )
        return account

    def run(self, program: str, *arguments: str) -> None:
        """Run a program to its end."""
        done = subprocess.run(
            [program, "--conf", self.config, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        if done.returncode:
            raise RuntimeError(f"Expected {program} {' '.join(arguments)} to succeed. Received: {done.stderr}")

    def serve(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a daemon that ends with this cluster, also where this process is killed."""
        with (self.folder / f"{program}.err").open("wb") as errors:
            daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", program, "--conf", self.config, "--foreground", *arguments],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        self.running.callback(_end, daemon)
        return daemon

    def wait(self, gateway: "subprocess.Popen[bytes]") -> None:
        """Wait until the gateway listens."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up and gateway.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        said = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.err"))
        raise RuntimeError(f"Expected radosgw to listen within {PATIENCE} s. Received:\n{said}")


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.kill()  # what it has is thrown away
    daemon.wait(timeout=60)


def main() -> None:
    if reason := missing():
        raise SystemExit(reason)
    with radosgw() as gateway:
        print("\n".join(f"export {name}={value}" for name, value in gateway.settings().items()), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
