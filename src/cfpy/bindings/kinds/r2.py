"""R2: objects in buckets."""

from __future__ import annotations

from cfpy.bindings.asked import Addition, Asked
from cfpy.bindings.becoming import own_name
from cfpy.bindings.kind import REAL, BindingKind, only_local, used


def _add(asked: Asked) -> Addition:
    edit = asked.entry("r2_buckets", binding=asked.binding, bucket_name=asked.resource)
    return Addition((edit,), asked.binding, resource=asked.resource)


R2 = BindingKind(
    name="r2",
    table="r2_buckets",
    label="R2 bucket",
    strings=("bucket_name", "jurisdiction"),
    keys={
        **used("binding", "bucket_name", "jurisdiction"),
        **only_local("preview_bucket_name", "local_dev", "remote"),
    },
    becomes=own_name("bucket_name"),
    name_keys=("bucket_name",),
    settings="r2",
    owned="r2",
    subcommand="r2 bucket",
    api_type="r2_bucket",
    api_keys=("bucket_name",),
    permission="Workers R2 Storage: Edit",
    permission_of=("r2",),
    meter="r2.class_b",
    local=REAL,
    js_class="R2Bucket",
    python_type="R2Bucket",
    add=_add,
    example="uploads",
    python="""\
await self.env.{b}.put("notes/hello.txt", "hello")
found = await self.env.{b}.get("notes/hello.txt")
text = await found.text() if found else None
""",
    javascript="""\
await env.{b}.put("notes/hello.txt", "hello");
const text = await (await env.{b}.get("notes/hello.txt"))?.text();
""",
)
