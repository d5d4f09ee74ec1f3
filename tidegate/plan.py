"""What `tidegate dev` decides before it starts anything, so that nothing is left half-started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import adapter.settings
import worker.settings
from definitions.contract import SEARCH_ATTRIBUTES
from tidegate import data, ports, temporal_server
from tidegate.errors import CommandError
from tidegate.ports import Place

#: What requests in flight get at shutdown: less than the supervisor gives the adapter.
ADAPTER_GRACE_SECONDS = 6


@dataclass(frozen=True)
class Options:
    """What `tidegate dev` was asked for. `ui_port` None: no Web UI."""

    host: str
    port: int
    temporal_port: int
    ui_port: int | None
    data: Path
    definitions: Path | None


@dataclass(frozen=True)
class Plan:
    """All that is decided before anything is started."""

    options: Options
    environ: Mapping[str, str]
    temporal: list[str]

    @property
    def temporal_address(self) -> str:
        return ports.address(temporal_server.HOST, self.options.temporal_port)

    @property
    def task_queue(self) -> str:
        return worker.settings.read_settings(self.environ).task_queue

    @property
    def url(self) -> str:
        return f"http://{ports.address(self.options.host, self.options.port)}"

    @property
    def health_url(self) -> str:
        return f"http://{ports.address(ports.reachable(self.options.host), self.options.port)}/healthz"


def make_plan(executable: str, options: Options, environ: Mapping[str, str]) -> Plan:
    """Choose ports, make the keys, read the settings. Raises CommandError for the first that is not usable."""
    options = _with_free_ports(options)
    environ = child_environment(options, environ, data.read_or_make_keys(options.data, environ))
    _refuse_bad_settings(environ)
    temporal = temporal_server.command(
        executable,
        port=options.temporal_port,
        ui_port=options.ui_port,
        database=options.data / data.DATABASE,
        search_attributes=SEARCH_ATTRIBUTES,
    )
    return Plan(options, environ, temporal)


def _with_free_ports(options: Options) -> Options:
    wanted = [
        Place("--port", options.host, options.port),
        Place("--temporal-port", temporal_server.HOST, options.temporal_port),
    ]
    if options.ui_port is not None:
        wanted.append(Place("--ui-port", temporal_server.HOST, options.ui_port))
    found = {place.option: place.port for place in ports.resolve(wanted)}
    return replace(
        options, port=found["--port"], temporal_port=found["--temporal-port"], ui_port=found.get("--ui-port")
    )


def child_environment(options: Options, environ: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, str]:
    """The environment of worker and adapter: the user's own, but for where Temporal is."""
    # The user's profile of some other Temporal must not leak in, neither from variables nor from its file.
    child = {name: value for name, value in environ.items() if not name.startswith("TEMPORAL_")}
    child |= {
        "TEMPORAL_ADDRESS": ports.address(temporal_server.HOST, options.temporal_port),
        "TEMPORAL_NAMESPACE": temporal_server.NAMESPACE,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "TIDEGATE_HOST": options.host,
        "TIDEGATE_PORT": str(options.port),
        **keys,
    }
    child.setdefault("TIDEGATE_PUBLIC_URL", f"http://{ports.address(options.host, options.port)}")
    child.setdefault("TIDEGATE_SHUTDOWN_GRACE", str(ADAPTER_GRACE_SECONDS))
    has_api_keys = any(child.get(name, "").strip() for name in ("TIDEGATE_API_KEYS", "TIDEGATE_API_KEYS_FILE"))
    child["TIDEGATE_DEV"] = "0" if has_api_keys else "1"
    return child


def _refuse_bad_settings(environ: Mapping[str, str]) -> None:
    """Read the children's settings as they will, so that a bad one is one line and not a child that keeps dying."""
    try:
        adapter.settings.refuse_open_bind(adapter.settings.read_settings(environ))
        worker.settings.read_settings(environ)
    except (adapter.settings.SettingsError, worker.settings.SettingsError) as error:
        raise CommandError(str(error)) from None
