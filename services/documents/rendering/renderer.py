"""Has documents rendered, each in a limited process of its own."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from services.documents.formatting import policies
from services.documents.isolation.models import (
    LAYERS,
    Layer,
    LayerMissingError,
    LayerName,
    ProcessDiedError,
    ProcessLimits,
    ProcessTimeoutError,
    ZygoteDiedError,
)
from services.documents.isolation.runner import Zygote
from services.documents.opc.central_directory import check_package
from services.documents.opc.limits import PackageLimits
from services.documents.opc.models import Fault, TemplateRefusedError
from services.documents.rendering.fingerprint import fingerprint
from services.documents.rendering.frames import packed, unpacked
from services.documents.rendering.models import (
    Contract,
    Json,
    Precheck,
    RenderFailedError,
    RenderRequest,
    RenderResult,
    RenderTimeoutError,
    StartMethod,
    Use,
)
from services.documents.skills.models import Skill

TASK = "services.documents.rendering.job:run"
PACKAGE_LIMITS = PackageLimits()
NOT_UNDERSTOOD = "the process said nothing that is understood"


class Renderer:
    """One warm zygote, or with `spawn` a new one for each run; used as `async with renderer:`."""

    def __init__(
        self,
        skills: Mapping[str, Skill],
        *,
        start_method: StartMethod = "forkserver",
        required: Collection[LayerName] = (),
        limits: ProcessLimits | None = None,
        folder: Path | None = None,
    ) -> None:
        """Takes the layers without which nothing is rendered, and where processes have their folders."""
        self._skills = skills
        self._start_method = start_method
        self._required = required
        self._limits = limits or ProcessLimits()
        self._folder = folder
        self._zygote: Zygote | None = None
        self._beginning = asyncio.Lock()
        # Of all that decides which bytes come out.
        self.fingerprint = fingerprint()

    async def start(self) -> tuple[Layer, ...]:
        """Begins the zygote, and tells which layers hold.

        Raises:
            LayerMissingError: a required one does not.
        """
        layers = (await self._warm()).layers
        if self._start_method == "spawn":
            # It has told what holds, and no run is forked from it.
            await self.close()
        return layers

    async def close(self) -> None:
        """Ends all processes."""
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            await zygote.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def render(self, request: RenderRequest, timeout_seconds: float) -> RenderResult:
        """Fills and checks a template.

        Raises:
            TemplateRefusedError: it is not taken.
            PolicyError: the policy is none.
            RenderTimeoutError, RenderFailedError: its process has ended without a document.
        """
        done, document, pid = await self._run("render", request, timeout_seconds)
        try:
            return RenderResult(**done, document=document, pid=pid, start_method=self._start_method)
        except TypeError as error:
            raise RenderFailedError(NOT_UNDERSTOOD) from error

    async def precheck(self, request: RenderRequest, timeout_seconds: float) -> Precheck:
        """What a run would find. Raises as `render`."""
        done, _, _ = await self._run("precheck", request, timeout_seconds)
        return Precheck(**done)

    async def describe(self, template: bytes, skill: str, timeout_seconds: float) -> Contract:
        """What a template asks for. Raises as `render`."""
        done, _, _ = await self._run("describe", RenderRequest(template, skill, {}), timeout_seconds)
        try:
            return Contract(done["schema"], [Use(**each) for each in done["uses"]])
        except (TypeError, LookupError) as error:
            raise RenderFailedError(NOT_UNDERSTOOD) from error

    async def _run(self, do: str, request: RenderRequest, timeout_seconds: float) -> tuple[Json, bytes, int]:
        check_package(request.template, PACKAGE_LIMITS)
        return await self._ask(packed(self._asked(do, request), request.template), timeout_seconds)

    def _asked(self, do: str, request: RenderRequest) -> dict[str, Json]:
        skill = self._skills[request.skill]
        texts = skill.texts(request.payload) if skill.engine == "placeholders" else {}
        policy = policies.parse(request.policy_yaml).model_dump() if request.policy_yaml else None
        return {
            "do": do,
            "engine": skill.engine,
            "payload": dict(request.payload) if skill.engine == "jinja" else {},
            "properties": skill.payload_schema.get("properties", {}) if do == "describe" else {},
            "texts": {name: texts[key] for name, key in skill.fields.items() if key in texts},
            "keys": skill.fields,
            "required": list(skill.required),
            "format": asdict(request.format),
            "policy": policy,
            "unsupported_mode": request.unsupported_mode,
            "export_suggested_policy": request.export_suggested_policy,
        }

    async def _ask(self, message: bytes, timeout_seconds: float) -> tuple[Json, bytes, int]:
        try:
            async with asyncio.timeout(timeout_seconds) as deadline:
                zygote = await self._zygote_of_a_run()
            rest = (deadline.when() or 0) - asyncio.get_running_loop().time()
            try:
                answer = await zygote.run(message, rest)
            finally:
                if self._start_method == "spawn":
                    await zygote.close()
        except (TimeoutError, ProcessTimeoutError) as error:
            raise RenderTimeoutError from error
        except ProcessDiedError as error:
            if error.status < 0:
                message_of = "The template took more time or memory than a run may have."
                raise TemplateRefusedError(Fault.LIMITS, message_of) from error
            raise RenderFailedError(str(error)) from error
        except ZygoteDiedError as error:
            raise RenderFailedError("the zygote has ended") from error
        except LayerMissingError as error:
            raise RenderFailedError(f"a layer of the isolation is missing: {error}") from error
        try:
            said, document = unpacked(answer.content)
            if "refused" not in said:
                return said["done"], document, answer.pid
            refused: dict[str, Any] = said["refused"]
            error_said = TemplateRefusedError(**{**refused, "code": Fault(refused["code"])})
        except (ValueError, TypeError, LookupError) as error:
            raise RenderFailedError(NOT_UNDERSTOOD) from error
        raise error_said

    async def _zygote_of_a_run(self) -> Zygote:
        return await self._new() if self._start_method == "spawn" else await self._warm()

    async def _warm(self) -> Zygote:
        async with self._beginning:
            if self._zygote is None or not self._zygote.alive:
                await self.close()
                self._zygote = await self._new()
            return self._zygote

    async def _new(self) -> Zygote:
        zygote = await Zygote(TASK, self._limits, LAYERS, self._folder).start()
        # Each one anew: what was there when the service began may have been switched off since.
        missing = [layer for layer in zygote.layers if layer.name in self._required and not layer.active]
        if missing:
            await zygote.close()
            raise LayerMissingError("; ".join(f"{layer.name}: {layer.detail}" for layer in missing))
        return zygote
