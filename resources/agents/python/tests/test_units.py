# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
from typing import Any, List

import pytest

import poolscope
from poolscope import endpoint, lines, process, protocol, recorder, scope, stacks
from poolscope.agent import Agent
from poolscope.mirror import PoolMirror


def test_texts_are_cut_at_characters() -> None:
    assert protocol.cut("short", 10) == "short"
    assert protocol.cut("x" * 11, 10) == "x" * 7 + "…"
    cut = protocol.cut("ä" * 20, 10)
    assert cut == "äää…" and len(cut.encode()) <= 10
    assert protocol.cut("a\ud800b", 10) == "a\ufffdb"


def test_a_line_is_never_too_long() -> None:
    evil = "\x01" * 400
    frames = [protocol.Frame(evil, evil, 1, True)] * 100
    assert len(protocol.stack(1, "1", frames)) <= protocol.MAX_LINE + 1
    pools = [
        protocol.PoolInfo(evil + str(i), evil, evil, {evil + str(k): evil for k in range(64)})
        for i in range(300)
    ]
    given = {k: evil for k in ("agent", "agent_version", "language", "process", "host")}
    line = protocol.hello(1, 1, pools, ["stats"], pid=1, **given)
    assert len(line) <= protocol.MAX_LINE + 1
    assert json.loads(line)["pools"]
    tags = {evil + str(i): evil for i in range(50)}
    line = protocol.checkout(1, evil, "1", 1, by=evil, tags=tags)
    assert len(line) <= protocol.MAX_LINE + 1 and b"\n" not in line[:-1]


@pytest.mark.parametrize(
    "statement, wanted",
    [
        ("SELECT 1, 'it''s', x1", "SELECT ?, ?, x1"),
        ("SELECT *\n  FROM a -- secret\n WHERE b = %(b_1)s", "SELECT * FROM a WHERE b = %(b_1)s"),
        ("SELECT $1, $$a'b$$, $t$x$t$", "SELECT $1, ?, ?"),
        ("INSERT INTO t2 VALUES (-1.5e3, ?, :p2)", "INSERT INTO t2 VALUES (?, ?, :p2)"),
        ("SELECT 'cut off in the mid", "SELECT ?"),
        ('SELECT "Column" FROM "T"', 'SELECT "Column" FROM "T"'),
        ("/* trace=77 */ SELECT 1", "SELECT ?"),
        (r"a LIKE b ESCAPE '\' AND kind = 'hunter2'", "a LIKE b ESCAPE ? AND kind = ?"),
        ('a AS "Customer\'s name", \'hunter2\'', 'a AS "Customer\'s name", ?'),
        ('a AS "two "" quotes\'", \'hunter2\'', 'a AS "two "" quotes\'", ?'),
        ("a -- don't\n, 'hunter2'", "a , ?"),
        ("a /* don't */, 'hunter2'", "a , ?"),
        ("a -- don't\r, 'hunter2'", "a …"),
        (r"E'it\'s hunter2', e'\\', x", "E?, e?, x"),
        ("E'x'\n'it\\'s hunter2'", "E? ?…"),  # continued: the E holds on
        ("SELECT 'x\\", "SELECT ?"),
        ("SELECT E'x\\", "SELECT E?"),
        ("SELECT $a$hunter2", "SELECT ?"),
        ("SELECT a$$x, 'hunter2$$'", "SELECT a$$x, ?"),
        ("a = .5 OR b %5 = 1 OR c%(d)s", "a = ? OR b %? = ? OR c%(d)s"),
        ("a[1:77], b = :1, c::int, x-1, 1.5e-3, 0xFF", "a[?:?], b = :1, c::int, x-?, ?, ?"),
        ("a /* b /* c */ 'hunter2' */ d", "a …"),
        ("a /*/ 'hunter2' */ b", "a b"),
        ("a /*/*/ 'hunter2' */ b", "a …"),
        ("q'[it's]', 'hunter2'", "q?…"),
        ("[it's], 'hunter2'", "…"),
        ("[a b].[c], ARRAY['hunter2', 'b']", "[a b].[c], ARRAY[?, ?]"),
        ("`it's`, 'hunter2'", "…"),
        ('SELECT "not closed, 1', "SELECT …"),
    ],
)
def test_fingerprints_hold_no_literals(statement: str, wanted: str) -> None:
    assert lines.fingerprint(statement) == wanted


