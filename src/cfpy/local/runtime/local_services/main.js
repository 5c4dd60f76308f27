// The Worker `cfpy-local`: the stand-ins for Workers AI and Vectorize on this machine.
//
// A project's own Worker uses it through plain service bindings, so the same file works with
// `wrangler dev`, miniflare and wrangler's test harness.
import { DurableObject, RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';
import { run } from './ai.js';
import dots from './dots.wasm';
import { missing } from './errors.js';
import { eventStream } from './events.js';
import { readFiles, resultFor, supported, transform } from './markdown.js';
import { catalog, NO_GATEWAY, OTHER_METHODS } from './models.js';
import { VectorIndex } from './vector_index.js';

const VECTORIZE = ['insert', 'upsert', 'query', 'queryById', 'getByIds', 'deleteByIds', 'describe'];

/** The stand-in for the `ai` binding. */
export class LocalAI extends WorkerEntrypoint {
  async run(model, inputs, options) {
    const answer = await this.#run(model, inputs, options);
    return isFrames(answer) ? eventStream(answer, log) : answer;
  }

  models(params) {
    return catalog(params ?? undefined);
  }

  /** Without documents, an object with `transform` and `supported`. */
  toMarkdown(files, options) {
    const service = new ToMarkdownService(this.env);
    return files ? service.transform(files, options) : service;
  }

  /** There is no AI Gateway, so there is no log of it. */
  get aiGatewayLogId() {
    return null;
  }

  fetch(request) {
    const calls = {
      run: (...args) => this.#run(...args),
      models: (params) => this.models(params),
      transform: (files, options) => transform(this.env, files, options),
      supported: () => supported(this.env),
    };
    return callOverFetch(calls, request);
  }

  async #run(model, inputs, options) {
    if (options?.gateway) log({ note: NO_GATEWAY });
    try {
      return await run(this.env, model, inputs, options);
    } catch (error) {
      log(error);
      throw error;
    }
  }
}

/** What `toMarkdown()` gives without documents. */
class ToMarkdownService extends RpcTarget {
  #env;

  constructor(env) {
    super();
    this.#env = env;
  }

  async transform(files, options) {
    const read = await readFiles(Array.isArray(files) ? files : [files]);
    if (options?.gateway) log({ note: NO_GATEWAY });
    return resultFor(files, await transform(this.#env, read, options));
  }

  supported() {
    return supported(this.#env);
  }
}

for (const [method, task] of Object.entries(OTHER_METHODS)) {
  LocalAI.prototype[method] = () => {
    const error = missing(`AI.${method}()`, task);
    log(error);
    throw error;
  };
}

function log({ note }) {
  if (note) console.log(`Workers AI stand-in: ${note}`);
}

function isFrames(answer) {
  return typeof answer[Symbol.asyncIterator] === 'function';
}

/** The stand-in for a `vectorize` binding; `props` are the settings of the real index. */
export class LocalVectorize extends WorkerEntrypoint {
  insert(vectors) {
    return this.#call('write', vectors, { replace: false });
  }

  upsert(vectors) {
    return this.#call('write', vectors, { replace: true });
  }

  query(vector, options) {
    return this.#call('query', vector, options ?? {});
  }

  queryById(id, options) {
    return this.#call('queryById', id, options ?? {});
  }

  getByIds(ids) {
    return this.#call('getByIds', ids);
  }

  deleteByIds(ids) {
    return this.#call('deleteByIds', ids);
  }

  describe() {
    return this.#call('describe');
  }

  fetch(request) {
    const calls = VECTORIZE.map((method) => [method, (...args) => this[method](...args)]);
    return callOverFetch(Object.fromEntries(calls), request, () => this.note);
  }

  async #call(method, ...args) {
    const { index, ...settings } = this.ctx.props;
    const answer = await this.env.STORE.getByName(index).call(settings, method, args);
    this.note = answer.note;
    if (answer.note) console.warn(`Vectorize stand-in: ${answer.note}`);
    if (answer.error) throw new Error(answer.error);
    return answer.result;
  }
}

/** One index: a SQLite-backed Durable Object. */
export class VectorStore extends DurableObject {
  #index;

  /**
   * Errors are returned as values: the stack of one that is thrown through RPC would be logged
   * there.
   */
  call(settings, method, args) {
    try {
      const index = this.#open();
      index.configure(settings);
      index.settle();
      const result = index[method](...args);
      const note = method.startsWith('query') ? index.hint(args[1]) : '';
      index.settle(); // Without a delay, a mutation is visible at once.
      return { result, note };
    } catch (error) {
      return { error: error.message };
    }
  }

  /** For display: the real service only lists ids, and not to Workers. */
  page(offset, limit) {
    const index = this.#open();
    index.settle();
    return index.page(offset, limit);
  }

  #open() {
    const milliseconds = Number(this.env.VECTORIZE_DELAY) * 1000;
    this.#index ??= new VectorIndex(this.ctx.storage, dots, milliseconds);
    return this.#index;
  }
}

/**
 * RPC for callers without Workers RPC: `{m: method, a: args}` in, `{r: result, n: note}` or
 * `{e: {name, message, note}}` out, or an event stream. A stream that fails ends with a comment,
 * `: {name, message, note}`.
 */
async function callOverFetch(calls, request, noted = () => undefined) {
  const { m: method, a: args } = await request.json();
  if (!Object.hasOwn(calls, method)) {
    return Response.json({ e: { name: 'TypeError', message: `no method ${method}` } });
  }
  try {
    const result = await calls[method](...args);
    if (!isFrames(result ?? {})) return Response.json({ r: result ?? null, n: noted() });
    const failed = (error) => `: ${JSON.stringify(described(error))}\n\n`;
    return new Response(eventStream(result, failed), { headers: { 'content-type': 'text/event-stream' } });
  } catch (error) {
    return Response.json({ e: described(error) });
  }
}

const described = ({ name, message, note }) => ({ name, message, note });

/** Projects use the entrypoints above; this one is for the page of `cfpy dev`. */
export default {
  async fetch(request, env) {
    const { index, offset, limit } = await request.json();
    return Response.json(await env.STORE.getByName(index).page(offset, limit));
  },
};
