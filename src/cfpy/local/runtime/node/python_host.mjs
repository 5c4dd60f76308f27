// Real Pyodide, running the Worker's real entry module.
import fs from 'node:fs';
import path from 'node:path';
import { makeCaches } from './caches.mjs';
import { emit, QueueController, ScheduledController } from './events.mjs';
import { makeScope, withoutClock } from './global_scope.mjs';
import { loadInterpreter, mountBytecodeCache, registerRuntimeModules } from './interpreter.mjs';
import { refuseOther } from './json_only.js';
import { count } from './meter.mjs';
import { mountReadOnly } from './read_only.mjs';
import { closeSockets } from './web_platform.mjs';
import { makeGlobal } from './worker_global.mjs';

const [GLOBAL_SCOPE, BOOTSTRAP] = ['global_scope.py', 'bootstrap.py'].map((name) =>
  fs.readFileSync(path.join(import.meta.dirname, name), 'utf8'),
);
const SOURCES = '/session/metadata'; // where workerd also mounts them
const MODULES = '/session/python_modules';
const STAND_INS = '/session/stand-ins'; // modules that npm's Pyodide does not have
const NO_CLASS = 'the main module has no class Default(WorkerEntrypoint)';

/**
 * Start a fresh interpreter and import the entry module.
 *
 * @param {object} session
 * @param {Promise<{fill: (env: object, life: object) => void}>} bindings
 */
export async function startPython(session, bindings) {
  refuseAbsent(session);
  // `from workers import env` at the top of a module gets this object before it is filled.
  const env = {};
  closeSockets();
  const life = { over: false };
  const scope = makeScope();
  const caches = makeCaches(scope, async (...question) => (await bindings).ask(...question));
  const python = await loadInterpreter(session, makeGlobal(scope, caches, compatibilityOf(session)));
  const background = new Set();
  const waitUntil = (promise) => keep(background, promise);
  registerRuntimeModules(python, session, env, waitUntil);
  python.registerJsModule('_cfpy_scope', scope);
  python.loadPackage = () => {
    throw new Error('pyodide.loadPackage is disabled');
  };
  mountReadOnly(python, SOURCES, path.dirname(session.entry));
  mountReadOnly(python, MODULES, session.python_modules);
  mountReadOnly(python, STAND_INS, path.join(import.meta.dirname, 'python'));
  mountBytecodeCache(python, session.cache);
  python.runPython(GLOBAL_SCOPE);
  python.runPython(BOOTSTRAP);
  // The entry's imports from python_modules need no bindings: workerd starts in the meantime.
  const entry = path.basename(session.entry);
  withoutClock(scope, () => python.globals.get('import_vendored')(`${SOURCES}/${entry}`));
  (await bindings).fill(env, life);
  const load = python.globals.get('import_entry');
  const module = withoutClock(scope, () => load(entry.replace(/\.py$/, '')));
  python.globals.get('open_global_scope')();
  return new PythonHost(python, module, env, waitUntil, background, life);
}

/** Python would name its own file for it. */
function refuseAbsent({ project, entry }) {
  const found = fs.statSync(entry, { throwIfNoEntry: false });
  const name = path.relative(project, entry);
  if (!found?.isFile()) throw new Error(`the main module ${name} ${found ? 'is not a file' : 'does not exist'}`);
}

function compatibilityOf({ worker }) {
  const { compatibility_date: date = '', compatibility_flags: flags = [] } = JSON.parse(fs.readFileSync(worker, 'utf8'));
  return { date, flags };
}

/** Where the files of the project are in the interpreter: pairs of both paths. */
export function placesOf({ project, entry }) {
  const sources = path.relative(project, path.dirname(entry));
  return [
    [`${SOURCES}/`, sources && `${sources}/`],
    // The folders themselves.
    [SOURCES, sources || '.'],
    [MODULES, 'python_modules'],
    [STAND_INS, '<cfpy>'],
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

  async fetch(request) {
    // workerd passes `env` and `ctx` too, and both are None in Python.
    const answer = await this.#invoke('fetch', request, undefined, undefined).catch((error) => {
      // Raised by bootstrap.py: the last line has all that matters.
      if (error.type === 'NotAResponse') throw new TypeError(error.message.trim().split('NotAResponse: ').at(-1));
      throw error;
    });
    if (answer instanceof Response) return answer;
    throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
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

  /** Whether it has ended, and the crash was reported. */
  get isOver() {
    return this.#life.over;
  }

  /** Resolves when no `waitUntil` work is left. */
  async settled() {
    await Promise.allSettled(this.#background);
  }

  async #attempt(handler, event) {
    try {
      await this.#invoke(handler, event, undefined, undefined);
      return undefined;
    } catch (error) {
      return String(error.message ?? error);
    }
  }

  /** A new instance for each event, as in workerd. */
  async #invoke(handler, ...args) {
    count('Worker', handler, args);
    if (!this.#module.Default) throw new Error(`Handler does not export a ${handler}() function: ${NO_CLASS}`);
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
