"""The gate: who is turned away when there is too much to do, when the loop is late, and when the process ends."""

from __future__ import annotations

import asyncio
import json

import httpx

from bff_core.edge.shedding import Gate, GateOptions
from bff_core.telemetry.facts import RequestFinished, RequestTurnedAway
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import Reply
from tests.edge.desk import Desk, Script, answer_word, desk
from tests.edge.test_endpoint import Visitor, raw
from tests.edge.wire import post, served

WORD = json.dumps({"query": '{ word(id: "1") { text } }'})


def turned_away(room: Desk) -> list[str]:
    """Why requests were turned away, in order."""
    return [fact.reason for fact in room.observer.of(RequestTurnedAway)]


def check_refused(response: httpx.Response) -> None:
    """A request that was turned away: told so in the form of all answers, and when to come back."""
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json() == {
        "errors": [{"message": "Too much is going on right now.", "extensions": {"code": "OVERLOADED"}}]
    }


async def test_more_than_the_bound_are_turned_away() -> None:
    """While so many are under way one more is a 503 with Retry-After and reaches no service; those are finished."""
    settings = {"SHEDDING__MOST_REQUESTS": "3", "SERVICES__WORDS__WAITING": "20"}
    async with desk(settings, script=Script(held=("words",))) as room:
        under_way = [
            asyncio.ensure_future(room.client.query(f'{{ word(id: "{number}") {{ text }} }}')) for number in range(3)
        ]
        await room.clock.settle()
        asked = len(room.transports["words"].requests)
        for response in (await room.post(WORD), await room.get({"query": "{ locale }"})):
            check_refused(response)
        assert len(room.transports["words"].requests) == asked
        room.transports["words"].let_go()
        assert [reply.data for reply in await asyncio.gather(*under_way)] == [
            {"word": {"text": f"word {number}"}} for number in range(3)
        ]
        assert (await room.post(WORD)).status_code == 200
        assert turned_away(room) == ["requests", "requests"]
        statuses = [fact.status for fact in room.observer.of(RequestFinished)]
        assert sorted(statuses) == [200, 200, 200, 200, 503, 503]


async def test_whoever_leaves_makes_room() -> None:
    """An answer, a refusal, a bug and a client that hangs up all give their place back."""
    async with desk({"SHEDDING__MOST_REQUESTS": "1"}, script=Script(held=("words",))) as room:
        visitor = Visitor(WORD)
        asked = asyncio.ensure_future(raw(room, visitor.receive))
        await room.clock.settle()
        check_refused(await room.post(WORD))
        visitor.leave()
        await asked
        for body in (b"{", b'{"query": "{"}', b'{"query": "{ bug }"}', b'{"query": "{ locale }"}'):
            assert (await room.post(body)).status_code in (200, 400)
        room.transports["words"].let_go()
        assert room.app.state.gate.under_way == 0


async def test_bodies_that_do_not_come_hold_no_place() -> None:
    """A client that is still sending is not under way: any number of slow ones leave all places to others."""

    async def silence() -> None:
        await asyncio.Event().wait()

    async with desk({"SHEDDING__MOST_REQUESTS": "1", "EDGE__BODY_TIMEOUT_MS": "500"}) as room:
        slow = [asyncio.ensure_future(raw(room, silence)) for _ in range(20)]
        await room.clock.settle()
        assert (await room.post(WORD)).status_code == 200
        await room.clock.advance(0.5)
        assert [sent[0]["status"] for sent in await asyncio.gather(*slow)] == [408] * 20


async def test_a_late_loop_turns_away_until_it_is_in_time() -> None:
    """While the loop is later than allowed new requests are a 503, also before the probe has noticed; then no more."""
    async with desk({"SHEDDING__LONGEST_LAG_MS": "100"}, script=Script(held=("words",))) as room:
        under_way = asyncio.ensure_future(room.post(WORD))
        await room.clock.settle()
        gate = room.app.state.gate
        await room.clock.advance(0.2)
        assert gate.lag == 0
        room.clock.block(0.1)
        assert (await room.post('{"query": "{ locale }"}')).status_code == 200
        room.clock.block(0.1)
        check_refused(await room.post(WORD))  # the probe is overdue
        await room.clock.advance(0)
        check_refused(await room.post(WORD))  # it has looked, and was late
        await room.clock.advance(0.05)
        assert (gate.lag, (await room.post('{"query": "{ locale }"}')).status_code) == (0, 200)
        assert turned_away(room) == ["lag", "lag"]
        room.transports["words"].let_go()
        await under_way


