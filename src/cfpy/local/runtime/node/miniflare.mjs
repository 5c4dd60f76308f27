// Starts the real workerd, with the project's bindings, through Miniflare.
import fs from 'node:fs';
import path from 'node:path';
import { facade, failing, standIn } from './bindings.mjs';
import { d1 } from './d1.mjs';
import { workerLoader } from './loader.mjs';
import { rpcMethods, service } from './rpc.mjs';
import { requireTool } from './tools.mjs';
import { readConfiguration } from './wrangler_options.mjs';

const SHIM = path.join(import.meta.dirname, 'shim_worker.js');
// What the shim shares with the process around Python.
const SHARED = path.join(import.meta.dirname, 'json_only.js');
const STAND_INS = new Set(['Ai', 'VectorizeIndexImpl']);
// The same as in the shim.
const QUERY = '/__cfpy/query';
// The manifest of a [site] is a module in workerd, not a binding.
const HIDDEN = new Set(['CFPY_HOST', 'CFPY_HOST_KEY', '__STATIC_CONTENT_MANIFEST']);

/**
 * Start workerd.
 *
 * @param {object} session
 * @param {{url: string, key: string}} loopback the address of Python for the shim
 * @returns {Promise<{url: string, raw: object, ask: (path: string, init: object) => Promise<Response>,
 *   secretNames: string[], localServices: () => Promise<object>,
 *   fill: (env: object, life: object) => void, dispose: () => Promise<void>}>} `raw` are Miniflare's
 *   own bindings, `ask` sends a request to the shim, `fill` puts the bindings of an interpreter into
 *   `env`
 */
export async function startMiniflare(session, loopback) {
  const reading = readConfiguration(session);
  const wrangler = path.join(session.toolchain, 'node_modules/wrangler');
  const { Miniflare, convertV4MiniflareOptions } = requireTool(wrangler, 'miniflare');
  const { options, vars: found } = await reading;
  const vars = varsOf(session, found);
  const secretNames = Object.keys(vars).filter((name) => vars[name].type === 'secret_text');

  const shared = fs.readFileSync(SHARED, 'utf8').replace('export function', 'function');
  const workers = workersOf(options, session.worker, shared + fs.readFileSync(SHIM, 'utf8'));
  const [main] = workers;
  main.script = main.script.replace('const METHODS = [];', `const METHODS = ${rpcMethods(session.entry)};`);
  const values = Object.entries(vars).map(([name, { value }]) => [name, value]);
  main.bindings = {
    ...Object.fromEntries(values),
    CFPY_HOST: loopback.url,
    CFPY_HOST_KEY: loopback.key,
  };
  let services;
  if (session.local_services) {
    const { name, main: script } = JSON.parse(fs.readFileSync(session.local_services, 'utf8'));
    workers.push(...workersOf(options, session.local_services, moduleTree(script)));
    services = name;
  }
  const instance = new Miniflare(
    convertV4MiniflareOptions({
      // Behind the gate of the run (local/gate.py).
      host: '127.0.0.1',
      port: 0,
      resourcePersistencePath: session.state,
      cf: false, // The default would request one from a Cloudflare host.
      // Where `wrangler dev` and cfpy register the Workers on this machine, for bindings between
      // them.
      unsafeDevRegistryPath: session.registry,
      workers,
    }),
  );
  const url = (await instance.ready).href;
  const raw = await instance.getBindings(main.name);
  const ask = (where, init) =>
    instance.dispatchFetch(`http://localhost${where}`, {
      ...init,
      headers: { ...init.headers, 'x-cfpy-key': loopback.key },
    });
  const query = async (question) =>
    (await ask(QUERY, { method: 'POST', body: JSON.stringify(question) })).json();
  const fill = (env, life) => {
    for (const [name, binding] of Object.entries(raw)) {
      if (HIDDEN.has(name)) continue;
      const kind = session.kinds[name];
      const owner = { binding: name, life };
      const make = STAND_INS.has(kind) ? standIn : facade;
      env[name] = make(binding, kind, owner);
      if (kind === 'Fetcher') env[name] = service(env[name], name, query, life);
      if (kind === 'D1Database') env[name] = d1(env[name], query, owner);
    }
    // Miniflare has no proxy for these.
    const loaders = Object.keys(session.kinds).filter((name) => session.kinds[name] === 'WorkerLoader');
    for (const name of loaders) env[name] = workerLoader(name, ask);
    for (const [name, binding] of Object.entries(session.failing)) env[name] = failing(name, binding);
  };
  const localServices = () => instance.getWorker(services);
  return { url, raw, ask, secretNames, localServices, fill, dispose: () => instance.dispose() };
}

/**
 * Miniflare's options for the Worker of a derived wrangler configuration, and for the Workers that
 * it needs.
 */
function workersOf(options, config, code) {
  const { workerOptions, externalWorkers } = options[config];
  const { name } = JSON.parse(fs.readFileSync(config, 'utf8'));
  const source = typeof code === 'string' ? { modules: true, script: code } : code;
  return [{ ...workerOptions, name, ...source }, ...externalWorkers];
}

/**
 * The variables and secrets to bind, `{type, value}` by name. A binding of another kind overrides a
 * secret of the same name.
 */
function varsOf({ kinds, failing }, found) {
  const others = { ...kinds, ...failing };
  return Object.fromEntries(Object.entries(found).filter(([name]) => !Object.hasOwn(others, name)));
}

const MODULES = { '.js': 'ESModule', '.wasm': 'CompiledWasm' };

/** A directory of plain modules, the main module first: nothing to bundle. */
function moduleTree(main) {
  const root = path.dirname(main);
  const first = path.basename(main);
  const others = fs.readdirSync(root).filter((file) => file !== first);
  const modules = [first, ...others]
    .filter((file) => MODULES[path.extname(file)])
    .map((file) => ({
      type: MODULES[path.extname(file)],
      path: path.join(root, file),
      contents: fs.readFileSync(path.join(root, file)),
    }));
  return { modules, modulesRoot: root };
}
