"""``all`` and ``demo``: embedded servers, generated secrets, and every role in one command."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from cryptography.fernet import Fernet

from hospital_rt.runtime.embedded_servers import EmbeddedRefused, EmbeddedServers, private_dir
from hospital_rt.runtime.private_server import write_private
from hospital_rt.runtime.supervisor import Role, Supervisor
from hospital_rt.settings import Settings

ROLES = ("web", "worker", "scheduler")
STOP_ROLES_WITHIN_S, STOP_SERVERS_WITHIN_S = 7.0, 2.5


def say(line: str) -> None:
    """Print one line atomically, also when several processes print at once. A closed terminal is ignored."""
    with contextlib.suppress(OSError):
        os.write(1, f"{line}\n".encode())


def generate_once(path: Path, make: Callable[[], str]) -> Path:
    """A private file (0600) with a secret, generated on the first start."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, make())
    return path


class _Letters:
    """Prints the mail of a demo on its terminal, each message once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown = {path.name for path in folder.glob("*.eml")}

    def show_new(self) -> None:
        for path in sorted(self._folder.glob("*.eml")):
            if path.name in self._shown:
                continue
            self._shown.add(path.name)
            letter = message_from_bytes(path.read_bytes(), policy=default)
            body = letter.get_body()
            text = body.get_content().strip() if body else ""
            say(f"\n  A letter to {letter['To']}: {letter['Subject']}\n\n    " + text.replace("\n", "\n    ") + "\n")


def run_together(
    command: str, settings: Settings, values: Mapping[str, str], *, seed: Callable[[Settings], list[str]]
) -> int:
    """Run all roles until a signal. Exit code 0; 2 when a setting or the data folder is not usable."""
    own_mongo, own_redis = settings.mongo_url is None, settings.redis_url is None
    if not own_mongo and settings.missing_secrets:
        sys.stderr.writelines(f"{name}: is required with MONGO_URL\n" for name in settings.missing_secrets)
        return 2
    try:
        private_dir(settings.data_dir)
        servers = EmbeddedServers(settings.data_dir, mongo=own_mongo, redis=own_redis)
        found = servers.start()
    except EmbeddedRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    try:
        for line in found.descriptions:
            say(line)
        environment, settings = _secrets(settings, found.mongo_url, found.redis_url)
        environment |= {
            "DATA_DIR": str(settings.data_dir),
            "HOST": settings.host,
            "PORT": str(settings.port),
            "PUBLIC_URL": settings.public_url,
            "LOG_FORMAT": settings.log_format,
            "LOG_LEVEL": settings.log_level,
            "OPS_PORT": "",
            "STEP_REVIEW": settings.step_review,
        }
        if settings.day_seconds:
            environment["DAY_SECONDS"] = str(settings.day_seconds)
        if settings.doctor_signup:
            environment["DOCTOR_SIGNUP"] = settings.doctor_signup
        environment |= {f"{name}_FILE": "" for name in list(environment) if not name.endswith("_FILE")}
        environment |= {
            name.removesuffix("_FILE"): "" for name, path in environment.items() if name.endswith("_FILE") and path
        }
        main = Path(__file__).resolve().parents[2] / "main.py"
        roles = [Role(name=name, command=(sys.executable, str(main), name), environment=environment) for name in ROLES]
        letters = _Letters(settings.data_dir / "mail") if command == "demo" else None

        def ready() -> None:
            say(f"Open {settings.public_url}")
            say("Data and keys lie side by side in one folder: for one machine and for trying out.")
            if command == "demo":
                for line in seed(settings):
                    say(line)

        def look_after() -> None:
            for name in servers.restart_dead():
                say(f"{name} had died and runs again")
            if letters:
                letters.show_new()

        return Supervisor(roles, say=say, check=look_after, stop_within_s=STOP_ROLES_WITHIN_S).run(ready)
    finally:
        servers.stop(timeout_s=STOP_SERVERS_WITHIN_S)


def _secrets(settings: Settings, mongo_url: str | None, redis_url: str | None) -> tuple[dict[str, str], Settings]:
    """The secrets that roles get by file, and the settings that include them."""
    folder = settings.data_dir / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    environment: dict[str, str] = {}
    changes: dict[str, object] = {}
    if not settings.secret_key:
        path = generate_once(folder / "secret_key", lambda: secrets.token_urlsafe(48))
        environment["SECRET_KEY_FILE"], changes["secret_key"] = str(path), path.read_text(encoding="utf-8").strip()
    if not settings.encryption_keys:
        path = generate_once(folder / "encryption_keys", lambda: Fernet.generate_key().decode())
        keys = tuple(key.strip() for key in path.read_text(encoding="utf-8").split(",") if key.strip())
        environment["ENCRYPTION_KEYS_FILE"], changes["encryption_keys"] = str(path), keys
    for name, url in (("mongo_url", mongo_url), ("redis_url", redis_url)):
        if url:
            write_private(folder / name, url)
            environment[f"{name.upper()}_FILE"], changes[name] = str(folder / name), url
    return environment, settings.model_copy(update=changes)
