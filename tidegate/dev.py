"""`tidegate dev`: a Temporal dev server, a worker and the adapter, kept up together until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import closing

from tidegate import data, definitions_folder, temporal_server
from tidegate.plan import Options, make_plan
from tidegate.supervisor import Supervisor


def run(options: Options, environ: Mapping[str, str] = os.environ) -> int:
    """Keep all up until SIGINT, SIGTERM or SIGHUP. Raises CommandError when something cannot start."""
    executable = temporal_server.find_executable()
    documents = definitions_folder.read(options.definitions) if options.definitions else []
    with closing(data.open_folder(options.data)):
        asyncio.run(Supervisor(make_plan(executable, options, environ)).run(documents))
    return 0