@pytest.mark.parametrize(
    "statement, wanted",
    [
        ('SELECT "secret"', "SELECT ?"),
        ("SELECT `it's`, 'hunter2'", "SELECT `it's`, ?"),
        ("SELECT `a``'`, 'hunter2'", "SELECT `a``'`, ?"),
        ("SELECT a # don't\n, 'hunter2'", "SELECT a , ?"),
        ("SELECT a -- don't\n, 'hunter2'", "SELECT a , ?"),
        ("SELECT 5--'a\nhunter2'", "SELECT ?…"),
        (r"SELECT '\\', 'hunter2'", "SELECT ?, ?"),
        (r"SELECT '\', 'hunter2'", "SELECT ?…"),  # sql_mode says what that is
        (r"SELECT 'it\'s hunter2', x", "SELECT ?…"),
        ("SELECT 'x\\", "SELECT ?"),
        ("/*! SELECT 'a */ hunter2'", "…"),
        ("SELECT $$a'hunter2$$", "SELECT ?…"),
        ("SELECT \'\'\'it's hunter2\'\'\'", "SELECT ?…"),
    ],
)
def test_mysql_reads_them_in_its_own_way(statement: str, wanted: str) -> None:
    assert lines.fingerprint(statement, True) == wanted


def _text(dice: random.Random, quote: str, backslash: bool) -> str:
    """A literal with a marker, and around it what confuses."""
    parts = ["--", "/*", "*/", "#", "$$", "`", "[", "]", "\n", " ", ";", "e", "q", "?", ":1", "%("]
    parts += [quote * 2, "'" if quote == '"' else '"']
    parts += ["\\\\", "\\" + quote, "\\n"] if backslash else ["\\"]
    noise = [dice.choice(parts) for _ in range(dice.randrange(6))]
    noise.insert(dice.randrange(len(noise) + 1), "hunter2")
    return quote + "".join(noise) + quote


def _standard(dice: random.Random) -> str:
    inside = _text(dice, '"', False)[1:-1].replace('"', "")
    return dice.choice(
        [
            _text(dice, "'", False),
            "E" + _text(dice, "'", True),
            "$$" + inside.replace("$", "") + "$$",
            "$t$" + inside.replace("$t", "") + "$t$",
            "N" + _text(dice, "'", False),
            "ARRAY[" + _text(dice, "'", False) + "]",
            '"it\'s"',
            '"a""b\\"',
            "-- don't\n",
            "/* it's /* nested ' */ ' */",
            "a%5",
            ".5",
            "a[1:2]",
            "x #> y",
            "%(p_1)s",
        ]
    )


def _mysql(dice: random.Random) -> str:
    return dice.choice(
        [
            _text(dice, "'", True),
            _text(dice, '"', True),
            "_utf8" + _text(dice, "'", True),
            "`it's`",
            '`a``"`',
            "# don't\n",
            "-- don't\n",
            "/* it's /* */",
            "/*! 'a */ hunter2' */",
            "5--1",
            "%s",
        ]
    )


def test_whatever_is_in_a_literal_stays_there() -> None:
    seed = int(os.environ.get("POOLSCOPE_SEED", str(random.randrange(1_000_000))))
    print("POOLSCOPE_SEED", seed)
    dice = random.Random(seed)
    for mysql, token in ((False, _standard), (True, _mysql)):
        for _ in range(5_000):
            statement = "SELECT " + ", ".join(token(dice) for _ in range(dice.randrange(1, 7)))
            # Also where it is cut, wherever that is.
            for text in (statement, statement[: dice.randrange(len(statement))]):
                found = lines.fingerprint.__wrapped__(text, mysql)
                assert "hunter" not in found, (mysql, text, found)


def test_percentiles() -> None:
    durations = recorder.Durations()
    values = [random.Random(7).randrange(1, 1_000_000) for _ in range(10_000)]
    for value in values:
        durations.add(value)
    values.sort()
    figures = durations.figures()
    assert (figures.count, figures.total_us) == (10_000, sum(values))
    assert figures.p50_us == pytest.approx(values[5_000], rel=0.15)
    assert figures.p99_us == pytest.approx(values[9_900], rel=0.15)
    assert recorder.Durations().figures() == (0, 0, 0, 0)
    for value in (0, 1, 2, 3, 4, 2**70):
        durations.add(value)  # nothing is out of its range


