// JavaScript's global scope as Python sees it in the module `js`: what workerd has, as far as it can
// work here, and nothing of Node's that workerd does not have.
import { Console } from 'node:console';
import { timingSafeEqual as areSame } from 'node:crypto';
import { Writable } from 'node:stream';
import { emit } from './events.mjs';
import { Headers, noteLength, Request, Response } from './fetch_api.mjs';
import { inRequest, inRequestAsync, REFUSED } from './global_scope.mjs';
import { fetch, OutboundSocket } from './web_platform.mjs';

const IN_WORKERD = 'does not work with --runtime node; use --runtime workerd';
const EVAL = 'Code generation from strings disallowed for this context';

// Global names of workerd 1.20261117.1 that are in Node too, and need no change.
const SHARED = `
  AbortController AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array
  BigUint64Array Blob Boolean ByteLengthQueuingStrategy CloseEvent CountQueuingStrategy Crypto CryptoKey
  CustomEvent DOMException DataView DisposableStack Error EvalError Event EventTarget File
  FinalizationRegistry Float16Array Float32Array Float64Array FormData Infinity Int16Array Int32Array
  Int8Array Intl Iterator JSON Map Math MessageChannel MessageEvent MessagePort NaN Number Object Promise
  Proxy RangeError ReadableByteStreamController ReadableStream ReadableStreamBYOBReader
  ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader ReferenceError
  Reflect RegExp Set SharedArrayBuffer String SubtleCrypto SuppressedError Symbol SyntaxError TextDecoder
  TextDecoderStream TextEncoder TextEncoderStream TransformStream TransformStreamDefaultController
  TypeError URIError URL URLPattern URLSearchParams Uint16Array Uint32Array Uint8Array Uint8ClampedArray
  WeakMap WeakRef WeakSet WebAssembly WritableStream WritableStreamDefaultController
  WritableStreamDefaultWriter atob btoa decodeURI decodeURIComponent encodeURI encodeURIComponent escape
  isFinite isNaN parseFloat parseInt performance queueMicrotask structuredClone undefined unescape
`;
const CONSOLE = [
  'assert', 'clear', 'count', 'countReset', 'debug', 'dir', 'dirxml', 'error', 'group', 'groupCollapsed',
  'groupEnd', 'info', 'log', 'table', 'time', 'timeEnd', 'timeLog', 'trace', 'warn',
];
// Those that compatibility flags or a compatibility date add.
const NODE_COMPAT = ['Buffer'];
const NODE_COMPAT_SINCE = '2026-08-04';

/** A stream that takes `length` bytes, no more and no fewer. */
class FixedLengthStream extends TransformStream {
  constructor(length) {
    const expected = Number(length);
    let seen = 0;
    super({
      transform(chunk, controller) {
        seen += chunk.byteLength;
        if (seen > expected) throw new TypeError('Attempt to write too many bytes through a FixedLengthStream.');
        controller.enqueue(chunk);
      },
      flush() {
        if (seen < expected) throw new TypeError('FixedLengthStream did not see all expected bytes before close().');
      },
    });
    noteLength(this.readable, expected);
  }
}

class IdentityTransformStream extends TransformStream {}

class Navigator {
  userAgent = 'Cloudflare-Workers';
  language = 'en';
}

class Scheduler {
  constructor(scope) {
    this.wait = inRequestAsync(scope, (ms, { signal } = {}) => wait(Number(ms), signal));
  }
}

class ServiceWorkerGlobalScope {
  get [Symbol.toStringTag]() {
    return 'ServiceWorkerGlobalScope';
  }
}

/**
 * The global scope of one interpreter.
 *
 * @param {{open: boolean}} scope
 * @param {object} caches
 * @param {{date: string, flags: string[]}} compatibility of the Worker's configuration
 */
