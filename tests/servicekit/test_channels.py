"""Channels between services: every replica gets its share, and one that is gone is not waited for."""

from collections import Counter
from typing import Any

import grpc
import grpc.aio
import pytest

from servicekit.channels import channel


async def serving(answers: list[Any], port: int = 0) -> tuple[grpc.aio.Server, int]:
    """A server whose calls end as the list says: bytes, or a code."""
    calls = iter(answers)

    async def answer(_: bytes, context: Any) -> bytes:
        found = next(calls)
        if isinstance(found, bytes):
            return found
        await context.abort(found, "as told")
        raise AssertionError

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("s", {"m": handler}),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, bound


async def test_a_call_that_finds_nobody_is_tried_again_and_one_that_was_answered_is_not() -> None:
    away, refused = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED
    server, port = await serving([away, away, b"third", refused, b"never asked for"])
    try:
        async with channel(f"127.0.0.1:{port}") as opened:
            call = opened.unary_unary("/s/m")
            assert await call(b"", timeout=5) == b"third"
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call(b"", timeout=5)
            assert error.value.code() is refused
    finally:
        await server.stop(None)


async def test_a_peer_that_comes_back_is_found_within_seconds() -> None:
    server, port = await serving([b"before"])
    async with channel(f"127.0.0.1:{port}") as opened:
        call = opened.unary_unary("/s/m")
        assert await call(b"", timeout=5) == b"before"
        await server.stop(None)
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"", timeout=2)
        server, _ = await serving([b"after"], port)
        try:
            assert await call(b"", timeout=5, wait_for_ready=True) == b"after"
        finally:
            await server.stop(None)


async def test_all_replicas_behind_a_name_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC's own list of addresses stands in for a name with several."""
    first, one = await serving([b"first"] * 20)
    second, other = await serving([b"second"] * 20)
    insecure = grpc.aio.insecure_channel
    monkeypatch.setattr(
        grpc.aio,
        "insecure_channel",
        lambda _target, options: insecure(f"ipv4:127.0.0.1:{one},127.0.0.1:{other}", options=options),
    )
    try:
        async with channel("ignored:1") as opened:
            await opened.channel_ready()
            answers = Counter([await opened.unary_unary("/s/m")(b"", timeout=5) for _ in range(20)])
        assert min(answers[b"first"], answers[b"second"]) >= 5
    finally:
        await first.stop(None)
        await second.stop(None)