def test_a_ring_drops_and_counts() -> None:
    ring = recorder.Ring(4)
    woken: List[int] = []
    ring.wake = lambda: woken.append(1)
    for _ in range(10):
        ring.put((recorder.WAIT, 0, None, None))  # type: ignore[arg-type]
    assert len(ring.events) == 4 and len(woken) == 1
    assert ring.take_dropped() == 6 and ring.take_dropped() == 0


def test_mirror_knows_what_it_knows() -> None:
    """What is in the copy and in the ring too happens once."""
    ring = recorder.Ring()
    pool = recorder.PoolRecorder("a", ring)
    ring.live = True
    conn = recorder.Connection(None, None, 1)
    pool.opened(conn)
    first = recorder.Checkout(conn, 1, 0, "1", 0, scope.NONE, None)
    pool.lent(first)
    mirror = PoolMirror(pool)
    assert [mirror.apply(event) for event in ring.events] == [False, False]
    ring.clear()
    pool.returned(first)
    pool.returned(first)  # again: nothing
    pool.closed(conn, "")
    assert [mirror.apply(event) for event in ring.events] == [True, True]
    assert not mirror.checkouts and not mirror.connections


def test_no_phantoms_where_an_end_was_dropped() -> None:
    ring = recorder.Ring(3)
    pool = recorder.PoolRecorder("a", ring)
    agent = Agent(ring, "test", listen="off")
    agent.add(pool)
    ring.live = True
    agent._mirror.refresh(agent.pools())
    conn = recorder.Connection(None, None, 1)
    pool.opened(conn)
    checkout = recorder.Checkout(conn, 1, 0, "1", 0, scope.NONE, None)
    pool.lent(checkout)
    pool.begin_wait()
    pool.returned(checkout)  # finds no room
    agent._drain(100)
    mirror = agent._mirror.pools[pool]
    assert not mirror.checkouts and set(mirror.connections) == {conn.number}
    assert mirror.pending == 1 and not ring.events
    assert agent.dropped == agent.events == 4


def test_scopes_nest() -> None:
    assert scope.current.get() is scope.NONE
    with poolscope.tags(route="/a", request=1, by="web"):
        with poolscope.tags(request=2), poolscope.expected(2.5):
            inner = scope.current.get()
        assert scope.current.get().tags == {"route": "/a", "request": "1"}
    assert inner == ("web", {"route": "/a", "request": "2"}, 2_500_000)
    assert scope.current.get() is scope.NONE


def test_scopes_take_anything() -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError

    with poolscope.tags(bad=Bad(), long="x" * 1000, **{f"t{i}": i for i in range(40)}):
        tags = scope.current.get().tags
    assert len(tags) == protocol.MAX_TAGS
    again = poolscope.tags(a=1)
    with again, again:
        pass
    assert scope.current.get() is scope.NONE
    with poolscope.expected("soon"):  # type: ignore[arg-type]
        assert scope.current.get().expected_us is None


def capture(depth: int = 64) -> int:
    return process.stack_table.capture(sys._getframe(1), depth, False)


def test_stacks_are_interned_and_named() -> None:
    numbers = {capture() for _ in range(3)}
    other = capture()
    assert len(numbers) == 1 and other not in numbers
    frames = stacks.Symbols(process.stack_table).frames(other)
    assert frames[0].function.endswith("test_stacks_are_interned_and_named")
    assert frames[0].file == os.path.abspath(__file__)
    assert frames[0].line == test_stacks_are_interned_and_named.__code__.co_firstlineno + 2
    assert frames[0].own and not frames[-1].own  # pytest's
    assert len(frames) == 32


def test_own_names_packages() -> None:
    symbols = stacks.Symbols(process.stack_table, ("_pytest",))
    kinds = {name: symbols._kind(sys.modules[name].__file__ or "") for name in ("json", "_pytest")}
    assert kinds == {"json": "system", "_pytest": "own"}
    assert stacks.Symbols(process.stack_table)._kind(pytest.__file__ or "") == "library"


