"""A copy of this checkout, deployed by the commands that the documentation names."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.compose.engine import ROOT, Engine
from tests.support.driver import Front

ROLES = ("web", "worker", "scheduler")
MEMBERS = ("mongo1", "mongo2", "mongo3")


class Deployment:
    """Commands on the engine's host, in the folder of one copy."""

    def __init__(self, engine: Engine, name: str, *, port: int = 8080) -> None:
        self.engine, self.folder, self.inside = engine, engine.shared / name, f"/mnt/w/{name}"
        self.base = f"http://127.0.0.1:{port}"

    def clone(self, *, umask: int) -> None:
        """The files of this checkout, as ``git clone`` leaves them under this umask."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, self.folder / name
            if not source.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod((0o777 if source.stat().st_mode & 0o100 else 0o666) & ~umask)
        for folder in [self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())]:
            folder.chmod(0o777 & ~umask)

    def settings(self, **values: Any) -> None:
        """Write lines of ``.env``; a name that stands there is replaced."""
        path = self.folder / ".env"
        kept = [one for one in path.read_text().splitlines() if one.partition("=")[0] not in values]
        path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n")

    def settings_of_the_engine(self) -> None:
        """What this engine cannot do: raise the limit on open files beyond the machine's."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.settings(OPEN_FILES=min(hard, 65536))

    def secret(self, name: str, value: str | None = None) -> str:
        """Read a secret, or put another in its place: a new file, as an editor leaves it."""
        path = self.folder / "secrets" / name
        if value is not None:
            part = path.with_suffix(".part")
            part.write_text(value)
            part.chmod(0o444)
            part.rename(path)
        return path.read_text()

    async def run(self, *command: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(self.engine.run, *command, folder=self.inside, check=check, **more)

    async def compose(self, *words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        return await self.run("docker", "compose", *words, check=check, **more)

    async def walk(self, page: str, *headings: str, block: int | None = None) -> None:
        """Run in one shell what a page of docs/operate gives under these headings, or one block of it."""
        text = (ROOT / "docs/operate" / page).read_text()
        found: list[str] = []
        for heading in headings:
            [section] = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S)
            found += re.findall(r"^```sh\n(.*?)^```", section, flags=re.M | re.S)
        await self.run("sh", "-euc", "\n".join(found) if block is None else found[block])

    async def roll(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return await self.run("sh", "deploy/roll.sh", *words, check=check)

    async def admin(self, *words: str) -> dict[str, Any]:
        """An admin command as the documentation has it; what it answered."""
        ran = await self.compose("run", "--rm", "-T", "admin", "admin", *words, "--json", "--yes", check=False)
        lines = [one for one in ran.stdout.splitlines() if one.startswith("{")]
        assert lines, ran.stdout
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    async def containers(self, *services: str) -> list[str]:
        """Ids of running containers."""
        return (await self.compose("ps", "--quiet", *services)).stdout.split()

    async def healthy(self) -> dict[str, str]:
        """Every container by name, and its health."""
        said = (await self.compose("ps", "--all", "--format", "{{.Name}} {{.Health}}")).stdout
        return {name: health for name, _, health in (one.partition(" ") for one in said.splitlines())}

    async def inspect(self, container: str, form: str) -> str:
        return (await self.run("docker", "inspect", "--format", form, container)).stdout.strip()

    async def kill(self, container: str) -> None:
        """SIGKILL of its first process, as the kernel would: `docker kill` would count as the operator's wish."""
        await self.run("kill", "-9", await self.inspect(container, "{{.State.Pid}}"))

    @property
    def people(self) -> Front:
        return Front(self.base)

    def volume(self, name: str) -> Path:
        """Where a volume lies, as this machine sees it."""
        return self.engine.volumes / f"hospital_rt_{name}" / "_data"
