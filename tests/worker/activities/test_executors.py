"""The table of executors, and those of other distributions: the README's example is installed and run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import worker.activities
from tests.worker.activities.local_server import LocalServer, Page, page
from tests.worker.activities.workbench import Bench, call
from worker.activities import EXECUTORS, ExecutorError, executor_names, load_executors

README = Path(worker.activities.__file__).with_name("README.md")
ROOT = README.parents[2]

Install = Callable[[str, str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes an installed distribution of one module: (module, source, text of entry_points.txt) -> its folder."""

    def make(module: str, source: str, entry_points: str) -> Path:
        folder = tmp_path / module
        info = folder / f"{module}-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(entry_points)
        monkeypatch.syspath_prepend(folder)
        worker.activities._installed.cache_clear()
        return folder

    yield make
    worker.activities._installed.cache_clear()
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


def readme_block(language: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return blocks[0]


def as_entry_points(toml: str) -> str:
    """What a build tool writes into entry_points.txt for the README's table."""
    group = re.search(r'entry-points\."(.+?)"', toml)
    assert group is not None
    return "\n".join(
        [f"[{group[1]}]", *(f"{n} = {value}" for n, value in re.findall(r'^"(.+?)" = "(.+?)"', toml, re.M))]
    )


async def test_the_readmes_example_works_when_installed(install: Install, bench: Bench, web: LocalServer) -> None:
    install("acme_sms", readme_block("python"), as_entry_points(readme_block("toml")))
    assert executor_names() == ["/acme/send-sms", "aws_lambda", "chat", "database", "gcp_cloudfunction", "http"]

    bench.seal("gateway-token", "tok-1234")
    web.on("/sms", page({"id": "m-1"}, 202), Page(400), Page(503))
    the_call = call({"gateway": web.url("/sms")}, {"to": "+49"}, secrets={"token": "gateway-token"})
    assert await bench.run("/acme/send-sms", the_call) == {"message": "m-1"}
    request = web.received[0]
    assert (request.headers["authorization"], request.headers["idempotency-key"]) == ("Bearer tok-1234", "run-1/pay/2")
    assert request.body == b"+49"

    refused = await bench.failure("/acme/send-sms", the_call)
    assert (refused.type, refused.non_retryable) == ("sms-refused", True)
    assert not (await bench.failure("/acme/send-sms", the_call)).non_retryable
    assert (await bench.failure("/acme/send-sms", call({}))).type == "config-invalid"


ENTRY = "[tidegate.executors]\n"


def test_bare_function_is_an_executor(install: Install) -> None:
    install("bare", "async def run(call, tools): return 1\n", ENTRY + "bare = bare:run\n")
    assert load_executors()["bare"].config_schema is None


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("import no_such_thing\n", "broken:EXECUTOR", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("def (\n", "broken:EXECUTOR", "SyntaxError"),
        ("raise RuntimeError('at import')\n", "broken:EXECUTOR", "RuntimeError: at import"),
        ("", "broken:EXECUTOR", "AttributeError"),
        ("", "absent:EXECUTOR", "ModuleNotFoundError"),
        ("EXECUTOR = 7\n", "broken:EXECUTOR", "must be an async function"),
        ("def EXECUTOR(call, tools): return 1\n", "broken:EXECUTOR", "must be an async function"),
    ],
)
def test_broken_executor_is_one_line_that_names_its_distribution(
    install: Install, source: str, target: str, says: str
) -> None:
    install("broken", source, f"{ENTRY}/acme/broken = {target}\n")
    assert "/acme/broken" in executor_names()
    with pytest.raises(ExecutorError) as caught:
        load_executors()
    message = str(caught.value)
    assert message.startswith(f"distribution broken 1.2: the executor '/acme/broken' ({target}) cannot be loaded: ")
    assert says in message and "\n" not in message


def test_name_of_a_built_in_is_taken(install: Install) -> None:
    install("clash", "", f"{ENTRY}http = clash:EXECUTOR\n")
    with pytest.raises(
        ExecutorError, match=r"distribution clash 1\.2 offers .*'http', which Tidegate itself has already"
    ):
        executor_names()


def test_name_of_another_distribution_is_taken(install: Install) -> None:
    install("first", "", f"{ENTRY}/acme/x = first:EXECUTOR\n")
    install("second", "", f"{ENTRY}/acme/x = second:EXECUTOR\n")
    with pytest.raises(ExecutorError) as caught:
        load_executors()
    message = str(caught.value)
    assert "distribution first 1.2" in message and "distribution second 1.2" in message and "'/acme/x'" in message


def test_names_cost_no_import_of_a_cloud_library() -> None:
    code = (
        "import sys; from worker.activities import executor_names; executor_names(); "
        "print([name for name in ('boto3', 'botocore', 'google.auth', 'httpx', 'temporalio') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


def test_every_built_in_is_in_the_readme() -> None:
    assert re.findall(r"^\| `(\w+)` \|", README.read_text(encoding="utf-8"), re.M) == list(EXECUTORS)
