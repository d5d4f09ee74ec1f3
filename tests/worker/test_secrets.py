from __future__ import annotations

import pytest

from definitions.errors import TooLarge
from worker.secrets import MAX_SECRET, SecretBox, SecretInvalid, new_key

KEY, OLD = new_key(), new_key()


@pytest.mark.parametrize("value", ["s3cret", "", "ü\n\x00", "x" * 16_000, "\ud800"])
def test_what_is_sealed_opens_again(value: str) -> None:
    box = SecretBox([KEY])
    sealed = box.seal("acme", "token", value)
    assert box.open("acme", "token", sealed) == value
    assert not value or value not in sealed
    assert box.seal("acme", "token", value) != sealed


def test_new_key_seals_and_old_keys_still_open() -> None:
    before = SecretBox([OLD]).seal("acme", "token", "value")
    rotated = SecretBox([KEY, OLD])
    assert rotated.open("acme", "token", before) == "value"
    after = rotated.seal("acme", "token", "value")
    assert SecretBox([KEY]).open("acme", "token", after) == "value"
    with pytest.raises(SecretInvalid, match="sealed with another key, or is damaged"):
        SecretBox([KEY]).open("acme", "token", before)


@pytest.mark.parametrize(("organisation", "name"), [("other", "token"), ("acme", "other"), ("token", "acme")])
def test_copied_to_another_place_it_does_not_open(organisation: str, name: str) -> None:
    box = SecretBox([KEY])
    with pytest.raises(SecretInvalid, match="sealed for another organisation or name") as caught:
        box.open(organisation, name, box.seal("acme", "token", "the-value"))
    assert "the-value" not in caught.value.message


@pytest.mark.parametrize("damage", ["", "x", "gAAAAA", "ü", "\ud800"])
def test_damaged(damage: str) -> None:
    with pytest.raises(SecretInvalid, match="damaged"):
        SecretBox([KEY]).open("acme", "token", damage)


def test_one_changed_character_is_noticed() -> None:
    box = SecretBox([KEY])
    sealed = box.seal("acme", "token", "value")
    for place in range(0, len(sealed), 7):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SecretInvalid):
            box.open("acme", "token", changed)


def test_too_large() -> None:
    with pytest.raises(TooLarge):
        SecretBox([KEY]).seal("acme", "token", "x" * MAX_SECRET)


def test_without_keys_nothing_is_sealed_or_opened() -> None:
    sealed = SecretBox([KEY]).seal("acme", "token", "value")
    with pytest.raises(SecretInvalid, match="TIDEGATE_SECRET_KEYS"):
        SecretBox([]).seal("acme", "token", "value")
    with pytest.raises(SecretInvalid, match="TIDEGATE_SECRET_KEYS"):
        SecretBox([]).open("acme", "token", sealed)


@pytest.mark.parametrize("bad", ["short", "x" * 44, "ü" * 22, KEY[:-4]], ids=["short", "long", "letters", "cut"])
def test_bad_key_is_named_by_its_place_only(bad: str) -> None:
    with pytest.raises(ValueError, match="key 2 is not a Fernet key") as caught:
        SecretBox([KEY, bad])
    assert bad not in str(caught.value)


def test_no_key_in_its_text() -> None:
    assert KEY not in repr(SecretBox([KEY]))
