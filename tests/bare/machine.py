"""A bare Debian of its own: made once by debootstrap, copied for each run, entered in namespaces of its own.

The network is the machine's; its package index, proxies and certificate authorities are handed in by environment.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.patience import allowed

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hospital_rt" / "bare"
"""Debian as debootstrap makes it, and what pip downloads: outside the checkout, kept from run to run."""

PACKAGES = ("git", "make", "python3", "python3-venv")
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
USER_ID = 1000
HOME = "/home/engineer"
HANDED_IN = (
    "PIP_INDEX_URL",
    "PIP_DEFAULT_TIMEOUT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")

ENTER = r"""
root=$1; pip=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount --bind "$pip" "$root$HOME_INSIDE/.cache/pip"
exec chroot --userspec="$USER_INSIDE" "$root" /usr/bin/env -i "$@"
"""
# The first process of the machine: it collects what others left, and ends as the command does. Ctrl-C is the command's.
FIRST = """trap : INT; cd "$1"; shift; "$@"; exit $?"""


def missing() -> str | None:
    """Why a bare machine cannot be had here; None when it can."""
    if os.geteuid() != 0:
        return "only root can make a bare machine"
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed here: apt-get install debootstrap"
    probe = ["unshare", "--mount", "--pid", "--fork", "true"]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode:
        return "this machine allows no namespaces of one's own"
    return None


def base(suite: str) -> Path:
    """This Debian, as debootstrap makes it with ``PACKAGES``; made where it is not there yet, in some minutes."""
    made = CACHE / suite
    if not made.exists():
        part = CACHE / f"{suite}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
        options = [f"--keyring={keyring}"] if keyring.exists() else []
        command = [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            *options,
            suite,
            str(part),
            MIRROR,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
        part.rename(made)
    return made


class Machine:
    """A copy of a bare Debian, with a clone of this repository and a user who may do nothing but work in it."""

    def __init__(self, suite: str, folder: Path, repository: Path) -> None:
        self.root = folder / suite
        self.checkout = f"{HOME}/hospital_rt"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base(suite)), str(self.root)], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc") / name, self.root / "etc" / name)
        with (self.root / "etc/passwd").open("a") as users:
            users.write(f"engineer:x:{USER_ID}:{USER_ID}::{HOME}:/bin/sh\n")
        with (self.root / "etc/group").open("a") as groups:
            groups.write(f"engineer:x:{USER_ID}:\n")
        self.environment = {"HOME": HOME, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "engineer"}
        self.environment |= {name: os.environ[name] for name in HANDED_IN if name in os.environ}
        for name in CERTIFICATES:
            if given := os.environ.get(name):
                shutil.copy(given, self.root / "etc" / "authorities.pem")
                self.environment["PIP_CERT"] = "/etc/authorities.pem"
                break
        self.pip = CACHE / "pip"
        self.pip.mkdir(parents=True, exist_ok=True)
        (self.root / HOME.lstrip("/") / ".cache" / "pip").mkdir(parents=True)
        origin = self.root / "srv" / "hospital_rt.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(repository), str(origin)], check=True)
        owned = [str(self.root / HOME.lstrip("/")), str(origin), str(self.pip)]
        subprocess.run(["chown", "-R", f"{USER_ID}:{USER_ID}", *owned], check=True)

    def start(self, *command: str, where: str | None = None, **environment: str) -> Terminal:
        """Start a command on a terminal of its own."""
        values = [f"{name}={value}" for name, value in {**self.environment, **environment}.items()]
        return Terminal(
            [
                "unshare",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
                "sh",
                "-euc",
                ENTER,
                "enter",
                str(self.root),
                str(self.pip),
                *values,
                "sh",
                "-c",
                FIRST,
                "first",
                where or self.checkout,
                *command,
            ]
        )

    def run(self, *command: str, within_s: float, where: str | None = None, **environment: str) -> Terminal:
        """Run a command to its end, which has to be a good one."""
        with contextlib.closing(self.start(*command, where=where, **environment)) as terminal:
            code = terminal.ended(within_s=within_s)
            assert code == 0, f"{' '.join(command)} ended with {code}:\n{terminal.said[-6000:]}"
        return terminal


class Terminal:
    """A command on a terminal: what stands there, and what is typed."""

    def __init__(self, command: list[str]) -> None:
        self._master, slave = pty.openpty()
        self.began = time.monotonic()
        inside = {"PATH": os.environ["PATH"], "HOME_INSIDE": HOME, "USER_INSIDE": f"{USER_ID}:{USER_ID}"}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, env=inside
        )
        os.close(slave)
        self._said = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the last process has closed the terminal
            while more := os.read(self._master, 65536):
                with self._changed:
                    self._said += more
                    self._changed.notify_all()

    @property
    def said(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self._said.decode(errors="replace").replace("\r", ""))

    def says(self, words: str, *, within_s: float) -> float:
        """Wait until these words stand on the terminal; seconds since the start."""

        def stands() -> bool:
            return words in self.said or self.process.poll() is not None

        with self._changed:
            deadline = time.monotonic() + allowed(within_s)
            while not stands() and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, 1.0))
        assert words in self.said, f"{words!r} did not come within {within_s} s:\n{self.said[-6000:]}"
        return time.monotonic() - self.began

    def types(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def ended(self, *, within_s: float) -> int:
        """Wait for the end; the exit code as a shell tells it."""
        try:
            code = self.process.wait(allowed(within_s))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {within_s} s:\n{self.said[-6000:]}") from None
        self._reader.join(5)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()  # and with it, every process of its machine
            self.process.wait()
        self._reader.join(5)
        os.close(self._master)


@contextlib.contextmanager
def open_machine(suite: str, folder: Path, repository: Path) -> Iterator[Machine]:
    """A machine; its copy is gone afterwards."""
    machine = Machine(suite, folder, repository)
    try:
        yield machine
    finally:
        shutil.rmtree(machine.root)
