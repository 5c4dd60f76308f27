"""Secrets Store: secrets of the account, which several Workers may read."""

from __future__ import annotations

import re

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import SHARED
from cfpy.bindings.kind import REAL, BindingKind, passed
from cfpy.errors import UsageError
from cfpy.tools.invocation import command

_TABLE = "secrets_store_secrets"


def _add(asked: Asked) -> Addition:
    store = asked.options.id
    if not re.fullmatch(r"[0-9a-f]{32}", store):
        raise UsageError(
            "a secret of the Secrets Store needs --id, the id of the store"
            + (f", not {store!r}" if store else ""),
            hint=f"List the stores with: {command('wrangler', 'secrets-store', 'store', 'list')}",
        )
    # The secret may exist, so NAME is its name.
    edit = asked.entry(_TABLE, binding=asked.binding, store_id=store, secret_name=asked.name)
    return Addition((edit,), asked.binding, resource=asked.name)


SECRETS_STORE = BindingKind(
    name="secrets-store",
    table=_TABLE,
    label="secret of the Secrets Store",
    strings=("store_id", "secret_name"),
    keys=passed("binding", "store_id", "secret_name"),
    becomes=SHARED,
    local=REAL,
    js_class="SecretsStoreSecret",
    python_type="SecretsStoreSecret",
    add=_add,
    example="api-key --id ID",
    # developers.cloudflare.com/secrets-store/integrations/workers
    python="""\
value = await self.env.{b}.get()
""",
    javascript="""\
const value = await env.{b}.get();
""",
)
