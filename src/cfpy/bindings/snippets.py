"""How to use a binding, in a few lines: ``cfpy add`` shows them at the end.

Python lines belong in an async method of the Worker's entry point; API:
developers.cloudflare.com/workers/languages/python, developers.cloudflare.com/workers/runtime-apis.
"""

from __future__ import annotations

_PYTHON = {
    "kv": """\
await self.env.{b}.put("greeting", "hello", {{"expirationTtl": 3600}})
value = await self.env.{b}.get("greeting")  # None once it has expired
""",
    "d1": """\
notes = self.env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id")
note = await notes.bind("hello").first()
""",
    "r2": """\
await self.env.{b}.put("notes/hello.txt", "hello")
found = await self.env.{b}.get("notes/hello.txt")
text = await found.text() if found else None
""",
    "queue": """\
await self.env.{b}.send({{"id": 1}})

# Where the Worker reads the queue, too (cfpy add queue NAME --consumer):
# async def queue(self, batch, env=None, ctx=None):
#     for message in batch.messages:
#         message.ack()  # or message.retry({{"delaySeconds": 30}})
""",
    "vectorize": """\
await self.env.{b}.upsert([{{"id": "a", "values": vector, "metadata": {{"lang": "en"}}}}])
nearest = await self.env.{b}.query(vector, {{"topK": 5, "returnMetadata": "indexed"}})
""",
    "ai": """\
model = "@cf/baai/bge-base-en-v1.5"
answer = await self.env.{b}.run(model, {{"text": ["hello"]}})
vector = answer["data"][0]
""",
    "analytics": """\
self.env.{b}.writeDataPoint({{"blobs": ["signup"], "doubles": [1], "indexes": ["web"]}})
""",
    "cron": """\
# In the Worker's entry point. The schedule is in UTC.
# async def scheduled(self, controller, env=None, ctx=None):
#     print(controller.cron)
""",
    "assets": """\
page = await self.env.{b}.fetch("https://assets/")
""",
    "durable-object": """\
counter = self.env.{b}.getByName("visitors")
total = await counter.add("today", 1)
""",
    "workflow": """\
instance = await self.env.{b}.create({{"params": {{"name": "you"}}}})
""",
    "hyperdrive": """\
url = self.env.{b}.connectionString  # for a driver that opens TCP sockets from a Worker
""",
}
_JAVASCRIPT = {
    "kv": """\
await env.{b}.put("greeting", "hello", {{ expirationTtl: 3600 }});
const value = await env.{b}.get("greeting"); // null once it has expired
""",
    "d1": """\
const notes = env.{b}.prepare("INSERT INTO notes (body) VALUES (?) RETURNING id");
const note = await notes.bind("hello").first();
""",
    "r2": """\
await env.{b}.put("notes/hello.txt", "hello");
const text = await (await env.{b}.get("notes/hello.txt"))?.text();
""",
    "queue": """\
await env.{b}.send({{ id: 1 }});

// Where the Worker reads the queue, too (cfpy add queue NAME --consumer):
// async queue(batch, env) {{ for (const message of batch.messages) message.ack(); }}
""",
    "vectorize": """\
await env.{b}.upsert([{{ id: "a", values: vector, metadata: {{ lang: "en" }} }}]);
const nearest = await env.{b}.query(vector, {{ topK: 5, returnMetadata: "indexed" }});
""",
    "ai": """\
const answer = await env.{b}.run("@cf/baai/bge-base-en-v1.5", {{ text: ["hello"] }});
const vector = answer.data[0];
""",
    "analytics": """\
env.{b}.writeDataPoint({{ blobs: ["signup"], doubles: [1], indexes: ["web"] }});
""",
    "cron": """\
// In the default export. The schedule is in UTC.
// async scheduled(controller, env, ctx) {{ console.log(controller.cron); }}
""",
    "assets": """\
const page = await env.{b}.fetch("https://assets/");
""",
    "durable-object": """\
const total = await env.{b}.getByName("visitors").add("today", 1);
""",
    "workflow": """\
const instance = await env.{b}.create({{ params: {{ name: "you" }} }});
""",
    "hyperdrive": """\
const url = env.{b}.connectionString; // for a Postgres or MySQL driver
""",
}


def snippet(kind: str, binding: str, *, python: bool) -> str:
    """Lines that use ``binding``, for a kind that ``cfpy add`` supports."""
    return (_PYTHON if python else _JAVASCRIPT)[kind].format(b=binding)
