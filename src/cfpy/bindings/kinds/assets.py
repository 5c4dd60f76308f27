"""Static assets: files that Cloudflare serves next to the Worker."""

from __future__ import annotations

from collections.abc import Mapping

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import REAL, BindingKind, Shape, Stance
from cfpy.errors import UsageError
from cfpy.project.edits import Put
from cfpy.tools.invocation import command

_PAGE = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>{title}</title>
  </head>
  <body>
    <h1>{title}</h1>
  </body>
</html>
"""


def _add(asked: Asked) -> Addition:
    own = asked.scope.get("assets")
    if "site" in asked.scope:
        raise UsageError(
            "the Worker uses Workers Sites, and wrangler allows either those or static assets",
            hint="Replace [site] first: developers.cloudflare.com/workers/static-assets",
        )
    if own is None:
        directory = f"./{asked.options.directory.strip('/').removeprefix('./')}"
        edit = asked.only_table("assets", directory=directory, binding=asked.binding)
        folder = directory.removeprefix("./")
        if "main" not in asked.scope:
            page = _PAGE.format(title=asked.scope["name"])
            files = {f"{folder}/index.html": page}
            return Addition((edit,), asked.binding, files=files, reused=True)
        # A file is served in place of the Worker: index.html would hide what that answers to `/`.
        files = {f"{folder}/hello.txt": "Hello!\n"}
        note = (
            f"Each file in {folder} is now served in place of the Worker: /hello.txt, and / if it "
            "has an index.html."
        )
        return Addition((edit,), asked.binding, files=files, reused=True, note=note)
    if not isinstance(own, Mapping) or own.get("binding"):
        bound = own.get("binding") if isinstance(own, Mapping) else own
        raise UsageError(f"the static assets are already bound, as {bound}")
    if asked.environment and "assets" not in asked.config["env"][asked.environment]:
        raise UsageError(
            "the environment inherits its static assets from the top level",
            hint=command("add", "assets", asked.name, "--env", ""),
        )
    edit = Put(asked.path("assets.binding"), asked.binding)
    return Addition((edit,), asked.binding)


ASSETS = BindingKind(
    name="assets",
    table="assets",
    label="static assets",
    shape=Shape.TABLE,
    required=(),
    strings=("directory",),
    stance=Stance.USED,
    inherited=True,
    # developers.cloudflare.com/workers/static-assets/billing-and-limitations
    free=True,
    local=REAL,
    js_class="Fetcher",
    python_type="Fetcher",
    add=_add,
    python="""\
page = await self.env.{b}.fetch("https://assets/hello.txt")
""",
    javascript="""\
const page = await env.{b}.fetch("https://assets/hello.txt");
""",
)
