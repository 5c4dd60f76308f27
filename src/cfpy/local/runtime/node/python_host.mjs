// Real Pyodide, running the Worker's real entry module.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { emit, QueueController, ScheduledController } from './events.mjs';
import { refuseOther } from './json_only.js';
import { count } from './meter.mjs';
import { importTool } from './tools.mjs';
import { closeSockets, provideWebPlatform } from './web_platform.mjs';

const BOOTSTRAP = fs.readFileSync(path.join(import.meta.dirname, 'bootstrap.py'), 'utf8');
const SOURCES = '/session/metadata'; // where workerd also mounts them
const MODULES = '/session/python_modules';
const BYTECODE = '/session/pycache';
const STAND_INS = '/session/stand-ins'; // modules that npm's Pyodide does not have

provideWebPlatform();
// workerd has it; a Worker that streams a known number of bytes uses it.
globalThis.FixedLengthStream ??= class FixedLengthStream extends TransformStream {
  constructor(length) {
    super();
    this.expectedLength = length;
  }
};

/**
 * Start a fresh interpreter and import the entry module.
 *
 * @param {object} session
 * @param {Promise<{fill: (env: object, life: object) => void}>} bindings
 */
export async function startPython(session, bindings) {
  // `from workers import env` at the top of a module gets this object before it is filled.
  const env = {};
  closeSockets();
  const life = { over: false };
  const python = await loadInterpreter(session);
  const background = new Set();
  const waitUntil = (promise) => keep(background, promise);
  registerRuntimeModules(python, session, env, waitUntil);
  mount(python, SOURCES, path.dirname(session.entry));
  mount(python, MODULES, session.python_modules);
  mount(python, STAND_INS, path.join(import.meta.dirname, 'python'));
  mountBytecodeCache(python, session.cache);
  await python.runPythonAsync(BOOTSTRAP);
  // The entry's imports from python_modules need no bindings: workerd starts in the meantime.
  const entry = path.basename(session.entry);
  python.globals.get('import_vendored')(`${SOURCES}/${entry}`);
  (await bindings).fill(env, life);
  const module = python.pyimport('importlib').import_module(entry.replace(/\.py$/, ''));
  return new PythonHost(python, module, env, waitUntil, background, life);
}

/** Where the files of the project are in the interpreter: pairs of both paths. */
export function placesOf({ project, entry }) {
  const sources = path.relative(project, path.dirname(entry));
  return [
    [`${SOURCES}/`, sources && `${sources}/`],
    [`${MODULES}/`, 'python_modules/'],
  ];
}

/** Answers everything with `text` until the next reload, because the code can't be imported. */
export function brokenHost(text) {
  return {
    broken: true,
    drop() {},
    settled: async () => {},
    fetch: async () => new Response(`${text}\n`, { status: 500 }),
    queue: async () => ({ operations: [], error: text }),
    scheduled: async () => ({ skipsRetry: false, error: text }),
    rpc: async () => ({ error: text }),
  };
}

class PythonHost {
  #module;
  #env;
  #waitUntil;
  #background;
  #call;
  #life;

  constructor(python, module, env, waitUntil, background, life) {
    this.#life = life;
    this.#module = module;
    this.#env = env;
    this.#waitUntil = waitUntil;
    this.#background = background;
    this.#call = python.globals.get('call');
  }

  fetch(request) {
    return this.#invoke('fetch', request);
  }

  async queue(event) {
    const controller = new QueueController(event);
    const error = await this.#attempt('queue', controller);
    return { operations: controller.recorded(), error };
  }

  async scheduled(event) {
    const controller = new ScheduledController(event);
    const error = await this.#attempt('scheduled', controller);
    return { skipsRetry: controller.skipsRetry(), error };
  }

  /** Call a method for another Worker; its result has to be JSON. */
  async rpc({ method, args }) {
    try {
      const result = await this.#invoke(method, ...args);
      refuseOther(result, `the result of ${method}`);
      return { result: result ?? null };
    } catch (error) {
      return { error: String(error.message ?? error) };
    }
  }

  /** End it like a crash: code that still runs in it can't use bindings any more. */
  drop() {
    this.#life.over = true;
  }

