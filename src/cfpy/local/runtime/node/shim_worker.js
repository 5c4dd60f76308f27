// Runs in workerd as `main`, and forwards every event to Python in the Node process.
// `refuseOther` is from json_only.js.
import { WorkerEntrypoint } from 'cloudflare:workers';

// Statuses that must not have a body.
const BODILESS = new Set([101, 204, 205, 304]);
// Headers that tell how long a body is.
const LENGTHS = ['content-length', 'transfer-encoding'];
// Headers about the connection, which end with it.
const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer'];
// The path at which `wrangler dev` runs a cron trigger by hand.
const RUN_SCHEDULED = '/cdn-cgi/handler/scheduled';
// The page of `cfpy dev`, which is served by the process around Python, not by Python.
const PAGE = /^\/__cfpy(\/|$)/;
// The path at which that process sends D1 queries.
const QUERY = '/__cfpy/query';
// The path at which it sends requests for Workers that a worker loader loads.
const LOADED = '/__cfpy/loaded';
// The path at which it uses the cache.
const CACHE = '/__cfpy/cache';

// The methods of the Python Worker that other Workers call: filled in from its code.
const METHODS = [];

export default class Shim extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === RUN_SCHEDULED) return this.#runScheduled(searchParams);
    if (pathname === QUERY) return this.#query(request);
    if (pathname === LOADED) return this.#loaded(request);
    if (pathname === CACHE) return this.#cache(request);
    const body = hasBody(request) ? (request.body ?? '') : undefined;
    const answer = await fetch(this.env.CFPY_HOST, {
      // fetch() sends no body with some methods, but receives one with any. So the method is in the
      // head, like all else that another HTTP server might refuse, change or add to.
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'x-cfpy-key': this.env.CFPY_HOST_KEY,
        'x-cfpy-kind': PAGE.test(pathname) ? 'page' : 'fetch',
        'x-cfpy-head': pack(headOf(request)),
      },
      body,
    });
    const { status, statusText, headers } = unpack(answer.headers.get('x-cfpy-head'));
    const bodiless = BODILESS.has(status) || request.method === 'HEAD';
    return new Response(bodiless ? null : answer.body, { status, statusText, headers });
  }

  async queue(batch) {
    const messages = batch.messages.map(({ id, timestamp, attempts, body }) => ({
      id,
      timestamp: Number(timestamp),
      attempts,
      body: encode(body),
    }));
    const { queue, metadata } = batch;
    const { operations, error } = await this.#post('queue', { queue, metadata, messages });
    const byId = new Map(batch.messages.map((message) => [message.id, message]));
    for (const [name, id, options] of operations) {
      if (id === null) batch[name](options ?? undefined);
      else byId.get(id)[name](options ?? undefined);
    }
    if (error) throw new Error(error);
  }

  async scheduled(controller) {
    const { cron, scheduledTime } = controller;
    const { skipsRetry, error } = await this.#post('scheduled', { cron, scheduledTime });
    if (skipsRetry) controller.noRetry();
    if (error) throw new Error(error);
  }

  async #query(request) {
    const given = request.headers.get('x-cfpy-key') ?? '';
    // Nobody can guess 32 random bytes in time: the key is new with each start.
    if (given !== this.env.CFPY_HOST_KEY) return new Response(null, { status: 403 });
    const { binding, method, args, statements, checked } = await request.json();
    const database = this.env[binding];
    try {
      if (checked) return Response.json({ r: await this.#asked(binding, method, args) });
      if (!statements) return Response.json({ r: (await database[method](...args)) ?? null });
      const prepared = statements.map(({ sql, values }) => database.prepare(sql).bind(...values));
      const result = await (method === 'batch'
        ? database.batch(prepared)
        : prepared[0][method](...args));
      return Response.json({ r: result });
    } catch ({ name, message }) {
      return Response.json({ e: { name, message } });
    }
  }

  /** Call a method of another Worker for the Python Worker. */
  async #asked(binding, method, args) {
    const result = (await this.env[binding][method](...args)) ?? null;
    refuseOther(result, `the result of ${binding}.${method}`);
    return result;
  }

  /** Call a method of the Python Worker. */
  static async call(worker, method, args) {
    args.forEach((arg, index) => refuseOther(arg, `argument ${index + 1} of ${method}`));
    const { result, error } = await worker.#post('rpc', { method, args });
    if (error) throw new Error(error);
    return result;
  }

  async #loaded(request) {
    if (request.headers.get('x-cfpy-key') !== this.env.CFPY_HOST_KEY) return new Response(null, { status: 403 });
    const { binding, id, entrypoint, code, request: asked } = await request.json();
    const { method, url, headers, base64 } = asked;
    const body = base64 && Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    try {
      const worker = this.env[binding].get(id, () => code);
      const answer = await worker
        .getEntrypoint(entrypoint ?? undefined)
        .fetch(new Request(url, { method, headers, body, redirect: 'manual' }));
      const answered = new Headers(answer.headers);
      answered.set('x-cfpy-status', String(answer.status));
      return new Response(answer.body, { headers: answered });
    } catch ({ message }) {
      return new Response(message, { status: 500 });
    }
  }

  async #cache(request) {
    if (request.headers.get('x-cfpy-key') !== this.env.CFPY_HOST_KEY) return new Response(null, { status: 403 });
    const call = JSON.parse(decodeURIComponent(request.headers.get('x-cfpy-call')));
    const { method, cache: name, url, options, answer } = call;
    const shown = (result) => ({ headers: { 'x-cfpy-answer': encodeURIComponent(JSON.stringify(result)) } });
    try {
      const cache = name === null ? caches.default : await caches.open(name);
      const key = new Request(url, { method: call.asked, headers: call.headers });
      if (method === 'delete') return new Response(null, shown(await cache.delete(key, options)));
      if (method === 'put') {
        await cache.put(key, new Response(BODILESS.has(answer.status) ? null : request.body, answer));
        return new Response(null, shown(null));
      }
      const found = await cache.match(key, options);
      if (!found) return new Response(null, shown(null));
      const { status, statusText, headers, body } = found;
      return new Response(body, shown({ status, statusText, headers: [...headers] }));
    } catch ({ name: error, message }) {
      return new Response(null, shown({ error, message }));
    }
  }

  async #runScheduled(parameters) {
    const cron = parameters.get('cron') ?? '';
    const scheduledTime = Number(parameters.get('time') ?? Date.now());
    const { error } = await this.#post('scheduled', { cron, scheduledTime });
    return error ? new Response(error, { status: 500 }) : new Response('ok');
  }

  async #post(kind, event) {
    const headers = { 'x-cfpy-key': this.env.CFPY_HOST_KEY, 'x-cfpy-kind': kind };
    const body = JSON.stringify(event);
    const answer = await fetch(this.env.CFPY_HOST, { method: 'POST', headers, body });
    return answer.json();
  }
}

