"""`tidegate secret put`: what Temporal gets is sealed, and the worker can open it."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from pathlib import Path

from cryptography.fernet import Fernet
from temporalio.client import Client

from tests.running import worker_settings
from worker.__main__ import running
from worker.client import TidegateClient
from worker.secrets import SecretBox

VALUE = "s3cret with spaces\nand lines"


async def put(environ: dict[str, str], organisation: str, name: str, value: str) -> tuple[int, str]:
    clean = {key: text for key, text in os.environ.items() if not key.startswith(("TIDEGATE_", "TEMPORAL_"))}
    done = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("tidegate")), "secret", "put", organisation, name,
        env=clean | environ, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await done.communicate(value.encode())
    assert done.returncode is not None
    return done.returncode, errors.decode()


async def test_a_secret_is_sealed_replaced_and_opened(temporal_client: Client, temporal_address: str) -> None:
    task_queue, organisation = f"secret-{uuid.uuid4()}", f"org-{uuid.uuid4()}"
    key = Fernet.generate_key().decode()
    environ = {
        "TEMPORAL_ADDRESS": temporal_address,
        "TIDEGATE_SECRET_KEYS": key,
        "TIDEGATE_TASK_QUEUE": task_queue,
    }
    client = TidegateClient(temporal_client, task_queue)
    async with running(temporal_client, worker_settings(task_queue)):
        for value in ("an earlier one", VALUE):
            assert await put(environ, organisation, "TOKEN", f"{value}\n") == (0, "")
        sealed = await client.get_secret(organisation, "TOKEN")
    assert "s3cret" not in sealed
    assert SecretBox([key]).open(organisation, "TOKEN", sealed) == VALUE


async def test_an_empty_secret_is_refused(temporal_address: str) -> None:
    environ = {"TEMPORAL_ADDRESS": temporal_address, "TIDEGATE_SECRET_KEYS": Fernet.generate_key().decode()}
    assert await put(environ, "acme", "TOKEN", "\n") == (1, "tidegate: the secret is empty: nothing was stored\n")


async def test_without_temporal_it_is_one_line_and_no_secret_in_it() -> None:
    environ = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TIDEGATE_SECRET_KEYS": Fernet.generate_key().decode()}
    code, errors = await put(environ, "acme", "TOKEN", VALUE)
    assert code == 1
    assert errors.startswith("tidegate: the secret was not stored: ")
    assert len(errors.splitlines()) == 1 and "s3cret" not in errors