  /** Resolves when no `waitUntil` work is left. */
  async settled() {
    await Promise.allSettled(this.#background);
  }

  async #attempt(handler, event) {
    try {
      // workerd passes `env` and `ctx` too, and both are None in Python.
      await this.#invoke(handler, event, undefined, undefined);
      return undefined;
    } catch (error) {
      return String(error.message ?? error);
    }
  }

  /** A new instance for each event, as in workerd. */
  async #invoke(handler, ...args) {
    count('Worker', handler, args);
    const instance = this.#module.Default(new ExecutionContext(this.#waitUntil), this.#env);
    try {
      // callPromising lets Python use run_sync() (JSPI).
      return await this.#call.callPromising(instance, handler, ...args);
    } finally {
      instance.destroy();
    }
  }
}

class ExecutionContext {
  props = {};
  exports = {};

  constructor(waitUntil) {
    this.waitUntil = waitUntil;
  }

  passThroughOnException() {}

  get [Symbol.toStringTag]() {
    return 'ExecutionContext';
  }
}

/** Keep a promise of Python alive until it settles; its own reference ends with the call. */
function keep(background, promise) {
  const own = promise?.copy ? promise.copy() : promise;
  const task = (async () => {
    try {
      await own;
    } catch (error) {
      emit('log', { level: 'error', text: `waitUntil: ${error.message ?? error}` });
    } finally {
      own?.destroy?.();
      background.delete(task);
    }
  })();
  background.add(task);
}

/** JavaScript modules that the Workers SDK imports and workerd provides. */
function registerRuntimeModules(python, session, env, waitUntil) {
  python.registerJsModule('_pyodide_entrypoint_helper', {
    cloudflareWorkersModule: { env, waitUntil },
    cloudflareSocketsModule: {},
    async doAnImport(name) {
      const vendored = name.startsWith('python_modules/');
      const file = path.join(session.python_modules, name.slice('python_modules/'.length));
      return import(vendored ? pathToFileURL(file).href : name);
    },
    patchWaitUntil() {},
    *patch_env_helper(values) {
      const saved = Object.fromEntries(Object.keys(values).map((key) => [key, env[key]]));
      Object.assign(env, values);
      try {
        yield;
      } finally {
        Object.assign(env, saved);
      }
    },
  });
  python.registerJsModule('_cloudflare_compat_flags', {
    python_workflows_implicit_dependencies: true,
    python_request_headers_preserve_commas: true,
  });
}

function mount(python, where, directory) {
  python.FS.mkdirTree(where);
  python.mountNodeFS(where, directory);
}

/** Keep .pyc files in the user's cache, never next to the project's sources. */
function mountBytecodeCache(python, cache) {
  const directory = path.join(cache, 'pycache');
  try {
    fs.mkdirSync(directory, { recursive: true });
    fs.accessSync(directory, fs.constants.W_OK);
  } catch {
    python.runPython('import sys; sys.dont_write_bytecode = True');
    return;
  }
  mount(python, BYTECODE, directory);
  python.runPython(
    `import sys; sys.dont_write_bytecode = False; sys.pycache_prefix = '${BYTECODE}'`,
  );
}

/**
 * Load Pyodide, from a memory snapshot if there is one: 0.2 s instead of 1.6 s.
 *
 * The snapshot options are private to Pyodide, so every failure falls back to a plain load.
 */
async function loadInterpreter(session) {
  const { loadPyodide, version } = await importTool(session.python, 'pyodide/pyodide.mjs');
  const options = {
    fullStdLib: false,
    env: { HOME: '/session' },
    stdout: (text) => emit('log', { level: 'log', text }),
    stderr: (text) => emit('log', { level: 'error', text }),
  };
  const name = `snapshot-${version}-node${process.versions.node}`;
  const file = path.join(session.cache, name);
  try {
    const snapshot = fs.readFileSync(file);
    return await loadPyodide({ ...options, _loadSnapshot: snapshot });
  } catch (error) {
    if (error.code !== 'ENOENT') fs.rmSync(file, { force: true });
  }
  try {
    const template = await loadPyodide({ ...options, _makeSnapshot: true });
    const snapshot = template.makeMemorySnapshot();
    fs.mkdirSync(session.cache, { recursive: true });
    fs.writeFileSync(`${file}.${process.pid}`, snapshot);
    fs.renameSync(`${file}.${process.pid}`, file);
    return await loadPyodide({ ...options, _loadSnapshot: snapshot });
  } catch {
    return loadPyodide(options);
  }
}