def test_a_full_stack_table_says_nothing() -> None:
    table = stacks.StackTable(1)
    assert table.capture(sys._getframe(), 5, False) == 1
    assert table.capture(sys._getframe(), 5, False) == 0


def test_words_of_modes() -> None:
    assert stacks.mode_of(" Near-Exhaustion ") == stacks.NEAR_EXHAUSTION
    assert stacks.mode_of("sometimes") is None


def test_socket_names() -> None:
    assert endpoint.socket_name(7, "my shop/ä", 1) == "7-my_shop___.sock"
    assert endpoint.socket_name(7, "x" * 40, 2) == f"7-{'x' * 32}-2.sock"
    assert endpoint.socket_name(7, "", 1) == "7-pool.sock"


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("", ("automatic", "", 0)),
        ("off", ("off", "", 0)),
        ("unix:/a/b", ("unix", "/a/b", 0)),
        ("/a/b", ("unix", "/a/b", 0)),
        ("/" + "x" * 107, ("invalid", "/" + "x" * 107, 0)),
        ("tcp:localhost:0", ("tcp", "localhost", 0)),
        ("[::1]:7007", ("tcp", "::1", 7007)),
        ("7007", ("invalid", "", 0)),
        ("a:70000", ("invalid", "", 0)),
    ],
)
def test_where_to_listen(text: str, wanted: Any) -> None:
    assert endpoint.parse_listen(text) == wanted


def test_folders(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POOLSCOPE_LISTEN")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    found = endpoint.open_endpoint("", "shop", "", False)
    assert found.path == f"{folder}/poolscope/{os.getpid()}-shop.sock"
    assert os.stat(found.path).st_mode & 0o777 == 0o600
    assert os.stat(folder + "/poolscope").st_mode & 0o777 == 0o700
    second = endpoint.open_endpoint("", "shop", "", False)
    assert second.path == f"{folder}/poolscope/{os.getpid()}-shop-2.sock"
    # A link, and a folder that others may write to, are left alone.
    monkeypatch.setenv("TMPDIR", folder)
    os.rename(folder + "/poolscope", folder + "/real")
    os.symlink(folder + "/real", folder + "/poolscope")
    third = endpoint.open_endpoint("", "shop", "", False)
    assert third.path.startswith((f"{folder}/poolscope-{os.geteuid()}/", "/run/poolscope/"))
    for one in (found, second, third):
        assert one.sock is not None
        one.sock.close()
        endpoint.remove(one.path)


def test_stale_sockets_are_cleared_away(folder: str) -> None:
    path = folder + "/s.sock"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(path)
    found = endpoint.open_endpoint(path, "x", "", False)
    assert found.sock is not None
    with pytest.raises(endpoint.CannotListen, match="already in use"):
        endpoint.open_endpoint(path, "x", "", False)
    found.sock.close()
    # Another process that lives: nobody listens yet, or does so elsewhere.
    anothers = f"{folder}/{os.getppid()}-x.sock"
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(anothers)
    with pytest.raises(endpoint.CannotListen, match="already in use"):
        endpoint.open_endpoint(anothers, "x", "", False)
    assert os.path.exists(anothers)
    open(folder + "/file", "w").close()
    with pytest.raises(endpoint.CannotListen):
        endpoint.open_endpoint(folder + "/file", "x", "", False)
    assert os.path.exists(folder + "/file")


def test_who_is_about_to_listen_is_left_alone(folder: str) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(folder + "/s.sock")
        late = threading.Timer(0.005, other.listen)
        late.start()
        with pytest.raises(endpoint.CannotListen, match="already in use"):
            endpoint.open_endpoint(folder + "/s.sock", "x", "", False)
        late.join()


def test_programs_have_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"/a/shop.py": "shop", "/a/gunicorn": "gunicorn", "/a/job/__main__.py": "job"}
    names.update({"": "python", "-c": "python"})
    for script, wanted in names.items():
        monkeypatch.setattr(sys, "argv", [script])
        assert process.program_name() == wanted


def test_nothing_happens_at_import() -> None:
    import subprocess

    code = (
        "import threading, os, sys; import poolscope; "
        "assert threading.active_count() == 1; assert 'sqlalchemy' not in sys.modules"
    )
    source = os.path.join(os.path.dirname(poolscope.__file__), "..")
    environment = {**os.environ, "PYTHONPATH": source}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