async def test_the_probe_runs_only_while_somebody_is_there() -> None:
    """With nothing under way no timer waits, and neither what happened then nor what was before makes anybody late."""
    async with desk({"SHEDDING__LONGEST_LAG_MS": "10"}, script=Script(held=("words",))) as room:
        words, clock = room.transports["words"], room.clock
        assert clock.timers == 0
        for _ in range(2):
            clock.block(60)
            words.hold()
            both = [asyncio.ensure_future(room.post(WORD.replace("1", one))) for one in "12"]
            await clock.settle()
            clock.block(0.1)
            await clock.advance(0)
            assert room.app.state.gate.lag > 0.01
            words.let_go()
            assert [response.status_code for response in await asyncio.gather(*both)] == [200, 200]
            assert clock.timers == 0


async def test_health_is_never_shed() -> None:
    """With every place taken and the loop late /healthz and /readyz answer as ever, and so do metrics."""
    settings = {"SHEDDING__MOST_REQUESTS": "1", "SHEDDING__LONGEST_LAG_MS": "10", "RATES__CLIENT_PER_MINUTE": "1"}
    async with desk(settings, script=Script(held=("words",))) as room:
        under_way = asyncio.ensure_future(room.post(WORD))
        await room.clock.settle()
        room.clock.block(1)
        for path in ("/healthz", "/readyz", "/metrics"):
            for _ in range(3):
                assert (await room.client.http.get(path)).status_code == 200
        room.transports["words"].let_go()
        await under_way


# The end ------------------------------------------------------------------------------------------------------------


async def test_an_end_has_its_steps() -> None:
    """A process that is told to end says first that it is not ready, and answers; then it turns new requests away and
    finishes what runs; and it may stop when nothing does."""
    async with desk({"SHEDDING__DRAIN_MS": "500"}, script=Script(held=("words",))) as room:
        gate, http = room.app.state.gate, room.client.http
        running = asyncio.ensure_future(room.post(WORD))
        await room.clock.settle()
        assert (await http.get("/readyz")).status_code == 200

        assert not gate.end()
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["missing"]) == (503, ["this process is ending"])
        assert (await http.get("/healthz")).status_code == 200
        assert (await room.post('{"query": "{ locale }"}')).status_code == 200

        await room.clock.advance(0.49)
        assert not gate.end()
        assert (await room.post('{"query": "{ locale }"}')).status_code == 200
        await room.clock.advance(0.01)
        assert not gate.end()
        refused = await room.post(WORD)
        check_refused(refused)
        assert refused.headers["connection"] == "close"
        assert turned_away(room) == ["ending"]

        room.transports["words"].let_go()
        assert (await running).json() == {"data": {"word": {"text": "word 1"}}}
        assert gate.end()


async def test_an_end_does_not_wait_for_ever() -> None:
    """What runs on after the longest time of a request is waited for no longer."""
    async with desk({"EDGE__BUDGET_MS": "50000", "EDGE__BODY_TIMEOUT_MS": "600000"}) as room:
        running = asyncio.ensure_future(room.post('{"query": "{ endless }"}'))
        await room.clock.settle()
        gate = room.app.state.gate
        assert not gate.end()
        await room.clock.advance(49)
        assert not gate.end()
        room.clock.block(2.0)
        assert gate.end()
        await room.clock.advance(0)
        await running


async def test_over_sockets_what_runs_is_finished_and_what_is_new_is_told() -> None:
    """On open connections: the request under way gets its whole answer, a new one a 503 and the end of its connection,
    and the answer of a finished one ends its connection too."""
    arrived = asyncio.Event()

    async def answer(request: httpx.Request) -> Reply:
        arrived.set()
        await let_go.wait()
        return answer_word(request)

    let_go = asyncio.Event()
    async with desk(script=Script(words=answer)) as room, served(room.app) as wire:
        running = asyncio.ensure_future(wire.say(post(WORD.encode())))
        await arrived.wait()
        gate = room.app.state.gate
        assert not gate.end()
        heard = await wire.say(post())
        assert (heard.statuses, heard.closed) == ([503], True)
        assert b"retry-after: 1\r\n" in heard.raw
        wire.server.should_exit = True
        await wire.refused()
        assert not running.done()
        let_go.set()
        heard = await running
        assert (heard.statuses, heard.closed, heard.body) == ([200], True, {"data": {"word": {"text": "word 1"}}})
        assert gate.end()


def test_the_gate_can_say_how_it_stands() -> None:
    """Its repr has what an operator asks first."""
    gate = Gate(GateOptions(most_requests=2, drain=1), FakeClock(), RecordingObserver())
    assert repr(gate) == "<Gate open under_way=0/2 lag=0.000>"
    gate.end()
    assert repr(gate) == "<Gate ending under_way=0/2 lag=0.000>"
