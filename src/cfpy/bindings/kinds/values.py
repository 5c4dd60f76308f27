"""Variables and secrets: strings in the Worker's ``env``."""

from __future__ import annotations

from cfpy.bindings.kind import REAL, BindingKind, Shape, Stance, used

VARS = BindingKind(
    table="vars",
    label="variable",
    shape=Shape.VALUES,
    binding_key="",
    required=(),
    stance=Stance.USED,
    free=True,
    local=REAL,
)
SECRETS = BindingKind(
    table="secrets",
    label="secret",
    shape=Shape.TABLE,
    binding_key="required",
    required=(),
    keys=used("required"),
    lists=("required",),
    free=True,
    local=None,
)
