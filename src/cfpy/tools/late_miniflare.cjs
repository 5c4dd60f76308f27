// Node loads this before the pinned wrangler (`--require`). A third of a run of wrangler was spent on
// loading miniflare, which only `wrangler dev` and the like use: it is loaded when it is first asked
// for. Of miniflare, wrangler 4.164 needs two classes at its own start, which stand here for it.
'use strict';

const Module = require('node:module');

const load = Module._load;
let miniflare;

// Keeps the lines of wrangler's log file in order.
class Mutex {
  #last = Promise.resolve();

  runWith(closure) {
    const result = this.#last.then(closure);
    this.#last = result.catch(() => {});
    return result;
  }

  async drained() {
    for (let last; last !== this.#last; ) await (last = this.#last);
  }
}

// A base class, whose own base is miniflare's once there is an object of it.
function Log(...options) {
  Object.setPrototypeOf(Log, miniflare().Log);
  Object.setPrototypeOf(Log.prototype, miniflare().Log.prototype);
  return Reflect.construct(miniflare().Log, options, new.target);
}

const AT_START = { Log, Mutex };

Module._load = function (request, parent, isMain) {
  if (request !== 'miniflare' || !parent?.filename.endsWith('cli.js')) {
    return load(request, parent, isMain);
  }
  let loaded;
  miniflare = () => (loaded ??= load(request, parent, isMain));
  return new Proxy({}, { get: (_, name) => (loaded ? undefined : AT_START[name]) ?? miniflare()[name] });
};
