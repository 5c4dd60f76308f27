// The replacement for each binding in Python's `env`.
//
// Miniflare's own proxies do not work here: the Workers SDK picks its Python wrapper by the class
// name of a binding, and every unknown property that Pyodide looks up on a proxy costs a
// synchronous round trip. So each proxy is wrapped in an object with the right class name and only
// its real members.

import { missing } from '../local_services/errors.js';
import { readFiles, resultFor } from '../local_services/markdown.js';
import { NO_GATEWAY, OTHER_METHODS } from '../local_services/models.js';
import { emit } from './events.mjs';
import { headerBytes, noteLength, Request, Response } from './fetch_api.mjs';
import { count } from './meter.mjs';
import { noteCall, noteStream } from './observed.mjs';

const R2_METADATA = [
  'key', 'version', 'size', 'etag', 'httpEtag', 'uploaded', 'httpMetadata', 'customMetadata',
  'range', 'checksums', 'storageClass',
];

// Members by class name: methods, properties, and the class of what a method returns.
const CLASSES = {
  KvNamespace: { methods: ['get', 'getWithMetadata', 'put', 'list', 'delete'] },
  WorkerQueue: { methods: ['send', 'sendBatch', 'metrics'] },
  AnalyticsEngineDataset: { methods: ['writeDataPoint'] },
  Ratelimit: { methods: ['limit'] },
  Fetcher: { methods: ['fetch'] },
  // Its prepare() and batch() are those of d1.mjs.
  D1Database: {
    methods: ['exec', 'dump', 'withSession'],
    returns: { withSession: 'D1DatabaseSession' },
  },
  D1DatabaseSession: {
    methods: ['prepare', 'batch', 'getBookmark'],
    returns: { prepare: 'D1PreparedStatement' },
  },
  D1PreparedStatement: {
    methods: ['bind', 'first', 'run', 'all', 'raw'],
    returns: { bind: 'D1PreparedStatement' },
  },
  R2Bucket: {
    methods: ['head', 'get', 'put', 'delete', 'list', 'createMultipartUpload', 'resumeMultipartUpload'],
    returns: {
      head: 'HeadResult',
      get: 'GetResult',
      put: 'HeadResult',
      createMultipartUpload: 'R2MultipartUpload',
      resumeMultipartUpload: 'R2MultipartUpload',
    },
  },
  HeadResult: { methods: ['writeHttpMetadata'], properties: R2_METADATA },
  GetResult: {
    methods: ['writeHttpMetadata', 'arrayBuffer', 'bytes', 'text', 'json', 'blob'],
    properties: [...R2_METADATA, 'body', 'bodyUsed'],
  },
  ImagesBindingImpl: {
    methods: ['info', 'input'],
    returns: { input: 'ImageTransformer' },
  },
  ImageTransformer: {
    methods: ['transform', 'draw', 'output'],
    returns: { transform: 'ImageTransformer', draw: 'ImageTransformer', output: 'TransformedImage' },
  },
  TransformedImage: { methods: ['image', 'contentType', 'response'] },
  SendEmail: { methods: ['send'] },
  Pipeline: { methods: ['send'] },
  SecretsStoreSecret: { methods: ['get'] },
  R2MultipartUpload: {
    methods: ['uploadPart', 'abort', 'complete'],
    properties: ['key', 'uploadId'],
    returns: { complete: 'HeadResult' },
  },
};

const STAND_IN_METHODS = {
  Ai: ['run', 'models', 'transform', 'supported'],
  VectorizeIndexImpl: ['insert', 'upsert', 'query', 'queryById', 'getByIds', 'deleteByIds', 'describe'],
};

// Methods that are not the binding's own, but those of what its toMarkdown() gives.
const OF_MARKDOWN = ['transform', 'supported'];

const targets = new WeakMap();
const owners = new WeakMap();
const made = new Map();

