"""`tidegate secret put`: store a secret, sealed before it leaves this process."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TextIO

from definitions.errors import TidegateError
from tidegate.errors import CommandError
from worker.client import TidegateClient
from worker.secrets import SecretBox
from worker.settings import SettingsError, read_settings


def put(organisation: str, name: str, source: TextIO = sys.stdin) -> int:
    """Store what `source` holds, without its last line break, as a secret of the organisation. Raises CommandError."""
    try:
        settings = read_settings()
    except SettingsError as error:
        raise CommandError(str(error)) from None
    if not settings.secret_keys:
        raise CommandError("TIDEGATE_SECRET_KEYS must be set")
    value = _read(name, source)
    if not value:
        raise CommandError("the secret is empty: nothing was stored")
    try:
        sealed = SecretBox(settings.secret_keys).seal(organisation, name, value)
        asyncio.run(_put(settings.task_queue, organisation, name, sealed))
    except (TidegateError, RuntimeError) as error:
        raise CommandError(f"the secret was not stored: {error}") from None
    return 0


def _read(name: str, source: TextIO) -> str:
    if source.isatty():
        return getpass.getpass(f"{name}: ")
    text = source.read()
    return text[:-1] if text.endswith("\n") else text


async def _put(task_queue: str, organisation: str, name: str, sealed: str) -> None:
    client = await TidegateClient.connect(task_queue=task_queue)
    await client.put_secret(organisation, name, sealed)
