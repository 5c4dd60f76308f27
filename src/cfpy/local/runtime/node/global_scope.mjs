// A Worker's global scope, in which no request is served: what workerd refuses there, with its words
// (workerd 1.20261117.1, asked with a JavaScript Worker).
import { createRequire } from 'node:module';

export const REFUSED =
  'Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), ' +
  'setting a timeout, and generating random values are not allowed within global scope. To fix ' +
  'this error, perform this operation within a handler. ' +
  'https://developers.cloudflare.com/workers/runtime-apis/handlers/';

// The object that Emscripten asks for entropy: a CommonJS module's properties can be replaced.
const nodeCrypto = createRequire(import.meta.url)('node:crypto');

/**
 * The scope of one interpreter. `allowed` is how often C code may ask for entropy before a request:
 * global_scope.py sets it.
 */
export const makeScope = () => ({ open: false, allowed: 0 });

/** The function, which fails in the global scope. */
export function inRequest(scope, call) {
  return function (...args) {
    if (!scope.open) throw new Error(REFUSED);
    return call.apply(this, args);
  };
}

/** The asynchronous function, which rejects in the global scope. */
export function inRequestAsync(scope, call) {
  return async function (...args) {
    if (!scope.open) throw new Error(REFUSED);
    return call.apply(this, args);
  };
}

/**
 * Import Python modules without a clock and without entropy. `load` runs synchronously, so nothing
 * else in this process notices.
 */
export function withoutClock(scope, load) {
  const { now } = Date;
  const { randomFillSync } = nodeCrypto;
  let ticks = 0;
  // Always later than before: code that waits for the clock does not hang.
  Date.now = () => (ticks += 1);
  performance.now = () => (ticks += 1);
  nodeCrypto.randomFillSync = (view) => {
    if (scope.allowed <= 0) throw new Error(REFUSED);
    scope.allowed -= 1;
    return view.fill(43); // as in workerd
  };
  try {
    return load();
  } finally {
    Date.now = now;
    delete performance.now; // its own is that of the prototype
    nodeCrypto.randomFillSync = randomFillSync;
  }
}