/**
 * Wraps `target` in an object of the class `kind`; values that are not bindings are returned as
 * they are.
 *
 * @param {{binding: string, life: {over: boolean}}} owner the binding's name, and the life of its
 *   interpreter: when that is over, calls from code that still runs have no effect and never return
 */
export function facade(target, kind, owner) {
  if (target === null || typeof target !== 'object' || !CLASSES[kind]) return target;
  if (!made.has(kind)) made.set(kind, makeClass(kind));
  const object = new (made.get(kind))();
  targets.set(object, target);
  owners.set(object, owner);
  return object;
}

/**
 * Workers AI or Vectorize, served by a Worker next to the project's. It uses fetch instead of RPC, which
 * would block this thread in Miniflare's Node proxy and return proxies.
 */
export function standIn(fetcher, kind, { binding, life }) {
  const Class = namedClass(kind);
  const calls = {};
  for (const method of STAND_IN_METHODS[kind]) {
    calls[method] = async (...args) => {
      if (life.over) return new Promise(() => {});
      const call = { binding, kind, method, args, since: performance.now() };
      const failed = (error) => {
        noteCall({ ...call, error: error.message });
        tell(error.note, 'error');
        return error;
      };
      if (args[method === 'run' ? 2 : 1]?.gateway) tell(NO_GATEWAY, 'warning');
      try {
        const result = await callStandIn(fetcher, method, args);
        count(kind, method, args, result);
        if (result instanceof ReadableStream) return noteStream(call, failingLast(result, failed));
        noteCall({ ...call, result });
        return result;
      } catch (error) {
        throw failed(error);
      }
    };
  }
  for (const method of STAND_IN_METHODS[kind]) {
    if (!OF_MARKDOWN.includes(method)) Class.prototype[method] = calls[method];
  }
  if (kind === 'Ai') {
    refuseOthers(Class.prototype);
    Class.prototype.toMarkdown = toMarkdown(calls);
  }
  return new Class();
}

/** The method of Workers AI: without documents, it gives an object with `transform` and `supported`. */
function toMarkdown({ transform, supported }) {
  const service = new (namedClass('ToMarkdownService'))();
  const convert = async (files, options) => {
    const read = await readFiles(Array.isArray(files) ? files : [files]);
    return resultFor(files, await transform(read, options));
  };
  const methods = { transform: convert, supported: () => supported() };
  Object.assign(Object.getPrototypeOf(service), methods);
  return (files, options) => (files ? convert(files, options) : service);
}

/** The stand-in's own log output does not leave its workerd. */
function tell(note, level) {
  if (note) emit('log', { level, text: `Workers AI stand-in: ${note}` });
}

/** The methods of Workers AI without a stand-in. They fail at once: most give an object, not a promise. */
function refuseOthers(prototype) {
  prototype.aiGatewayLogId = null;
  for (const [method, task] of Object.entries(OTHER_METHODS)) {
    prototype[method] = () => {
      const error = missing(`AI.${method}()`, task);
      tell(error.note, 'error');
      throw error;
    };
  }
}

/** The same event stream. A comment at its end says why it failed: then this one fails. */
function failingLast(stream, failed) {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  return stream.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        const events = (rest + decoder.decode(chunk, { stream: true })).split(/(?<=\n\n)/);
        rest = events.at(-1).endsWith('\n\n') ? '' : events.pop();
        for (const event of events) {
          if (event.startsWith(': ')) throw failed(asError(JSON.parse(event.slice(2))));
          controller.enqueue(encoder.encode(event));
        }
      },
    }),
  );
}

function asError({ name, message, note }) {
  return Object.assign(new Error(message), { name, note });
}

/** Call a method of a stand-in. */
export async function callStandIn(fetcher, method, args) {
  const body = JSON.stringify({ m: method, a: args }, plainArrays);
  const response = await fetcher.fetch('http://cfpy-local/', { method: 'POST', body });
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response.body;
  const { r: result, e: error, n: note } = await response.json();
  if (note) emit('log', { level: 'warning', text: `Vectorize stand-in: ${note}` });
  if (error === undefined) return result;
  throw asError(error);
}

