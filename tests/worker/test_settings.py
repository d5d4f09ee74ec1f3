from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from worker.secrets import new_key
from worker.settings import Settings, SettingsError, described, read_settings, refuse_incomplete

KEY = new_key()
TOKEN_KEY = "a-key-that-is-long-enough-to-sign-with"
WORKER = Path(__file__).parents[2] / "worker"


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({name: " " for name, _, _ in described()}) == Settings()


def test_a_default_reads_as_itself() -> None:
    shown = {name: default for name, default, _ in described() if default}
    assert shown
    found = read_settings(shown)
    assert found == Settings()
    assert [type(getattr(found, one.name)) for one in fields(Settings)] == [
        type(one.default) for one in fields(Settings)
    ]


def test_everything_is_read() -> None:
    found = read_settings(
        {
            "TIDEGATE_TASK_QUEUE": "mine",
            "TIDEGATE_HTTP_ALLOW_HOSTS": "api.test, *.Example.com",
            "TIDEGATE_HTTP_ALLOW_PRIVATE": "1",
            "TIDEGATE_AWS_ALLOW": '{"acme": ["1:r:f"]}',
            "TIDEGATE_GCP_ALLOW": '{"*": ["https://pay.test/*"]}',
            "TIDEGATE_SECRET_KEYS": f"{KEY}, {new_key()}",
            "TIDEGATE_TOKEN_KEYS": f"{TOKEN_KEY}, {TOKEN_KEY}2",
            "TIDEGATE_PUBLIC_URL": "https://Example.com/base/",
            "TIDEGATE_HTTP_REWRITE": "https://API.test=http://127.0.0.1:9000, http://[::1]:80=http://b.test",
            "TIDEGATE_OAUTH_MY_SLACK": "xoxb",
            "TIDEGATE_OAUTH_A": "first",
            "TIDEGATE_DB_STOCK": "sqlite:////data/stock.db",
            "TIDEGATE_DB_BOOKS": "acme,other  postgresql://u:p@db/books",
            "TIDEGATE_LOG_LEVEL": "DEBUG",
            "TIDEGATE_MAX_CACHED_WORKFLOWS": "0",
            "TIDEGATE_CODE_AT_ONCE": "2",
            "TIDEGATE_CODE_MEMORY_MB": "512",
            "TIDEGATE_EVENT_LOOP_LIMIT": "3",
            "TIDEGATE_STICKY_TIMEOUT": "2.5",
            "TIDEGATE_DEV": "1",
        }
    )
    assert all(getattr(found, one.name) != one.default for one in fields(Settings))
    assert found.http_allow_hosts == ("api.test", "*.example.com")
    assert found.aws_allow is not None and found.aws_allow.allows("acme", ("1", "r", "f"))
    assert (found.secret_keys[0], found.token_keys, found.log_level) == (KEY, (TOKEN_KEY, f"{TOKEN_KEY}2"), "debug")
    assert found.public_url == "https://Example.com/base"
    assert found.http_rewrite == (("https://api.test", "http://127.0.0.1:9000"), ("http://[::1]:80", "http://b.test"))
    assert found.db_name == (
        ("BOOKS", (("acme", "other"), "postgresql://u:p@db/books")),
        ("STOCK", ((), "sqlite:////data/stock.db")),
    )
    assert "u:p" not in repr(found)
    assert found.oauth_handle == (("A", "first"), ("MY_SLACK", "xoxb"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TIDEGATE_HTTP_ALLOW_HOSTS", "https://a.test", "is not a host name"),
        ("TIDEGATE_HTTP_ALLOW_PRIVATE", "yes", "must be 0 or 1"),
        ("TIDEGATE_DEV", "true", "must be 0 or 1"),
        ("TIDEGATE_EVENT_LOOP_LIMIT", "0", "1"),
        ("TIDEGATE_AWS_ALLOW", "*", "must be a JSON object"),
        ("TIDEGATE_DB_NAME", "acme", "must be a database URL"),
        ("TIDEGATE_DB_NAME", "a b postgresql://u:p@db/books", "must be a database URL"),
        ("TIDEGATE_AWS_ALLOW", '{"a": ["x"]}', "account:region:function"),
        ("TIDEGATE_GCP_ALLOW", '{"a": ["x"]}', "https://HOST/PATH"),
        ("TIDEGATE_SECRET_KEYS", "hunter2", "key 1 is not a Fernet key"),
        ("TIDEGATE_TOKEN_KEYS", "hunter2", "at least 32 characters"),
        ("TIDEGATE_PUBLIC_URL", "example.com", "absolute"),
        ("TIDEGATE_PUBLIC_URL", "https://", "absolute"),
        ("TIDEGATE_PUBLIC_URL", "https://u:hunter2@a.test", "absolute"),
        ("TIDEGATE_PUBLIC_URL", "https://a.test/?x=1", "absolute"),
        ("TIDEGATE_PUBLIC_URL", "https://a.test:99999", "absolute"),
        ("TIDEGATE_HTTP_REWRITE", "https://a.test", "is not http://HOST"),
        ("TIDEGATE_HTTP_REWRITE", "https://a.test/path=http://b.test", "is not http://HOST"),
        ("TIDEGATE_LOG_LEVEL", "loud", "must be one of"),
        ("TIDEGATE_MAX_CACHED_WORKFLOWS", "-1", "whole number"),
        ("TIDEGATE_MAX_CACHED_WORKFLOWS", "9" * 5000, "whole number"),
        ("TIDEGATE_STICKY_TIMEOUT", "0", "seconds above 0"),
        ("TIDEGATE_STICKY_TIMEOUT", "nan", "seconds above 0"),
    ],
)
def test_bad_value_is_one_line_that_names_the_setting(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({name: value})
    message = str(caught.value)
    assert message.startswith(f"{name} ") and says in message and "\n" not in message
    assert "hunter2" not in message
    assert len(message) < 200


def test_keys_are_never_shown() -> None:
    shown = repr(
        read_settings({"TIDEGATE_SECRET_KEYS": KEY, "TIDEGATE_TOKEN_KEYS": TOKEN_KEY, "TIDEGATE_OAUTH_X": "t0ken"})
    )
    assert KEY not in shown and TOKEN_KEY not in shown and "t0ken" not in shown


def test_a_worker_without_keys_is_refused() -> None:
    with pytest.raises(
        SettingsError, match="TIDEGATE_PUBLIC_URL, TIDEGATE_TOKEN_KEYS, TIDEGATE_SECRET_KEYS must be set"
    ):
        refuse_incomplete(read_settings({}))
    with pytest.raises(SettingsError, match=r"^TIDEGATE_SECRET_KEYS must be set"):
        refuse_incomplete(read_settings({"TIDEGATE_TOKEN_KEYS": TOKEN_KEY, "TIDEGATE_PUBLIC_URL": "http://a.test"}))
    with pytest.raises(SettingsError, match=r"^TIDEGATE_PUBLIC_URL must be set"):
        refuse_incomplete(read_settings({"TIDEGATE_TOKEN_KEYS": TOKEN_KEY, "TIDEGATE_SECRET_KEYS": KEY}))
    complete = {"TIDEGATE_TOKEN_KEYS": TOKEN_KEY, "TIDEGATE_SECRET_KEYS": KEY, "TIDEGATE_PUBLIC_URL": "http://a.test"}
    refuse_incomplete(read_settings(complete))


def test_calls_go_elsewhere_in_dev_only() -> None:
    elsewhere = {"TIDEGATE_HTTP_REWRITE": "https://a.test=http://127.0.0.1:1"}
    assert read_settings({**elsewhere, "TIDEGATE_DEV": "1"}).http_rewrite
    for dev in ({}, {"TIDEGATE_DEV": "0"}):
        with pytest.raises(SettingsError, match="TIDEGATE_HTTP_REWRITE may be set only"):
            read_settings({**elsewhere, **dev})


def test_every_setting_is_described() -> None:
    rows = list(described())
    assert [name for name, _, _ in rows] == [f"TIDEGATE_{one.name.upper()}" for one in fields(Settings)]
    assert all(description.endswith((".", "function.")) for _, _, description in rows)


def test_no_other_setting_is_named_in_the_worker() -> None:
    named = {
        name
        for path in WORKER.rglob("*.py")
        for name in re.findall(r"\bTIDEGATE_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    assert named <= {name for name, _, _ in described()}
