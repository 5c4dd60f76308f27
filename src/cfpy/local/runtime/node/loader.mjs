// The worker loader: the shim in workerd loads the Workers, this is what Python sees.
import { emit } from './events.mjs';

/** The path at which the shim forwards a request to a loaded Worker: the same as in the shim. */
const LOADED = '/__cfpy/loaded';

/**
 * A `worker_loaders` binding: developers.cloudflare.com/dynamic-workers/api-reference.
 *
 * @param {string} name of the binding
 * @param {(path: string, init: object) => Promise<Response>} ask sends a request to the shim
 */
export function workerLoader(name, ask) {
  let unnamed = 0;
  const stub = (id, getCode) => ({
    getEntrypoint(entrypoint = null, _options = {}) {
      return {
        async fetch(input, init) {
          const request = new Request(input, init);
          const code = codeOf(await getCode());
          const head = { binding: name, id, entrypoint, code };
          return forward(ask, head, request);
        },
      };
    },
  });
  return new (class WorkerLoader {
    get(id, getCode) {
      // Python's own proxy of the function ends with this call.
      return stub(String(id), once(getCode.copy ? getCode.copy() : getCode));
    }

    load(code) {
      return stub(`cfpy-${(unnamed += 1)}`, async () => code);
    }
  })();
}

/** The function, called at most once. */
function once(call) {
  let result;
  return () => (result ??= Promise.resolve(call()));
}

/** The code of a Worker, as JSON has it. */
function codeOf({ compatibilityDate, compatibilityFlags = [], mainModule, modules, env = {}, globalOutbound }) {
  const isPython = Object.keys(modules).some((file) => file.endsWith('.py'));
  if (isPython) fail('a dynamic Worker in Python needs --runtime workerd');
  if (globalOutbound) fail('globalOutbound needs --runtime workerd');
  const outbound = globalOutbound === null ? { globalOutbound } : {};
  return { compatibilityDate, compatibilityFlags, mainModule, modules, env, ...outbound };
}

function fail(why) {
  emit('log', { level: 'error', text: why });
  throw new Error(why);
}

async function forward(ask, head, request) {
  const { method, url, headers } = request;
  const body = request.body ? await request.arrayBuffer() : null;
  const base64 = body && Buffer.from(body).toString('base64');
  const sent = { ...head, request: { method, url, headers: [...headers], base64 } };
  const answer = await ask(LOADED, { method: 'POST', body: JSON.stringify(sent) });
  const status = Number(answer.headers.get('x-cfpy-status'));
  if (!status) throw new Error(await answer.text());
  const given = [...answer.headers].filter(([key]) => key !== 'x-cfpy-status');
  const bodiless = [204, 205, 304].includes(status);
  return new Response(bodiless ? null : answer.body, { status, headers: given });
}
