// Methods of Workers, called by other Workers: developers.cloudflare.com/workers/runtime-apis/rpc.
//
// Arguments and results go through JSON. Anything else is refused by name: it would arrive changed.
import fs from 'node:fs';

import { refuseOther } from './json_only.js';

// Handlers, which the runtime calls, and what every object has.
const HANDLERS = new Set(['fetch', 'queue', 'scheduled', 'email', 'tail', 'trace', 'test', 'alarm', 'constructor']);
// What Pyodide or a promise asks any object for.
const NO_METHODS = new Set(['then', 'length', 'size', 'next', 'return', 'dispose', 'name', 'message', 'stack', 'toJSON']);
const METHOD = /^[ \t]+(?:async[ \t]+)?def[ \t]+([a-zA-Z]\w*)/gm;

/** The names of the methods in a Python file, as JSON: other Workers may call them. */
export function rpcMethods(entry) {
  const code = fs.existsSync(entry) ? fs.readFileSync(entry, 'utf8') : '';
  const names = new Set([...code.matchAll(METHOD)].map(([, name]) => name));
  return JSON.stringify([...names].filter((name) => !HANDLERS.has(name)));
}

/**
 * A service binding whose other methods are those of the Worker that it names.
 *
 * @param {(question: object) => Promise<object>} query asks the shim
 */
export function service(binding, name, query, life) {
  const call = (method) => async (...args) => {
    if (life.over) return new Promise(() => {});
    args.forEach((arg, index) => refuseOther(arg, `argument ${index + 1} of ${name}.${method}`));
    const { r: result, e: error } = await query({ binding: name, method, args, checked: true });
    if (error) throw Object.assign(new Error(error.message), { name: error.name });
    return result;
  };
  return new Proxy(binding, {
    get(target, property) {
      const isMethod = typeof property === 'string' && !(property in target) && !NO_METHODS.has(property);
      if (isMethod) return call(property);
      const own = target[property];
      return typeof own === 'function' && property !== 'constructor' ? own.bind(target) : own;
    },
  });
}
