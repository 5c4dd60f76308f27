"""Images: reads, resizes and converts images."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import REAL, BindingKind, Shape, only_local, passed


def _add(asked: Asked) -> Addition:
    return Addition((asked.only_table("images", binding=asked.binding),), asked.binding)


IMAGES = BindingKind(
    name="images",
    table="images",
    label="images",
    shape=Shape.TABLE,
    keys={**passed("binding"), **only_local("remote")},
    local=REAL,
    js_class="ImagesBindingImpl",
    python_type="Images",
    add=_add,
    example="images",
    # developers.cloudflare.com/images/transform-images/bindings
    python="""\
small = self.env.{b}.input(request.body).transform({{"width": 128}})
result = await small.output({{"format": "image/webp"}})
return result.response()
""",
    javascript="""\
const small = env.{b}.input(request.body).transform({{ width: 128 }});
return (await small.output({{ format: "image/webp" }})).response();
""",
)