export function makeGlobal(scope, caches, { date, flags }) {
  const guest = new ServiceWorkerGlobalScope();
  const log = makeConsole();
  for (const name of SHARED.trim().split(/\s+/)) {
    if (name in globalThis) define(guest, name, globalThis[name]);
  }
  const added = {
    ...scheduled(scope),
    AbortSignal: withStatic(AbortSignal, { timeout: inRequest(scope, (ms) => AbortSignal.timeout(ms)) }),
    CompressionStream: constructed(scope, CompressionStream),
    Date: clock(scope),
    DecompressionStream: constructed(scope, DecompressionStream),
    EventSource: failing('EventSource'),
    FixedLengthStream: constructed(scope, FixedLengthStream),
    Function: new Proxy(Function, { apply: refuseCode, construct: refuseCode }),
    HTMLRewriter: failing('HTMLRewriter'),
    Headers,
    IdentityTransformStream: constructed(scope, IdentityTransformStream),
    Navigator,
    Request: constructed(scope, Request, (_input, init) => hasBody(init?.body)),
    Response: withStatic(constructed(scope, Response, hasBody), {
      json: inRequest(scope, Response.json),
      redirect: inRequest(scope, Response.redirect),
    }),
    ServiceWorkerGlobalScope,
    WebSocket: constructed(scope, OutboundSocket),
    WebSocketPair: failing('WebSocketPair'),
    caches,
    console: log,
    crypto: webCrypto(scope),
    eval: refuseCode,
    fetch: inRequestAsync(scope, fetch),
    globalThis: guest,
    navigator: new Navigator(),
    reportError: (error) => log.error(error),
    scheduler: new Scheduler(scope),
    self: guest,
  };
  for (const [name, value] of Object.entries(added)) define(guest, name, value);
  const hasNode = flags.some((flag) => flag.startsWith('nodejs_compat')) || date >= NODE_COMPAT_SINCE;
  if (hasNode && !flags.includes('no_nodejs_compat')) {
    for (const name of NODE_COMPAT) define(guest, name, globalThis[name]);
    define(guest, 'global', guest);
  }
  return guest;
}

function define(guest, name, value) {
  Object.defineProperty(guest, name, { value, writable: true, configurable: true });
}

function scheduled(scope) {
  const names = ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'];
  return Object.fromEntries(
    names.map((name) => [name, inRequest(scope, (...args) => globalThis[name](...args))]),
  );
}

/** A class whose constructor fails in the global scope, if `matters` is true of its arguments. */
function constructed(scope, Class, matters = () => true) {
  return new Proxy(Class, {
    construct(target, args, newTarget) {
      if (!scope.open && matters(...args)) throw new Error(REFUSED);
      return Reflect.construct(target, args, newTarget);
    },
  });
}

function withStatic(Class, functions) {
  return new Proxy(Class, {
    get: (target, name, receiver) => functions[name] ?? Reflect.get(target, name, receiver),
  });
}

/** Date, which is 1970 in the global scope. */
function clock(scope) {
  return new Proxy(Date, {
    construct(target, args, newTarget) {
      const given = scope.open || args.length ? args : [Date.now()];
      return Reflect.construct(target, given, newTarget);
    },
  });
}

function webCrypto(scope) {
  const { subtle } = crypto;
  const guardedSubtle = facade(subtle, {
    generateKey: inRequestAsync(scope, (...args) => subtle.generateKey(...args)),
    timingSafeEqual,
  });
  return facade(crypto, {
    subtle: guardedSubtle,
    getRandomValues: inRequest(scope, (array) => crypto.getRandomValues(array)),
    randomUUID: inRequest(scope, () => crypto.randomUUID()),
  });
}

/** An object with other members, whose own functions still get the object itself. */
function facade(object, members) {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(members, name)) return members[name];
      const value = Reflect.get(target, name);
      return typeof value === 'function' && name !== 'constructor' ? value.bind(target) : value;
    },
    has: (target, name) => Object.hasOwn(members, name) || Reflect.has(target, name),
  });
}

function timingSafeEqual(left, right) {
  if (left.byteLength !== right.byteLength) throw new TypeError('Input buffers must have the same byte length.');
  return areSame(left, right);
}

function wait(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

function hasBody(body) {
  return body !== undefined && body !== null;
}

function refuseCode() {
  throw new EvalError(EVAL);
}

/** A class or object of workerd that can't work here: its use fails with the reason. */
function failing(name) {
  const fail = () => {
    throw new Error(`${name} ${IN_WORKERD}`);
  };
  return new Proxy(function () {}, { construct: fail, apply: fail });
}

/** The console, whose lines are this run's log. */
function makeConsole() {
  const [out, warnings, errors] = ['log', 'warning', 'error'].map((level) => {
    const stream = sink(level);
    return new Console({ stdout: stream, stderr: stream });
  });
  const others = { warn: warnings, error: errors, trace: errors, assert: errors };
  const methods = CONSOLE.map((name) => {
    const target = others[name] ?? out;
    return [name, (...args) => target[name](...args.map(readable))];
  });
  return Object.fromEntries(methods);
}

function sink(level) {
  return new Writable({
    write(chunk, _encoding, done) {
      emit('log', { level, text: String(chunk).replace(/\n$/, '') });
      done();
    },
  });
}

/** A Python object as Python shows it. */
function readable(value) {
  const isPython = value?.[Symbol.toStringTag] === 'PyProxy';
  return isPython ? String(value) : value;
}
