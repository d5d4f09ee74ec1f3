"""What ends a command: one line for people, on stderr."""

from __future__ import annotations


class CommandError(Exception):
    """The command cannot go on. The message is one line (or one line per problem); the exit code is not 0."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
