"""Static assets: files that Cloudflare serves next to the Worker."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import PurePosixPath

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
        folder = _folder(asked)
        edit = asked.only_table("assets", directory=f"./{folder}", binding=asked.binding)
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


def _folder(asked: Asked) -> str:
    """The folder with the assets, by its path in the project.

    Raises:
        UsageError: It is not in the project, or has what may not become public.
    """
    given = asked.options.directory
    folder = PurePosixPath(posixpath.normpath(given.replace("\\", "/")))
    mains = (scope.get("main", "") for scope in (asked.scope, asked.config))
    if not given.strip() or folder.is_absolute() or ".." in folder.parts:
        why = "is not a folder in the project"
    elif not folder.parts:
        why = "has the configuration, and all files in it would become public"
    elif any(folder in PurePosixPath(posixpath.normpath(str(main))).parents for main in mains):
        why = "has the Worker's main module, and all files in it would become public"
    elif any(part.startswith(".") for part in folder.parts):
        why = "is hidden: what tools keep there would become public"
    else:
        return str(folder)
    raise UsageError(
        f"--directory {given!r} {why}",
        hint=command("add", "assets", asked.name, "--directory", "public"),
    )


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
    example="assets",
    python="""\
page = await self.env.{b}.fetch("https://assets/hello.txt")
""",
    javascript="""\
const page = await env.{b}.fetch("https://assets/hello.txt");
""",
)
