"""A Docker engine for these tests alone, in namespaces of its own: mount, pid, net and uts.

The machine itself is neither changed nor reached: what listens inside has no conflict with what listens outside, and
the end of the engine's first process ends all. Images that a registry would give are stand-ins under the same names
(``prepare.sh``); what they stand for is told in docs/operate/compose-results.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("COMPOSE_CACHE", Path.home() / ".cache/hospital_rt/compose"))
T = TypeVar("T")
CLONE_NEWNET = 0x40000000
IMAGES: dict[str, tuple[str, list[str]]] = {
    "python": ("python:3.13-slim-bookworm", ['CMD ["python3"]']),
    "mongo": ("mongo:8.0", ['VOLUME ["/data/db","/data/configdb"]']),
    "redis": ("redis:8-alpine", ['VOLUME ["/data"]', "WORKDIR /data"]),
    "nginx": ("nginx:1.28-alpine", ["STOPSIGNAL SIGQUIT"]),
}
PATHS = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
BEGIN = """
mkdir -p upper work root docker shared
mount -t overlay overlay -o lowerdir="$1",upperdir=upper,workdir=work root
mkdir -p root/oldroot root/mnt/w root/var/lib/docker
mount --bind docker root/var/lib/docker
mount --bind shared root/mnt/w
mount --rbind /sys root/sys
mount --rbind /dev root/dev
mount -t tmpfs tmpfs root/run
mount -t tmpfs tmpfs root/tmp
cd root
pivot_root . oldroot
mount -t proc proc /proc
umount -l /oldroot
hostname compose
ip link set lo up
exec sleep infinity
"""


def why_not() -> str | None:
    """Why no engine can run here, or None."""
    if os.geteuid() != 0:
        return "make compose needs root, for namespaces and debootstrap"
    for program in ("unshare", "nsenter", "flock"):
        if not shutil.which(program):
            return f"make compose needs {program} (util-linux)"
    if not (shutil.which("debootstrap") or shutil.which("apt-get")):
        return "make compose needs debootstrap, and only Debian has it"
    tried = subprocess.run(
        ["unshare", "-m", "-n", "-p", "-f", "-u", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        check=False,
    )
    return None if tried.returncode == 0 else "make compose needs namespaces, which this machine does not give"


class Engine:
    """A running engine with the images that a registry would give."""

    def __init__(self) -> None:
        prepared = subprocess.run(
            ["bash", str(Path(__file__).with_name("prepare.sh")), str(CACHE), str(ROOT)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self._host, self._images = (Path(line) for line in prepared.stdout.split())
        for left in CACHE.glob("run-*"):
            if not Path("/proc", left.name.removeprefix("run-")).exists():
                shutil.rmtree(left, ignore_errors=True)
        self._work = CACHE / f"run-{os.getpid()}"
        self.shared = self._work / "shared"
        """The folder that the engine's host sees as /mnt/w."""
        self.volumes = self._work / "docker" / "volumes"
        self._work.mkdir()
        self._log = (self._work / "log").open("wb")
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._unshare = subprocess.Popen(
            [
                "unshare",
                "-m",
                "-n",
                "-p",
                "-f",
                "-u",
                "--kill-child",
                "--propagation",
                "private",
                "bash",
                "-ec",
                BEGIN,
                "begin",
                str(self._host),
            ],
            cwd=self._work,
            stdout=self._log,
            stderr=self._log,
        )
        self._pid = self._wait(self._first_process, "the host has begun")
        self._dockerd = subprocess.Popen(
            [*self._enter(), "dockerd", "--storage-driver", "overlay2"], stdout=self._log, stderr=self._log
        )
        self._wait(lambda: self.run("docker", "info", check=False).returncode == 0, "the engine answers")
        for name, (tag, changes) in IMAGES.items():
            self._import(name, tag, changes)

    def run(
        self,
        *command: str,
        folder: str = "/",
        check: bool = True,
        stdin: str = "",
        timeout_s: float = 1200,
        environment: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """A command of the engine's host from start to end, with output and errors in one."""
        values = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        ran = subprocess.run(
            [*self._enter(), f"--wdns={folder}", *command],
            env=values | (environment or {}),
            input=stdin,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
        assert not check or ran.returncode == 0, f"{' '.join(command)}: {ran.returncode}\n{ran.stdout[-4000:]}"
        return ran

    def versions(self) -> str:
        engine = self.run("docker", "version", "--format", "{{.Server.Version}}").stdout.strip()
        driver = self.run("docker", "info", "--format", "{{.Driver}}, cgroup v{{.CgroupVersion}}").stdout.strip()
        compose = self.run("docker", "compose", "version", "--short").stdout.strip()
        return f"Docker {engine} ({driver}), Compose {compose}"

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Have the sockets that this thread opens meanwhile be the engine's host's."""
        with Path(f"/proc/{self._pid}/ns/net").open("rb") as there:
            _enter_network(there.fileno())
        try:
            yield
        finally:
            _enter_network(self._home)

    def close(self) -> None:
        self._dockerd.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._dockerd.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._unshare.wait(10)
        self._log.close()
        os.close(self._home)
        shutil.rmtree(self._work, ignore_errors=True)

    def _first_process(self) -> int:
        pid = self._unshare.pid
        assert self._unshare.poll() is None, (self._work / "log").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        is_begun = children and Path(f"/proc/{children[0]}/comm").read_text().strip() == "sleep"
        return int(children[0]) if is_begun else 0

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self._pid), "-m", "-n", "-p", "-u"]

    def _wait(self, check: Callable[[], T], what: str, *, within_s: float = 60) -> T:
        deadline = time.monotonic() + within_s
        while not (found := check()):
            assert time.monotonic() < deadline, f"did not happen: {what}\n{(self._work / 'log').read_text()[-4000:]}"
            time.sleep(0.2)  # looks again, with a deadline
        return found

    def _import(self, name: str, tag: str, changes: list[str]) -> None:
        options = [word for change in (PATHS, *changes) for word in ("-c", change)]
        with subprocess.Popen(
            ["tar", "-C", str(self._images / name), "--numeric-owner", "-cf", "-", "."], stdout=subprocess.PIPE
        ) as packing:
            subprocess.run(
                [*self._enter(), "docker", "import", *options, "-", tag],
                stdin=packing.stdout,
                check=True,
                stdout=subprocess.DEVNULL,
            )


def _enter_network(descriptor: int) -> None:
    """Of this thread alone."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
