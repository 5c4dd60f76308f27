"""The application: Cloudflare's services and this project's resources, put together."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.resources import Resources
from pipeline.services import Bindings
from pipeline.settings import read_settings
from web.app import App
from web.http import Call, Reply


class PipelineApp(App):
    """Files in, summaries out, for one request.

    Args:
        bindings: Cloudflare's services.
        variable: Gives a variable or secret by name, ``None`` if it is not set.
        service_error: What Cloudflare's services raise when they fail.
    """

    def __init__(
        self,
        bindings: Bindings,
        variable: Callable[[str], object],
        service_error: type[Exception],
    ) -> None:
        super().__init__(variable, service_error)
        self._bindings = bindings

    async def route(self, call: Call) -> Reply:
        # Here, and not before: a missing setting is answered like every other error.
        resources = Resources(self._bindings, read_settings(self.variable))
        return await resources.route(call)
