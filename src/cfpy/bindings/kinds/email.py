"""Email Service: sends email from a domain of the account."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.kind import REAL, BindingKind, only_local, passed


def _add(asked: Asked) -> Addition:
    return Addition((asked.entry("send_email", name=asked.binding),), asked.binding)


_ALLOWED = ("allowed_destination_addresses", "allowed_sender_addresses")

EMAIL = BindingKind(
    name="email",
    table="send_email",
    label="email",
    binding_key="name",
    required=("name",),
    strings=("destination_address",),
    lists=_ALLOWED,
    keys={**passed("name", "destination_address", *_ALLOWED), **only_local("remote")},
    local=REAL,
    js_class="SendEmail",
    python_type="SendEmail",
    add=_add,
    example="mail",
    # developers.cloudflare.com/email-service/api/send-emails/workers-api
    python="""\
people = {{"from": "hello@example.com", "to": "you@example.com"}}
await self.env.{b}.send(**people, subject="Hello", text="It works.")
""",
    javascript="""\
const people = {{ from: "hello@example.com", to: "you@example.com" }};
await env.{b}.send({{ ...people, subject: "Hello", text: "It works." }});
""",
)