/** The replacement for a binding that does not work here: every use fails with the reason. */
export function failing(name, { kind, why, methods, properties }) {
  const Class = namedClass(kind);
  const fail = () => {
    throw new Error(`the binding ${name} does not work here: ${why}`);
  };
  for (const method of methods) Class.prototype[method] = fail;
  for (const property of properties) Object.defineProperty(Class.prototype, property, { get: fail });
  return new Class();
}

function makeClass(kind) {
  const { methods, properties = [], returns = {} } = CLASSES[kind];
  const Class = namedClass(kind);
  for (const method of methods) {
    Class.prototype[method] = function (...args) {
      const target = targets.get(this);
      const owner = owners.get(this);
      if (owner.life.over) return new Promise(() => {});
      const result = target[method](...args.map(unwrap));
      const wrap = (value) => {
        count(kind, method, args, value);
        noteCall({ binding: owner.binding, kind, method, args });
        return facade(value, returns[method], owner);
      };
      return result instanceof Promise ? result.then(wrap) : wrap(result);
    };
  }
  for (const property of properties) {
    Object.defineProperty(Class.prototype, property, {
      configurable: true,
      enumerable: true,
      get() {
        return targets.get(this)[property];
      },
    });
  }
  if (kind === 'R2Bucket') patchR2(Class.prototype);
  if (kind === 'GetResult') patchBody(Class.prototype);
  if (kind === 'Fetcher') patchFetcher(Class.prototype);
  if (kind === 'TransformedImage') patchImage(Class.prototype);
  return Class;
}

function patchR2(prototype) {
  const { put } = prototype;
  // A stream loses its known length on the way to workerd, and R2 refuses it without: send bytes.
  prototype.put = async function (key, value, ...options) {
    const isStream = value instanceof ReadableStream;
    return put.call(this, key, isStream ? await new Response(value).arrayBuffer() : value, ...options);
  };
  prototype.list = async function (...options) {
    const listed = await targets.get(this).list(...options);
    count('R2Bucket', 'list', options, listed);
    const owner = owners.get(this);
    return { ...listed, objects: listed.objects.map((object) => facade(object, 'HeadResult', owner)) };
  };
}

/** A Response with the stream of an object tells how long it is, as in workerd. */
function patchBody(prototype) {
  Object.defineProperty(prototype, 'body', {
    enumerable: true,
    get() {
      const { body, size, range } = targets.get(this);
      return noteLength(body, range ? range.length : size);
    },
  });
}

function patchFetcher(prototype) {
  // Miniflare has its own Request and Response; Python and the SDK use those of this process.
  prototype.fetch = async function (input, init) {
    const request = new Request(input, init);
    const body = request.body ? { body: request.body, duplex: 'half' } : {};
    const { method } = request;
    const answer = await targets.get(this).fetch(request.url, {
      method,
      headers: [...headerBytes(request)],
      redirect: 'manual',
      ...body,
    });
    return ownResponse(answer);
  };
}

function patchImage(prototype) {
  prototype.response = function () {
    return ownResponse(targets.get(this).response());
  };
}

/** Converts Miniflare's Response to one of this process. */
function ownResponse(answer) {
  const { status } = answer;
  const bodiless = answer.body === null || [101, 204, 205, 304].includes(status);
  return new Response(bodiless ? null : answer.body, { status, headers: [...answer.headers] });
}

function namedClass(name) {
  return { [name]: class {} }[name];
}

function unwrap(value) {
  return Array.isArray(value) ? value.map(unwrap) : (targets.get(value) ?? value);
}

function plainArrays(_key, value) {
  return ArrayBuffer.isView(value) ? Array.from(value) : value;
}
