"""Settings: one table, clear refusals, and no secret in any of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.settings import Settings, SettingsError, described, read_settings, refuse_incomplete
from tests.adapter.test_auth import KEYS, entry


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"TIDEGATE_PORT": "", "PORT": "1"}) == Settings()


def test_the_described_defaults_are_the_real_ones() -> None:
    shown = {name: default for name, default, _ in described() if default}
    assert read_settings(shown) == Settings()
    assert all(name.startswith("TIDEGATE_") and description.endswith(".") for name, _, description in described())


def test_everything_can_be_set() -> None:
    environ = {
        "TIDEGATE_HOST": "0.0.0.0",
        "TIDEGATE_PORT": "80",
        "TIDEGATE_API_KEYS": KEYS,
        "TIDEGATE_PUBLIC_URL": "https://example.com/base/",
        "TIDEGATE_TOKEN_KEYS": f"{'n' * 40}, {'o' * 40}",
        "TIDEGATE_SECRET_KEYS": "x",
        "TIDEGATE_MAX_BODY": "1000",
        "TIDEGATE_TASK_QUEUE": "q",
        "TIDEGATE_RPC_TIMEOUT": "0.5",
        "TIDEGATE_SHUTDOWN_GRACE": "3",
        "TIDEGATE_RESUME_WAIT": "2.5",
        "TIDEGATE_REDIRECT_HOSTS": "shop.example.com, *.Example.org",
        "TIDEGATE_LOG_LEVEL": "DEBUG",
        "TIDEGATE_COMPOZY_HOSTS": "Shop.example.com=shop, b.example.com = books",
    }
    settings = read_settings(environ)
    known = {name.replace("_DIALECT_", "_COMPOZY_") for name, _, _ in described()}
    assert set(environ) == known - {"TIDEGATE_API_KEYS_FILE"}
    assert settings.dialect_hosts == (("compozy", (("shop.example.com", "shop"), ("b.example.com", "books"))),)
    assert (settings.port, settings.max_body, settings.rpc_timeout, settings.log_level) == (80, 1000, 0.5, "debug")
    assert settings.public_url == "https://example.com/base"
    assert settings.token_keys == ("n" * 40, "o" * 40)
    assert (settings.resume_wait, settings.redirect_hosts) == (2.5, ("shop.example.com", "*.example.org"))
    assert len(settings.keyring.entries) == 3
    refuse_incomplete(settings)


@pytest.mark.parametrize(
    "name, value",
    [
        ("TIDEGATE_PORT", "65536"),
        ("TIDEGATE_PORT", "eighty"),
        ("TIDEGATE_PORT", "²"),
        ("TIDEGATE_MAX_BODY", "0"),
        ("TIDEGATE_MAX_BODY", "-1"),
        ("TIDEGATE_RPC_TIMEOUT", "nan"),
        ("TIDEGATE_RPC_TIMEOUT", "0"),
        ("TIDEGATE_RPC_TIMEOUT", "soon"),
        ("TIDEGATE_SHUTDOWN_GRACE", "1e9"),
        ("TIDEGATE_PUBLIC_URL", "example.com"),
        ("TIDEGATE_PUBLIC_URL", "https://"),
        ("TIDEGATE_PUBLIC_URL", "https:///path"),
        ("TIDEGATE_PUBLIC_URL", "https://example.com:http"),
        ("TIDEGATE_PUBLIC_URL", "https://example.com?a=b"),
        ("TIDEGATE_PUBLIC_URL", "https://example.com/#a"),
        ("TIDEGATE_PUBLIC_URL", "https://user@example.com"),
        ("TIDEGATE_PUBLIC_URL", "https://exa mple.com"),
        ("TIDEGATE_PUBLIC_URL", "ftp://example.com"),
        ("TIDEGATE_TOKEN_KEYS", "s3cret"),
        ("TIDEGATE_API_KEYS", '[{"key_sha256": "s3cret"}]'),
        ("TIDEGATE_LOG_LEVEL", "loud"),
        ("TIDEGATE_RESUME_WAIT", "0"),
        ("TIDEGATE_REDIRECT_HOSTS", "https://shop.example.com"),
        ("TIDEGATE_REDIRECT_HOSTS", "*"),
        ("TIDEGATE_REDIRECT_HOSTS", "a.example.com b.example.com"),
        ("TIDEGATE_API_KEYS_FILE", "/does/not/exist"),
        ("TIDEGATE_COMPOZY_HOSTS", "shop.example.com"),
        ("TIDEGATE_COMPOZY_HOSTS", "shop.example.com="),
        ("TIDEGATE_COMPOZY_HOSTS", "shop.example.com=a/b"),
        ("TIDEGATE_COMPOZY_HOSTS", "https://shop.example.com=shop"),
        ("TIDEGATE_COMPOZY_HOSTS", "shop.example.com:8080=shop"),
        ("TIDEGATE_COMPOZY_HOSTS", "shop.example.com=a,SHOP.example.com=b"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        read_settings({name: value})
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_keys_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps([entry("k", "o", "*")]))
    assert len(read_settings({"TIDEGATE_API_KEYS_FILE": str(file)}).keyring.entries) == 1
    with pytest.raises(SettingsError, match="not both"):
        read_settings({"TIDEGATE_API_KEYS_FILE": str(file), "TIDEGATE_API_KEYS": KEYS})
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_settings({"TIDEGATE_API_KEYS_FILE": str(file)})
    file.write_text("{}")
    with pytest.raises(SettingsError, match="not a JSON list"):
        read_settings({"TIDEGATE_API_KEYS_FILE": str(file)})


def test_what_all_processes_must_share_has_no_default() -> None:
    with pytest.raises(SettingsError, match="TIDEGATE_PUBLIC_URL, TIDEGATE_TOKEN_KEYS, TIDEGATE_SECRET_KEYS must"):
        refuse_incomplete(Settings())
    with pytest.raises(SettingsError, match=r"^TIDEGATE_SECRET_KEYS must be set"):
        refuse_incomplete(Settings(public_url="http://x", token_keys=("k",)))
