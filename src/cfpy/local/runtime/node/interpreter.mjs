// Pyodide itself: loads it, and gives it what workerd gives a Worker's interpreter.
import fs from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { emit } from './events.mjs';
import { importTool } from './tools.mjs';

const BYTECODE = '/session/pycache';
// Those of Node's modules that reach nothing outside of the Worker. workerd has others too, such as
// node:fs with files of its own: here they would be this machine's.
const PURE_MODULES = new Set([
  'assert', 'async_hooks', 'buffer', 'crypto', 'diagnostics_channel', 'events', 'path', 'punycode',
  'querystring', 'stream', 'stream/promises', 'string_decoder', 'timers', 'timers/promises', 'url',
  'util', 'util/types', 'zlib',
]);

/** JavaScript modules that the Workers SDK imports and workerd provides. */
export function registerRuntimeModules(python, session, env, waitUntil) {
  python.registerJsModule('_pyodide_entrypoint_helper', {
    cloudflareWorkersModule: { env, waitUntil },
    cloudflareSocketsModule: {},
    async doAnImport(name) {
      const vendored = name.startsWith('python_modules/');
      const builtin = name.replace(/^node:/, '');
      if (isBuiltin(name) && !PURE_MODULES.has(builtin)) {
        throw new Error(`No such module "${name}" with --runtime node; use --runtime workerd`);
      }
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

/** Keep .pyc files in the user's cache, never next to the project's sources. */
export function mountBytecodeCache(python, cache) {
  const directory = path.join(cache, 'pycache');
  try {
    fs.mkdirSync(directory, { recursive: true });
    fs.accessSync(directory, fs.constants.W_OK);
  } catch {
    python.runPython('import sys; sys.dont_write_bytecode = True');
    return;
  }
  python.FS.mkdirTree(BYTECODE);
  python.mountNodeFS(BYTECODE, directory);
  python.runPython(
    `import sys; sys.dont_write_bytecode = False; sys.pycache_prefix = '${BYTECODE}'`,
  );
}

/**
 * Load Pyodide.
 *
 * @param {object} session
 * @param {object} jsglobals the global scope that Python sees
 */
export async function loadInterpreter(session, jsglobals) {
  const python = await load(session, jsglobals);
  // As in workerd, Python's sockets connect; Pyodide 0.28 has none there either.
  await python.useNodeSockFS?.();
  return python;
}

/**
 * From a memory snapshot if there is one: 0.2 s instead of 1.6 s. The snapshot options are private to
 * Pyodide, so every failure falls back to a plain load.
 */
async function load(session, jsglobals) {
  const { loadPyodide, version } = await importTool(session.python, 'pyodide/pyodide.mjs');
  const options = {
    fullStdLib: false,
    // workerd has no entropy for the hashes of strings.
    env: { HOME: '/session', PYTHONHASHSEED: '111' },
    jsglobals,
    // Nobody can answer input(): it raises OSError, as in workerd.
    stdin: () => {
      throw new Error('no input');
    },
    stdout: (text) => emit('log', { level: 'log', text }),
    stderr: (text) => emit('log', { level: 'error', text }),
  };
  const name = `snapshot-${version}-node${process.versions.node}-2`;
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