// Workers RPC calls what the prototype has.
for (const name of METHODS) {
  Shim.prototype[name] = function (...args) {
    return Shim.call(this, name, args);
  };
}

/** Whether Python gets a body: as behind the proxy of `wrangler dev`. */
function hasBody({ method, headers }) {
  return !['GET', 'HEAD'].includes(method) || Number(headers.get('content-length')) > 0;
}

/** What Python gets of a request besides its body: as behind the proxy of `wrangler dev`. */
function headOf(request) {
  const { method, cf = {} } = request;
  const url = urlOf(request);
  const headers = new Headers(request.headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') headers.delete('upgrade');
  // It may also have a user's name.
  headers.set('host', new URL(url).host);
  if (!hasBody(request)) for (const name of LENGTHS) headers.delete(name);
  else if (!LENGTHS.some((name) => headers.has(name))) headers.set('content-length', '0');
  return { method, url, headers: [...headers], cf };
}

/**
 * The URL of a request. Miniflare believes X-Forwarded-Proto of a request from outside (getUserRequest
 * in its 5.20261117.0-beta), and behind the proxy of `wrangler dev` it does not. This server has no
 * TLS. A request of another Worker may have https, but then no header `host`, or another one.
 */
function urlOf({ url, headers }) {
  const host = headers.get('host');
  const inside = `http://${host}`;
  if (!headers.has('x-forwarded-proto') || !URL.canParse(inside)) return url;
  const found = new URL(url);
  if (found.protocol !== 'https:' || new URL(`https://${host}`).host !== found.host) return url;
  found.protocol = 'http:';
  found.host = new URL(inside).host;
  return found.href;
}

/** A value as the value of a header: plain ASCII. */
function pack(value) {
  return encodeURIComponent(JSON.stringify(value));
}

function unpack(text) {
  return JSON.parse(decodeURIComponent(text));
}

function encode(body) {
  if (!(body instanceof ArrayBuffer) && !ArrayBuffer.isView(body)) return { json: body };
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : new Uint8Array(body.buffer);
  return { base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}
