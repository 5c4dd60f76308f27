"""Version metadata: which version of the Worker runs."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import REAL, BindingKind, Shape, passed


def _add(asked: Asked) -> Addition:
    return Addition((asked.only_table("version_metadata", binding=asked.binding),), asked.binding)


VERSION_METADATA = BindingKind(
    name="version-metadata",
    table="version_metadata",
    label="version metadata",
    shape=Shape.TABLE,
    keys=passed("binding"),
    # It has no line in the price list: developers.cloudflare.com/workers/platform/pricing
    free=True,
    local=REAL,
    python_type="VersionMetadata",
    add=_add,
    example="version",
    # developers.cloudflare.com/workers/runtime-apis/bindings/version-metadata
    python="""\
print(self.env.{b}.id, self.env.{b}.tag, self.env.{b}.timestamp)
""",
    javascript="""\
const {{ id, tag, timestamp }} = env.{b};
""",
)
