"""The bounded memo, and whose host it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.enrich.cache import Cache
from footfall.enrich.hosts import OwnHosts, is_preview_host
from footfall.enrich.language import first_language


@given(st.lists(st.integers(0, 30)), st.integers(2, 12))
def test_right_and_bounded(keys: list[int], limit: int) -> None:
    cache: Cache[str, int] = Cache(lambda key: int(key) * 2, limit)
    for key in keys:
        assert cache[str(key)] == key * 2
        assert cache.held() <= limit


def test_popular_keys_outlive_a_flood() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key

    cache = Cache(make, 100)
    for number in range(1000):
        assert cache["popular"] == "popular"
        cache[f"once {number}"]
    assert made.count("popular") == 1


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("example.com", True), ("www.example.com", True), ("example.com:8443", True), ("shop.example.org", True),
        ("notexample.com", False), ("example.com.evil.org", False), ("example.org", False), ("", False),
    ],
)  # fmt: skip
def test_own_hosts(host: str, own: bool) -> None:
    assert OwnHosts(("Example.com", "*.shop.example.org"))[host] is own


@pytest.mark.parametrize(
    ("host", "preview"),
    [
        ("localhost", True), ("localhost:3000", True), ("shop.localhost", True), ("127.0.0.1:8080", True),
        ("192.168.1.5", True), ("[::1]:80", True), ("feature-1.netlify.app", True), ("Mac.local", True),
        ("example.com", False), ("vercel.app.example.com", False), ("8.8.8.8", False), ("", False), ("x1", False),
    ],
)  # fmt: skip
def test_preview_hosts(host: str, preview: bool) -> None:
    assert is_preview_host(host) is preview


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-DE,de;q=0.9", "de-DE"), ("EN", "en"), ("zh-hans-cn;q=1", "zh-Hans-CN"), ("es-419", "es-419"),
        ("*", ""), ("", ""), ("<script>", ""), ("pt_BR", "pt-BR"),
    ],
)  # fmt: skip
def test_language(header: str, language: str) -> None:
    assert first_language(header) == language


def test_long_keys_are_not_kept() -> None:
    cache: Cache[str, int] = Cache(len, 10)
    assert cache["x" * 2000] == 2000
    assert cache.held() == 0
