"""A step's failure that the handler catches: kept, and the same whenever the handler runs again."""

from __future__ import annotations

import pytest

from tests.worker.sandbox.calls import Caller, handler
from worker.sandbox.runner import Sandbox

CATCHING = """
  let caught
  try { await step.run('charge', () => { %s }) } catch (error) { caught = error }
  await step.run('note', () => 1)
  return %s
"""


@pytest.mark.parametrize(
    ("throwing", "look", "found"),
    [
        ("throw new Error('declined')", "caught.message", "declined"),
        ("throw new RangeError('far')", "[caught.name, caught instanceof Error, `${caught}`]",
         ["RangeError", True, "RangeError: far"]),
        ("throw Object.assign(new Error('no'), { code: 'declined', info: { n: 1 } })", "[caught.code, caught.info.n]",
         ["declined", 1]),
        ("throw 'text'", "caught", "text"),
        ("throw { reason: 7 }", "caught.reason", 7),
        ("throw Object.assign(new Error('loop'), { get self() { return 1n } })", "caught.message", "loop"),
        ("throw Object.assign(new Error('big'), { body: 'x'.repeat(1e6) })", "caught.message", "big"),
    ],
)  # fmt: skip
async def test_it_is_the_same_in_every_call(sandbox: Sandbox, throwing: str, look: str, found: object) -> None:
    run = Caller(sandbox, handler(CATCHING % (throwing, look)))
    ended = await run.finish()
    assert (ended.kind, ended.value) == ("return", found)
    assert (list(run.failed), list(run.done)) == (["charge"], ["note"])


async def test_it_is_kept_though_the_handler_ends_at_once(sandbox: Sandbox) -> None:
    body = "try { await step.run('a', () => { throw new Error('no') }) } catch (error) { return error.message }"
    run = Caller(sandbox, handler(body))
    assert [(await run.call()).kind, (await run.call()).value] == ["step", "no"]


async def test_what_the_handler_throws_instead_is_not_the_steps(sandbox: Sandbox) -> None:
    body = "try { await step.run('a', () => { throw new Error('no') }) } catch { throw new Error('instead') }"
    run = Caller(sandbox, handler(body))
    step, ended = await run.call(), await run.call()
    assert (step.kind, step.id, step.error) == ("step", "a", "no (line 1)")
    assert (ended.kind, ended.id, ended.error) == ("threw", None, "instead (line 1)")
