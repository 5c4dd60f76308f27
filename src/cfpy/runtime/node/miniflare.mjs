// Starts the real workerd, with the project's bindings, through Miniflare.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { facade, failing, standIn } from './bindings.mjs';
import { d1 } from './d1.mjs';
import { emit } from './events.mjs';

const SHIM = path.join(import.meta.dirname, 'shim_worker.js');
const STAND_INS = new Set(['Ai', 'VectorizeIndexImpl']);
// As in the shim.
const QUERY = '/__cfpy/query';
// The manifest of a [site] is a module in workerd, and no binding.
const HIDDEN = new Set(['CFPY_HOST', 'CFPY_HOST_KEY', '__STATIC_CONTENT_MANIFEST']);

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
 * @returns {Promise<{url: string, raw: object, secretNames: string[], localServices: () => Promise<object>,
 *   fill: (env: object, life: object) => void, dispose: () => Promise<void>}>} `raw` are Miniflare's
 *   own bindings, `fill` puts into `env` what an interpreter sees
 */
export async function startMiniflare(session, loopback) {
  const { unstable_getMiniflareWorkerOptions, unstable_getVarsForDev: readVars } = await importTool(
    session,
    'wrangler',
  );
  const envFiles = session.env_files.length ? session.env_files : undefined;
  takeSettings(readVars, session.settings);
  const readOptions = (config) => unstable_getMiniflareWorkerOptions(config, undefined, { envFiles });
  const { vars = {}, secrets } = JSON.parse(fs.readFileSync(session.worker, 'utf8'));
  const found = readVars(session.worker, envFiles, vars, undefined, true, secrets);
  const secretNames = Object.keys(found).filter((name) => found[name].type === 'secret_text');
  for (const name of secrets?.required ?? []) {
    if (!secretNames.includes(name)) emit('log', { level: 'warning', text: missing(name) });
  }
  const wrangler = createRequire(path.join(session.toolchain, 'node_modules/wrangler/package.json'));
  const miniflare = await import(pathToFileURL(wrangler.resolve('miniflare')));
  const { Miniflare, convertV4MiniflareOptions } = miniflare;

  const main = worker(readOptions, session.worker, fs.readFileSync(SHIM, 'utf8'));
  Object.assign(main.bindings, {
    CFPY_HOST: loopback.url,
    CFPY_HOST_KEY: loopback.key,
  });
  const workers = [main, ...main.externalWorkers];
  delete main.externalWorkers;
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
      // Where `wrangler dev` and this write which Workers run here, for bindings between them.
      unsafeDevRegistryPath: miniflare.resolveDevRegistryPath(process.env.WRANGLER_REGISTRY_PATH),
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
      if (HIDDEN.has(name)) continue;
      const kind = session.kinds[name];
      const owner = { binding: name, life };
      const make = STAND_INS.has(kind) ? standIn : facade;
      env[name] = make(binding, kind, owner);
      if (kind === 'D1Database') env[name] = d1(env[name], query, owner);
    }
    for (const [name, binding] of Object.entries(session.failing)) env[name] = failing(name, binding);
  };
  // Under the name that domain/local.py gives it.
  const localServices = () => instance.getWorker('cfpy-local');
  return { url, raw, secretNames, localServices, fill, dispose: () => instance.dispose() };
}

/** Miniflare's options for one derived wrangler configuration. */
function worker(readOptions, config, code) {
  const { workerOptions, externalWorkers } = readOptions(config);
  delete workerOptions.modulesRules; // convertV4MiniflareOptions rejects what wrangler returns here.
  const { name } = JSON.parse(fs.readFileSync(config, 'utf8'));
  const source = typeof code === 'string' ? { modules: true, script: code } : code;
  return { ...workerOptions, bindings: { ...workerOptions.bindings }, name, ...source, externalWorkers };
}

/** Put wrangler's own settings of `.env` files into the environment, as its command line does. */
function takeSettings(readVars, files) {
  if (!files.length) return;
  const name = 'CLOUDFLARE_INCLUDE_PROCESS_ENV';
  const own = process.env[name];
  // What is in the environment already wins, and `$NAME` in a file may refer to it.
  process.env[name] = 'true';
  const found = readVars(undefined, files, {}, undefined, true);
  if (own === undefined) delete process.env[name];
  else process.env[name] = own;
  for (const [key, { value }] of Object.entries(found)) {
    if (key !== name) process.env[key] = value;
  }
}

function missing(name) {
  return `The secret ${name}, which the configuration requires, is in no file: see .dev.vars`;
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
