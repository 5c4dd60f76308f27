// Starts the real workerd, with the project's bindings, through Miniflare.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { facade, standIn } from './bindings.mjs';
import { d1 } from './d1.mjs';

const SHIM = path.join(import.meta.dirname, 'shim_worker.js');
const STAND_INS = new Set(['Ai', 'VectorizeIndexImpl']);
// As in the shim.
const QUERY = '/__cfpy/query';
const FROM_CFPY = new Set(['CFPY_HOST', 'CFPY_HOST_KEY']);

/** Import an npm package from cfpy's toolchain directory, wherever this file itself lives. */
export async function importTool(session, name) {
  const require = createRequire(path.join(session.toolchain, 'package.json'));
  return import(pathToFileURL(require.resolve(name)));
}

/**
 * Start workerd.
 *
 * @param {object} session
 * @param {{url: string, key: string}} loopback where the shim finds Python
 * @returns {Promise<{url: string, raw: object, localServices: () => Promise<object>,
 *   fill: (env: object, life: object) => void, dispose: () => Promise<void>}>} `raw` are Miniflare's
 *   own bindings, `fill` puts into `env` what an interpreter sees
 */
export async function startMiniflare(session, loopback) {
  const { unstable_getMiniflareWorkerOptions: readOptions } = await importTool(session, 'wrangler');
  const wrangler = createRequire(path.join(session.toolchain, 'node_modules/wrangler/package.json'));
  const miniflare = await import(pathToFileURL(wrangler.resolve('miniflare')));
  const { Miniflare, convertV4MiniflareOptions } = miniflare;

  const main = worker(readOptions, session.worker, fs.readFileSync(SHIM, 'utf8'));
  Object.assign(main.bindings, session.secrets, {
    CFPY_HOST: loopback.url,
    CFPY_HOST_KEY: loopback.key,
  });
  const workers = [main];
  if (session.local_services) {
    const { main: script } = JSON.parse(fs.readFileSync(session.local_services, 'utf8'));
    workers.push(worker(readOptions, session.local_services, moduleTree(script)));
  }
  const instance = new Miniflare(
    convertV4MiniflareOptions({
      host: session.host,
      port: session.port,
      resourcePersistencePath: session.state,
      cf: false, // Its default asks a Cloudflare host for one.
      workers,
    }),
  );
  const url = (await instance.ready).href;
  const raw = await instance.getBindings(main.name);
  const query = async (question) => {
    const headers = { 'x-cfpy-key': loopback.key };
    const init = { method: 'POST', headers, body: JSON.stringify(question) };
    return (await instance.dispatchFetch(`http://localhost${QUERY}`, init)).json();
  };
  const fill = (env, life) => {
    for (const [name, binding] of Object.entries(raw)) {
      if (FROM_CFPY.has(name)) continue;
      const kind = session.kinds[name];
      const owner = { binding: name, life };
      const make = STAND_INS.has(kind) ? standIn : facade;
      env[name] = make(binding, kind, owner);
      if (kind === 'D1Database') env[name] = d1(env[name], query, owner);
    }
  };
  // Under the name that domain/local.py gives it.
  const localServices = () => instance.getWorker('cfpy-local');
  return { url, raw, localServices, fill, dispose: () => instance.dispose() };
}

/** Miniflare's options for one derived wrangler configuration. */
function worker(readOptions, config, code) {
  const { workerOptions } = readOptions(config);
  delete workerOptions.modulesRules; // convertV4MiniflareOptions rejects what wrangler returns here.
  const { name } = JSON.parse(fs.readFileSync(config, 'utf8'));
  const source = typeof code === 'string' ? { modules: true, script: code } : code;
  return { ...workerOptions, bindings: { ...workerOptions.bindings }, name, ...source };
}

const MODULES = { '.js': 'ESModule', '.wasm': 'CompiledWasm' };

/** A directory of plain modules, its main one first: nothing to bundle. */
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
