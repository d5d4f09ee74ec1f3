"""The table of all dialects: adding one is one new file beside this and one line here."""

from __future__ import annotations

from adapter.dialect import Dialect
from adapter.dialects.compozy import COMPOZY
from adapter.dialects.fastgen import FASTGEN
from adapter.dialects.jsworkflows import JSWORKFLOWS
from adapter.dialects.justworkflowit import JUSTWORKFLOWIT
from adapter.dialects.stackshift import STACKSHIFT

DIALECTS: tuple[Dialect, ...] = (COMPOZY, FASTGEN, JSWORKFLOWS, JUSTWORKFLOWIT, STACKSHIFT)
