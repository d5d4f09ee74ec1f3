"""The command line: what can be asked for, and which module answers."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tidegate.errors import CommandError
from tidegate.rooms import import_own

DATA = Path(".tidegate")


def entry() -> NoReturn:
    """Run the command and end the process with its exit code."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads of the Temporal client that still hand over an answer crash an interpreter that is ending.
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. What went wrong is one line on stderr."""
    asked = parse(arguments)
    try:
        import_own()
        code: int = asked.run(asked)
        return code
    except CommandError as error:
        print(f"tidegate: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for; `run` of the result does it. Ends the program when it is not understood."""
    parser = argparse.ArgumentParser(
        prog="tidegate", description="Event-driven workflows written as data, run by Temporal."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_dev, _add_serve, _add_worker, _add_validate, _add_key, _add_secret):
        add(commands)
    return parser.parse_args(arguments)


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _add_dev(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("dev", help="run Temporal, a worker and the adapter on this machine until Ctrl-C")
    parser.add_argument("--host", default="127.0.0.1", help="address of the adapter (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="port of the adapter (default: %(default)s; 0: any)")
    parser.add_argument("--temporal-port", type=_port, default=7233, help="port of Temporal (default: %(default)s)")
    parser.add_argument("--ui-port", type=_port, default=8233, help="port of its Web UI (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder for all data (default: %(default)s)")
    _add_definitions(parser)
    parser.add_argument("--headless", action="store_true", help="run without the Web UI")
    parser.set_defaults(run=_dev)


def _dev(asked: argparse.Namespace) -> int:
    from tidegate import dev
    from tidegate.plan import Options

    options = Options(
        host=asked.host,
        port=asked.port,
        temporal_port=asked.temporal_port,
        ui_port=None if asked.headless else asked.ui_port,
        data=asked.data.absolute(),
        definitions=asked.definitions,
    )
    return dev.run(options)


def _add_serve(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="run the adapter for a Temporal that is there already")
    parser.add_argument("--host", help="address to listen on (default: TIDEGATE_HOST, else 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port to listen on (default: TIDEGATE_PORT, else 8080)")
    _add_definitions(parser)
    parser.add_argument(
        "--check", action="store_true", help="only tell, by the exit code, whether an adapter answers there"
    )
    parser.set_defaults(run=_serve)


def _serve(asked: argparse.Namespace) -> int:
    from tidegate import serve

    if asked.check:
        return serve.check(asked.host, asked.port)
    return serve.run(asked.host, asked.port, asked.definitions)


def _add_worker(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("worker", help="run a worker for a Temporal that is there already")
    parser.add_argument(
        "--check", action="store_true", help="only tell, by the exit code, whether a worker of this host polls Temporal"
    )
    parser.set_defaults(run=_worker)


def _worker(asked: argparse.Namespace) -> int:
    from tidegate import worker

    return worker.check() if asked.check else worker.run()


def _add_validate(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("validate", help="say what is wrong with definitions")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    parser.set_defaults(run=_validate)


def _validate(asked: argparse.Namespace) -> int:
    from tidegate import validate

    return validate.run(asked.files)


def _add_key(commands: _Commands[argparse.ArgumentParser]) -> None:
    key = commands.add_parser("key", help="API keys").add_subparsers(metavar="ACTION", required=True)
    parser = key.add_parser("new", help="make an API key and its entry for TIDEGATE_API_KEYS")
    parser.add_argument("--organisation", required=True, type=_text)
    parser.add_argument("--permission", required=True, action="append", type=_text, help="may be repeated; '*' is all")
    parser.add_argument("--name", help="what it is called in logs and as the submitter of runs")
    parser.set_defaults(run=_key_new)


def _key_new(asked: argparse.Namespace) -> int:
    from tidegate import keys

    key, entry = keys.new_api_key(asked.organisation, asked.permission, asked.name)
    print(f"key (shown this once): {key}\nentry for TIDEGATE_API_KEYS: {entry}")
    return 0


def _add_secret(commands: _Commands[argparse.ArgumentParser]) -> None:
    secret = commands.add_parser("secret", help="stored secrets").add_subparsers(metavar="ACTION", required=True)
    parser = secret.add_parser("put", help="store the secret that comes on stdin, sealed, in place of an earlier one")
    parser.add_argument("organisation", metavar="ORG", type=_text)
    parser.add_argument("name", metavar="NAME", type=_text)
    parser.set_defaults(run=_secret_put)


def _secret_put(asked: argparse.Namespace) -> int:
    from tidegate import secret

    return secret.put(asked.organisation, asked.name)


def _add_definitions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--definitions",
        type=Path,
        help="folder of definitions to publish at start: *.json, *.yaml; those in ORG/ for ORG, others for `default`",
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text
