"""A server that speaks as much of Qdrant's HTTP as the service needs, on the engine itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as qdrant
from aiohttp import web

from servicekit.search.vectors import Vectors

API_KEY = "a key of the tests"


def client(url: str, key: str, seconds: float) -> Vectors:
    """What the service calls a server with."""
    # It takes a second to import, which each process that collects tests would pay.
    from servicekit.search.vectors.server import ServerVectors  # noqa: PLC0415

    return ServerVectors(url, key, seconds)


class Collections:
    """What the server has, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards: dict[str, qdrant.EdgeShard] = {}
        self.indexed: dict[str, list[str]] = {}
        self.queries: list[dict[str, Any]] = []
        self.away = False

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self.guard])
        application.add_routes(
            [
                web.get("/collections", self.listed),
                web.put("/collections/{name}", self.create),
                web.delete("/collections/{name}", self.drop),
                web.put("/collections/{name}/index", self.index),
                web.put("/collections/{name}/points", self.upsert),
                web.post("/collections/{name}/points/delete", self.delete),
                web.post("/collections/{name}/points/count", self.count),
                web.post("/collections/{name}/points/query", self.query),
            ]
        )
        return application

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.away:
            return web.json_response({"status": {"error": "it starts"}}, status=503)
        if request.headers.get("api-key") != API_KEY:
            return web.json_response({"status": {"error": "who are you?"}}, status=403)
        name = request.match_info.get("name")
        if name and name not in self.shards and not (request.method == "PUT" and request.path.endswith(name)):
            return web.json_response({"status": {"error": f"no collection {name}"}}, status=404)
        return await handler(request)  # type: ignore[no-any-return]

    async def listed(self, _request: web.Request) -> web.Response:
        return _result({"collections": [{"name": name} for name in self.shards]})

    async def create(self, request: web.Request) -> web.Response:
        name, body = request.match_info["name"], await request.json()
        if name in self.shards:
            return web.json_response({"status": {"error": "it exists"}}, status=409)
        folder = self.folder / name
        folder.mkdir(parents=True)
        vectors = {
            key: qdrant.EdgeVectorParams(each["size"], qdrant.Distance.Cosine) for key, each in body["vectors"].items()
        }
        assert all(each["modifier"] == "idf" for each in body["sparse_vectors"].values())
        words = {key: qdrant.EdgeSparseVectorParams(modifier=qdrant.Modifier.Idf) for key in body["sparse_vectors"]}
        self.shards[name] = qdrant.EdgeShard.create(
            str(folder), qdrant.EdgeConfig(vectors=vectors, sparse_vectors=words)
        )
        return _result(True)

    async def drop(self, request: web.Request) -> web.Response:
        self.shards.pop(request.match_info["name"]).close()
        for path in sorted((self.folder / request.match_info["name"]).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (self.folder / request.match_info["name"]).rmdir()
        return _result(True)

    async def index(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.indexed.setdefault(request.match_info["name"], []).append(body["field_name"])
        return _result({"operation_id": 1, "status": "completed"})

    async def upsert(self, request: web.Request) -> web.Response:
        points = []
        for each in (await request.json())["points"]:
            words = each["vector"].pop("words")
            vectors = {**each["vector"], "words": qdrant.SparseVector(words["indices"], words["values"])}
            points.append(qdrant.Point(each["id"], vectors, each["payload"]))
        return self._done(request, qdrant.UpdateOperation.upsert_points(points))

    async def delete(self, request: web.Request) -> web.Response:
        return self._done(request, qdrant.UpdateOperation.delete_points((await request.json())["points"]))

    async def count(self, request: web.Request) -> web.Response:
        return _result({"count": self._shard(request).count(qdrant.CountRequest(exact=True))})

    async def query(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.queries.append(body)
        lists = [
            qdrant.Prefetch(each["limit"], query=_nearest(each), filter=_filter(each["filter"]))
            for each in body["prefetch"]
        ]
        rrf = body["query"]["rrf"]
        found = self._shard(request).query(
            qdrant.QueryRequest(
                body["limit"],
                query=qdrant.Fusion.Rrf(k=rrf["k"], weights=rrf.get("weights")),  # type: ignore[arg-type]
                prefetches=lists,
                with_payload=body["with_payload"],
                with_vector=body["with_vector"],
            )
        )
        points = [
            {
                "id": str(each.id),
                "version": 0,
                "score": each.score,
                "payload": each.payload,
                "vector": each.vector or None,
            }
            for each in found
        ]
        return _result({"points": points})

    def _shard(self, request: web.Request) -> qdrant.EdgeShard:
        return self.shards[request.match_info["name"]]

    def _done(self, request: web.Request, operation: qdrant.UpdateOperation) -> web.Response:
        self._shard(request).update(operation)
        return _result({"operation_id": 1, "status": "completed"})


@asynccontextmanager
async def running_qdrant(folder: Path) -> AsyncIterator[tuple[str, Collections]]:
    """The server's address, and what it has."""
    collections = Collections(folder)
    runner = web.AppRunner(collections.application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", collections
    finally:
        await runner.cleanup()
        for shard in collections.shards.values():
            shard.close()


def _result(result: Any) -> web.Response:
    return web.json_response({"result": result, "status": "ok", "time": 0.0})


def _nearest(each: dict[str, Any]) -> qdrant.Query:
    query = each["query"]
    vector = qdrant.SparseVector(query["indices"], query["values"]) if isinstance(query, dict) else query
    return qdrant.Query.Nearest(vector, using=each["using"])


def _filter(told: dict[str, Any]) -> qdrant.Filter:
    def conditions(name: str) -> list[Any]:
        found = told.get(name) or []
        return [qdrant.FieldCondition(each["key"], match(each["match"])) for each in found]

    def match(wanted: dict[str, Any]) -> qdrant.MatchValue | qdrant.MatchAny:
        return qdrant.MatchAny(wanted["any"]) if "any" in wanted else qdrant.MatchValue(wanted["value"])

    return qdrant.Filter(must=conditions("must"), must_not=conditions("must_not"))
