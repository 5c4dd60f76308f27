"""A Worker's module that tries what workerd refuses at import, and what it has in a request."""

from __future__ import annotations

ENTROPY = "OSError: [Errno 29] Cannot get entropy outside of request context"
REFUSED = "Error: Disallowed operation called within global scope."
EVAL = "EvalError: Code generation from strings disallowed for this context"
DENIED = "PermissionError: [Errno 2] Permission denied:"
HIDDEN = "AttributeError:"

#: What each of the module's attempts at import ends with.
AT_IMPORT = {
    "uuid4": ENTROPY,
    "urandom": ENTROPY,
    "secrets": ENTROPY,
    "Random": ENTROPY,
    "choice": "RuntimeError: Cannot use random.choice() outside of request context",
    "from_random": "RuntimeError: Cannot use random.randint() outside of request context",
    "seeded": "0.13436424411240122",
    "mkdtemp": "/tmp/",
    "getRandomValues": REFUSED,
    "randomUUID": REFUSED,
    "setTimeout": REFUSED,
    "AbortSignal": REFUSED,
    "Response": REFUSED,
    "js.Response": REFUSED,
    "eval": EVAL,
    "Function": EVAL,
    "year": "1970",
    "js.Date": "1970",
    "later": "True",
    "edit": DENIED,
    "create": DENIED,
    "mkdir": DENIED,
    "unlink": DENIED,
    "rename": DENIED,
    "chmod": "PermissionError: [Errno 63] Operation not permitted:",
    "modules": DENIED,
    "tmp": "3",
    "process": HIDDEN,
    "require": HIDDEN,
}
GUEST = """\
import datetime
import os
import random
import secrets
import socket
import tempfile
import time
import uuid
from random import randint

import js
from pyodide.ffi import to_js
from workers import Response, import_from_javascript

seen = {}


def attempt(name, call):
    try:
        seen[name] = str(call())
    except Exception as error:
        seen[name] = str(error) if "Error: " in str(error) else f"{type(error).__name__}: {error}"


def object(**values):
    return to_js(values, dict_converter=js.Object.fromEntries)


def later():
    first = time.monotonic()
    return time.monotonic() > first


def random_values():
    attempt("uuid4", uuid.uuid4)
    attempt("urandom", lambda: os.urandom(4))
    attempt("secrets", secrets.token_hex)
    attempt("Random", random.Random)
    attempt("choice", lambda: random.choice("a"))
    attempt("from_random", lambda: randint(1, 1))
    attempt("seeded", lambda: random.Random(1).random())
    attempt("mkdtemp", tempfile.mkdtemp)
    attempt("getRandomValues", lambda: js.crypto.getRandomValues(js.Uint8Array.new(2)))
    attempt("randomUUID", js.crypto.randomUUID)


random_values()
attempt("setTimeout", lambda: js.setTimeout(None, 1))
attempt("AbortSignal", lambda: js.AbortSignal.timeout(1))
attempt("Response", lambda: Response("a constant"))
attempt("js.Response", lambda: js.Response.json(1))
attempt("eval", lambda: js.eval("1"))
attempt("Function", lambda: js.Function.new("return 1"))
attempt("year", lambda: datetime.datetime.now().year)
attempt("js.Date", lambda: js.Date.new().getFullYear())
attempt("later", later)
attempt("edit", lambda: open(__file__, "a"))
attempt("create", lambda: open("/session/metadata/new.py", "w"))
attempt("mkdir", lambda: os.mkdir("/session/metadata/new"))
attempt("unlink", lambda: os.unlink(__file__))
attempt("rename", lambda: os.rename(__file__, "/session/metadata/new.py"))
attempt("chmod", lambda: os.chmod(__file__, 0o777))
attempt("modules", lambda: open("/session/python_modules/new.py", "w"))
attempt("tmp", lambda: open("/tmp/new", "w").write("new"))
attempt("process", lambda: js.process)
attempt("require", lambda: js.require)
at_import = dict(seen)


async def in_request(request, env, ctx):
    seen.clear()
    random_values()
    attempt("arguments", lambda: (env, ctx))
    attempt("year", lambda: datetime.datetime.now().year > 2024)
    attempt("eval", lambda: js.eval("1"))
    attempt("edit", lambda: open(__file__, "a"))
    attempt("input", input)
    attempt("address", lambda: request.headers["cf-connecting-ip"])
    attempt("header", lambda: request.headers["x-word"])
    attempt("country", lambda: request.js_object.cf.country)
    attempt("node:fs", lambda: import_from_javascript("node:fs"))
    attempt("node:path", lambda: import_from_javascript("node:path").basename("/a/b"))
    attempt("userAgent", lambda: js.navigator.userAgent)
    bytes_ = js.Uint8Array.new(2)
    attempt("equal", lambda: js.crypto.subtle.timingSafeEqual(bytes_, bytes_))
    digest = await js.crypto.subtle.digest("SHA-256", bytes_)
    attempt("digest", lambda: digest.byteLength)
    await js.scheduler.wait(1)
    js.console.log("seen", object(list=[1]), {"a": 1})
    js.console.warn("careful")
    headers = {"x-word": "zażółć ☃", "x-cache": request.headers["cf-connecting-ip"]}
    return Response.json(seen, headers=headers)


def connected(request):
    port = int(request.headers["x-port"])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"hello")
        return Response(connection.recv(100).decode())


async def cached():
    seen.clear()
    caches = [js.caches.default, await js.caches.open("other")]
    for cache in caches:
        where = f"{cache}{caches.index(cache)}"
        address = "http://example.com/page"
        before = await cache.match(address)
        init = object(headers={"cache-control": "max-age=60", "x-word": "zażółć"})
        await cache.put(address, js.Response.new(where, init))
        found = await cache.match(js.Request.new(address))
        text = await found.text()
        there = await cache.delete(address)
        gone = await cache.match(address)
        word = found.headers.get("x-word")
        attempt(where, lambda: [before, found.status, word, text, there, gone])
    posted = js.Request.new("http://example.com/page", object(method="POST"))
    try:
        await js.caches.default.put(posted, js.Response.new("a"))
    except Exception as error:
        seen["posted"] = str(error)
    return Response.json(seen)
"""
