// Starts the real workerd, with the project's bindings, through Miniflare.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { facade, failing, standIn } from './bindings.mjs';
import { d1 } from './d1.mjs';
import { emit } from './events.mjs';
import { workerLoader } from './loader.mjs';
import { rpcMethods, service } from './rpc.mjs';

const SHIM = path.join(import.meta.dirname, 'shim_worker.js');
// What the shim shares with the process around Python.
const SHARED = path.join(import.meta.dirname, 'json_only.js');
const STAND_INS = new Set(['Ai', 'VectorizeIndexImpl']);
// Settings of wrangler: whether secrets also come from the environment, and whether `.env` is read.
const INCLUDE = 'CLOUDFLARE_INCLUDE_PROCESS_ENV';
const LOAD = 'CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV';
// The same as in the shim.
const QUERY = '/__cfpy/query';
// The manifest of a [site] is a module in workerd, not a binding.
const HIDDEN = new Set(['CFPY_HOST', 'CFPY_HOST_KEY', '__STATIC_CONTENT_MANIFEST']);

/** Import an npm package from a directory of cfpy's toolchain, independent of where this file is. */
export async function importTool(directory, name) {
  const require = createRequire(path.join(directory, 'package.json'));
  return import(pathToFileURL(require.resolve(name)));
}

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
  const { unstable_getMiniflareWorkerOptions: readOptions, unstable_getVarsForDev: readVars } =
    await importTool(session.toolchain, 'wrangler');
  takeSettings(readVars, session.settings);
  // wrangler's switch is about files that it finds, not about those that the command line names.
  if (session.given) process.env[LOAD] = 'true';
  const vars = varsOf(readVars, session);
  const secretNames = Object.keys(vars).filter((name) => vars[name].type === 'secret_text');
  const wrangler = createRequire(path.join(session.toolchain, 'node_modules/wrangler/package.json'));
  const miniflare = await import(pathToFileURL(wrangler.resolve('miniflare')));
  const { Miniflare, convertV4MiniflareOptions } = miniflare;

  const shared = fs.readFileSync(SHARED, 'utf8').replace('export function', 'function');
  const workers = workersOf(readOptions, session.worker, shared + fs.readFileSync(SHIM, 'utf8'));
  const [main] = workers;
  main.script = main.script.replace('const METHODS = [];', `const METHODS = ${rpcMethods(session.entry)};`);
  const values = Object.entries(vars).map(([name, { value }]) => [name, value]);
  main.bindings = {
    ...Object.fromEntries(values),
    CFPY_HOST: loopback.url,
    CFPY_HOST_KEY: loopback.key,
  };
  if (session.local_services) {
    const { main: script } = JSON.parse(fs.readFileSync(session.local_services, 'utf8'));
    workers.push(...workersOf(readOptions, session.local_services, moduleTree(script)));
  }
  const instance = new Miniflare(
    convertV4MiniflareOptions({
      host: session.host,
      port: session.port,
      resourcePersistencePath: session.state,
      cf: false, // The default would request one from a Cloudflare host.
      // Where `wrangler dev` and cfpy register the Workers on this machine, for bindings between
      // them.
      unsafeDevRegistryPath: registryPath(),
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
  // Under the name from local/configuration.py.
  const localServices = () => instance.getWorker('cfpy-local');
  return { url, raw, ask, secretNames, localServices, fill, dispose: () => instance.dispose() };
}

/**
 * Miniflare's options for the Worker of a derived wrangler configuration, and for the Workers that
 * it needs.
 */
function workersOf(readOptions, config, code) {
  // Its top level, whatever the value of CLOUDFLARE_ENV: it was derived for one environment.
  const { workerOptions, externalWorkers } = readOptions(config, '');
  delete workerOptions.modulesRules; // convertV4MiniflareOptions rejects what wrangler returns here.
  const { name } = JSON.parse(fs.readFileSync(config, 'utf8'));
  const source = typeof code === 'string' ? { modules: true, script: code } : code;
  return [{ ...workerOptions, name, ...source }, ...externalWorkers];
}

/** Where `wrangler dev` registers the Workers of this machine (its own getGlobalConfigPath()). */
function registryPath() {
  if (process.env.WRANGLER_REGISTRY_PATH) return process.env.WRANGLER_REGISTRY_PATH;
  const old = path.join(os.homedir(), '.wrangler');
  if (fs.statSync(old, { throwIfNoEntry: false })?.isDirectory()) return path.join(old, 'registry');
  const folder = process.platform === 'darwin' ? 'Library/Preferences' : '.config';
  const config = process.env.XDG_CONFIG_HOME || path.join(os.homedir(), folder);
  return path.join(config, '.wrangler', 'registry');
}

/**
 * Variables and secrets as `wrangler dev` binds them: `{type, value}` by name. A binding of another
 * kind overrides a secret of the same name.
 */
function varsOf(readVars, { worker, dev_vars: file, env_files: files, kinds, failing }) {
  const { vars = {}, secrets } = JSON.parse(fs.readFileSync(worker, 'utf8'));
  // A `.dev.vars` of the project; wrangler uses `.dev.vars.NAME` for an environment.
  const environment = file && path.basename(file).slice('.dev.vars.'.length);
  const found = file
    ? readVars(file, undefined, vars, environment || undefined, true, secrets)
    : readVars(worker, files.length ? files : undefined, vars, undefined, true, secrets);
  for (const name of secrets?.required ?? []) {
    if (!found[name]) emit('log', { level: 'warning', text: missing(name) });
  }
  const others = { ...kinds, ...failing };
  return Object.fromEntries(Object.entries(found).filter(([name]) => !Object.hasOwn(others, name)));
}

/**
 * Put wrangler's own settings from `.env` files into the environment, like its command line.
 * Existing variables win, and `$NAME` in a file may refer to them.
 */
function takeSettings(readVars, files) {
  if (!files.length) return;
  const read = () => readVars(undefined, files, {}, undefined, true);
  const own = { [INCLUDE]: process.env[INCLUDE], [LOAD]: process.env[LOAD] };
  Object.assign(process.env, { [INCLUDE]: 'false', [LOAD]: 'true' });
  const written = read();
  process.env[INCLUDE] = 'true';
  const expanded = read();
  for (const [name, { value }] of Object.entries(expanded)) process.env[name] = value;
  for (const [name, before] of Object.entries(own)) {
    const value = before || written[name]?.value;
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

function missing(name) {
  return `The secret ${name}, which the configuration requires, is not set: add it to .dev.vars`;
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
