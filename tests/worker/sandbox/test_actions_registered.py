"""What is said of a workflow class when it is registered."""

from __future__ import annotations

import pytest

from definitions.errors import DefinitionError
from tests.worker.sandbox.calls import CLASSES
from tests.worker.sandbox.test_actions import APPROVAL
from worker.sandbox.runner import Sandbox


async def test_the_methods_of_a_class(sandbox: Sandbox) -> None:
    assert await sandbox.inspect(CLASSES, APPROVAL) == ["start", "onApproved"]
    own = "const KEY = env.KEY\nexport class Workflow { async start() {} get x() { return 1 } static y() {} #z() {} }"
    assert await sandbox.inspect(CLASSES, own) == ["start"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "export class Workflow"),
        ("export class Workflows { start() {} }", "export class Workflow"),
        ("export const Workflow = { start() {} }", "export class Workflow"),
        ("export default class { start() {} }", "export class Workflow"),
        ("export class Workflow {}", "no method `start`"),
        ("export class Workflow { get start() { return () => 1 } }", "no method `start`"),
        ("export class Workflow { constructor() { throw new Error('no') } start() {} }", "no (line 1)"),
        ("export const Workflow = () => 1", "constructor"),
        ("export class Workflow {\n start() { const = 1 }\n}", "(line 2)"),
        ("await fetch('http://a.test/')", "'fetch' cannot be used"),
        ("import x from 'left-pad'; export class Workflow { start() {} }", "left-pad"),
        ("export class Workflow { start() {} }\nconst text = `no end", "(line"),
    ],
)
async def test_what_is_wrong_with_a_class(sandbox: Sandbox, source: str, says: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        await sandbox.inspect(CLASSES, source)
    problem = refused.value.problems[0]
    assert (problem.code, problem.path, problem.unsupported) == ("code-invalid", "$.source", False)
    assert says in problem.message, problem.message
