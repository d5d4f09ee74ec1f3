"""All functions that templates may call, and those that they may not."""

from __future__ import annotations

from definitions.expressions.go_template.builtins import BUILTINS
from definitions.expressions.go_template.functions import Function
from definitions.expressions.go_template.sprig_dates import DATES
from definitions.expressions.go_template.sprig_dicts import DICTS
from definitions.expressions.go_template.sprig_encoding import ENCODING
from definitions.expressions.go_template.sprig_lists import LISTS
from definitions.expressions.go_template.sprig_numbers import NUMBERS
from definitions.expressions.go_template.sprig_random import RANDOM
from definitions.expressions.go_template.sprig_regex import REGEX
from definitions.expressions.go_template.sprig_strings import STRINGS
from definitions.expressions.go_template.sprig_values import VALUES

#: Sprig's `slice` stands in place of Go's.
FUNCTIONS: dict[str, Function] = {
    **BUILTINS,
    **STRINGS,
    **NUMBERS,
    **LISTS,
    **DICTS,
    **VALUES,
    **DATES,
    **ENCODING,
    **REGEX,
    **RANDOM,
}

#: Go and sprig have them; here they would read what is no data of the run, make keys, or take long on purpose.
UNSUPPORTED = frozenset((
    "call", "env", "expandenv", "getHostByName", "bcrypt", "htpasswd", "derivePassword", "genPrivateKey",
    "buildCustomCert", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
    "genSignedCertWithKey", "encryptAES", "decryptAES", "semver", "semverCompare",
))  # fmt: skip

#: Those that change a map that they are given.
MUTATORS = frozenset(name for name, function in FUNCTIONS.items() if function.mutates)
