// The Cache API: workerd's own cache, which the shim asks.
import { Request, Response } from './fetch_api.mjs';
import { inRequestAsync } from './global_scope.mjs';

// The same as in the shim.
const CACHE = '/__cfpy/cache';
const BODILESS = new Set([101, 204, 205, 304]);

/**
 * `caches` for one interpreter.
 *
 * @param {{open: boolean}} scope
 * @param {(path: string, init: object) => Promise<Response>} ask sends a request to the shim
 */
export function makeCaches(scope, ask) {
  class Cache {
    #call;

    constructor(name) {
      this.#call = inRequestAsync(scope, (method, key, more, body) => send(ask, { cache: name, method, ...more }, key, body));
    }

    async match(key, options) {
      const { result, body } = await this.#call('match', key, { options: plain(options) });
      if (result === null) return undefined;
      return new Response(BODILESS.has(result.status) ? null : body, result);
    }

    async put(key, response) {
      const { status, statusText, headers, body } = response;
      if (response.bodyUsed) throw new TypeError('Body has already been used. It can only be used once.');
      await this.#call('put', key, { answer: { status, statusText, headers: [...headers] } }, body);
    }

    async delete(key, options) {
      return (await this.#call('delete', key, { options: plain(options) })).result;
    }

    get [Symbol.toStringTag]() {
      return 'Cache';
    }
  }

  class CacheStorage {
    default = new Cache(null);

    async open(name) {
      return new Cache(String(name));
    }
  }
  return new CacheStorage();
}

async function send(ask, call, key, body = null) {
  const request = toRequest(key);
  const { url, method: asked, headers } = request;
  const head = encodeURIComponent(JSON.stringify({ ...call, url, asked, headers: [...headers] }));
  const stream = body && { body, duplex: 'half' };
  const answer = await ask(CACHE, { method: 'POST', headers: { 'x-cfpy-call': head }, ...stream });
  const result = JSON.parse(decodeURIComponent(answer.headers.get('x-cfpy-answer')));
  if (result?.error === undefined) return { result, body: answer.body };
  const Class = result.error === 'TypeError' ? TypeError : Error;
  throw Object.assign(new Class(result.message), { name: result.error });
}

function toRequest(key) {
  if (key instanceof Request) return key;
  try {
    return new Request(key?.url ?? key);
  } catch {
    throw new TypeError(`Invalid URL: ${key}`);
  }
}

function plain(options) {
  return options ? { ignoreMethod: Boolean(options.ignoreMethod) } : {};
}
