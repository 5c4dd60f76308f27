// Runs in workerd as `main`, and forwards every event to Python in the Node process.
import { WorkerEntrypoint } from 'cloudflare:workers';

// Statuses that must not have a body.
const BODILESS = new Set([101, 204, 205, 304]);
// The path at which `wrangler dev` runs a cron trigger by hand.
const RUN_SCHEDULED = '/cdn-cgi/handler/scheduled';
// The page of `cfpy dev`, which is served by the process around Python, not by Python.
const PAGE = /^\/__cfpy(\/|$)/;
// The path at which that process sends D1 queries.
const QUERY = '/__cfpy/query';
// The path at which it sends requests for Workers that a worker loader loads.
const LOADED = '/__cfpy/loaded';

// Limits of Cloudflare: developers.cloudflare.com/workers/platform/limits, "Request limits".
const URL_BYTES = 16 * 1024;
const HEADER_BYTES = 128 * 1024;

// The methods of the Python Worker that other Workers call: filled in from its code.
const METHODS = [];

export default class Shim extends WorkerEntrypoint {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === RUN_SCHEDULED) return this.#runScheduled(searchParams);
    if (pathname === QUERY) return this.#query(request);
    if (pathname === LOADED) return this.#loaded(request);
    const refused = refuse(request);
    if (refused) return refused;
    const headers = new Headers(request.headers);
    headers.set('x-cfpy-key', this.env.CFPY_HOST_KEY);
    headers.set('x-cfpy-kind', PAGE.test(pathname) ? 'page' : 'fetch');
    headers.set('x-cfpy-method', request.method);
    // Percent-encoded already, as every URL is: plain ASCII.
    headers.set('x-cfpy-url', request.url);
    headers.set('x-cfpy-host', request.headers.get('host') ?? '');
    headers.set('x-cfpy-cf', encodeURIComponent(JSON.stringify(request.cf ?? {})));
    const answer = await fetch(this.env.CFPY_HOST, {
      // The host always answers 200 with the real status in a header, and HEAD is sent as GET, so
      // that nothing on the way follows a redirect or drops a body.
      method: request.method === 'HEAD' ? 'GET' : request.method,
      headers,
      body: request.body,
      redirect: 'manual',
    });
    const answered = new Headers(answer.headers);
    const status = Number(answered.get('x-cfpy-status'));
    answered.delete('x-cfpy-status');
    const bodiless = BODILESS.has(status) || request.method === 'HEAD';
    return new Response(bodiless ? null : answer.body, { status, headers: answered });
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
    const { binding, method, args, statements } = await request.json();
    const database = this.env[binding];
    try {
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

  /** Call a method of the Python Worker. */
  static async call(worker, method, args) {
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

/** The answer to a request that Cloudflare would not forward to a Worker; null for any other. */
function refuse({ url, headers }) {
  if (url.length > URL_BYTES) return new Response('URI Too Long', { status: 414 });
  let bytes = 0;
  // A name, a colon, a space, a value, the end of the line.
  for (const [name, value] of headers) bytes += name.length + value.length + 4;
  if (bytes <= HEADER_BYTES) return null;
  return new Response('Request Header Fields Too Large', { status: 431 });
}

function encode(body) {
  if (!(body instanceof ArrayBuffer) && !ArrayBuffer.isView(body)) return { json: body };
  const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : new Uint8Array(body.buffer);
  return { base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}
