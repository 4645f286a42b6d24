# SPDX-License-Identifier: Apache-2.0
"""The pool's settings, in the names of create_engine, and what `poolscope check` says of them."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import pytest
from inspector import Inspector

import poolscope

Make = Callable[..., Any]
Ask = Callable[..., List[Dict[str, Any]]]


def test_settings_are_told_by_their_names(make: Make) -> None:
    engine = make(
        pool_size=7,
        max_overflow=3,
        pool_timeout=4.5,
        pool_recycle=1800,
        pool_pre_ping=True,
        pool_use_lifo=True,
        pool_reset_on_return="commit",
    )
    with Inspector(poolscope.instrument(engine).address) as inspector:
        (pool,) = inspector.ready().state.hello["pools"]
    assert pool["config"] == {
        "pool_size": 7,
        "max_overflow": 3,
        "pool_timeout": 4.5,
        "pool_recycle": 1800,
        "pool_pre_ping": True,
        "pool_use_lifo": True,
        "pool_reset_on_return": "commit",
    }


@pytest.mark.parametrize(
    "options, rule, setting, value, proposed",
    [
        ({"pool_recycle": -1}, "no_validation", "pool_pre_ping", "false", "true"),
        ({"pool_timeout": 60}, "acquire_timeout_over_caller", "pool_timeout", "60", "5"),
        ({"max_overflow": -1}, "unlimited_size", "pool_size + max_overflow", "2 + -1", None),
    ],
)
def test_what_check_finds(
    make: Make,
    ask: Ask,
    options: Dict[str, Any],
    rule: str,
    setting: str,
    value: str,
    proposed: Any,
) -> None:
    right = poolscope.instrument(make(pool_pre_ping=True, pool_timeout=5), name="right")
    poolscope.instrument(make(**{"pool_timeout": 5, **options}), name="wrong")
    found = ask("check", right.address, "--caller-timeout", "30s")
    assert {one["pool"] for one in found} == {"wrong"}
    (one,) = [one for one in found if one["rule"] == rule]
    assert (one["setting"], one["value"], one["proposed"]) == (setting, value, proposed)
