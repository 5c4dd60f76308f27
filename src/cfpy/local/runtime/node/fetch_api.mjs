// Headers, Request and Response as workerd has them: the value of a header may have any characters,
// and is sent in UTF-8. Node's classes take Latin-1 alone, so they hold the bytes here.

const NodeHeaders = globalThis.Headers;
const NodeRequest = globalThis.Request;
const NodeResponse = globalThis.Response;
// What Node, too, removes around a value.
const AROUND = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const NOT_ASCII = /[^\0-\x7f]/;
const inners = new WeakMap();
const outers = new WeakMap();
// How many bytes a body has: of Responses, and of streams.
const lengths = new WeakMap();
// The values of each header that was appended, by NodeHeaders and name: Node only has them joined.
const appended = new WeakMap();

class Headers {
  constructor(init) {
    const inner = new NodeHeaders();
    inners.set(this, inner);
    if (init === undefined || init === null) return;
    const source = inners.get(init) ?? init;
    if (source instanceof NodeHeaders) {
      for (const [name, value] of source) inner.append(name, value);
      keepLines(source, inner);
      return;
    }
    const pairs = typeof source[Symbol.iterator] === 'function' ? source : Object.entries(source);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name, value) {
    const inner = inners.get(this);
    const added = toBytes(value);
    inner.append(name, added);
    noteLine(inner, String(name).toLowerCase(), added.replace(AROUND, ''));
  }

  set(name, value) {
    const inner = inners.get(this);
    inner.set(name, toBytes(value));
    appended.get(inner)?.delete(String(name).toLowerCase());
  }

  delete(name) {
    const inner = inners.get(this);
    inner.delete(name);
    appended.get(inner)?.delete(String(name).toLowerCase());
  }

  has(name) {
    return inners.get(this).has(name);
  }

  get(name) {
    const value = inners.get(this).get(name);
    return value === null ? null : toText(value);
  }

  getAll(name) {
    if (String(name).toLowerCase() === 'set-cookie') return this.getSetCookie();
    throw new TypeError('getAll() can only be used with the header name "Set-Cookie".');
  }

  getSetCookie() {
    return inners.get(this).getSetCookie().map(toText);
  }

  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries() {
    for (const [name, value] of inners.get(this)) yield [name, toText(value)];
  }

  keys() {
    return inners.get(this).keys();
  }

  *values() {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'Headers';
  }
}

class Request extends NodeRequest {
  constructor(input, init) {
    super(input, withBytes(init));
  }

  get headers() {
    return outerOf(this, super.headers);
  }

  clone() {
    const copy = Object.setPrototypeOf(super.clone(), Request.prototype);
    return this.cf === undefined ? copy : Object.defineProperty(copy, 'cf', { value: this.cf });
  }
}

class Response extends NodeResponse {
  constructor(body, init) {
    const taken = withBytes(init);
    super(body, taken);
    keepLines(taken?.headers, super.headers);
    noteLength(this, sizeOf(body));
  }

  static json(data, init) {
    const taken = withBytes(init);
    const made = adopt(NodeResponse.json(data, taken));
    keepLines(taken?.headers, headerBytes(made));
    return noteLength(made, Buffer.byteLength(JSON.stringify(data)));
  }

  static redirect(url, status) {
    return adopt(NodeResponse.redirect(url, status));
  }

  static error() {
    return adopt(NodeResponse.error());
  }

  get headers() {
    return outerOf(this, super.headers);
  }

  get body() {
    return noteLength(super.body, lengthOf(this));
  }

  clone() {
    const copy = adopt(super.clone());
    keepLines(super.headers, headerBytes(copy));
    return noteLength(copy, lengthOf(this));
  }
}

/** Make a Response of Node one of these. */
export function adopt(response) {
  return Object.setPrototypeOf(response, Response.prototype);
}

/** The same for one that fetch() returned. */
export function adoptFetched(response) {
  const length = response.headers.get('content-length');
  // Node has decoded a body with an encoding, and checks the length of any other.
  const isKnown = length !== null && !response.headers.has('content-encoding');
  return noteLength(adopt(response), isKnown ? Number(length) : undefined);
}

/**
 * How many bytes the body of a Response has, if that is known. As in workerd, a header
 * `content-length` does not matter: the code of a Worker may give any.
 */
export function lengthOf(response) {
  return lengths.get(response);
}

/** Note the length of a stream or Response; `undefined` is not known. */
export function noteLength(body, length) {
  if (body && length !== undefined) lengths.set(body, length);
  return body;
}

function sizeOf(body) {
  if (body === null || body === undefined) return 0;
  if (body instanceof ReadableStream) return lengths.get(body);
  if (body instanceof Blob) return body.size;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return body.byteLength;
  // Its boundary is random.
  if (body instanceof FormData) return undefined;
  return Buffer.byteLength(String(body));
}

/** The headers of a Request or Response, in bytes: each character is one. */
export function headerBytes(message) {
  const Class = message instanceof NodeRequest ? NodeRequest : NodeResponse;
  return Reflect.get(Class.prototype, 'headers', message);
}

/**
 * The headers of a Response as workerd sends them: [name, value] for each value that was appended.
 *
 * @returns {[string, string][]}
 */
export function headerLines(response) {
  const inner = headerBytes(response);
  const kept = appended.get(inner);
  return [...inner].flatMap(([name, joined]) => {
    const values = kept?.get(name) ?? [];
    // Otherwise Node itself has changed it.
    const lines = values.join(', ') === joined ? values : [joined];
    return lines.map((value) => [name, toText(value)]);
  });
}

function noteLine(inner, name, value) {
  if (!appended.has(inner)) appended.set(inner, new Map());
  const lines = appended.get(inner);
  lines.set(name, [...(lines.get(name) ?? []), value]);
}

/** `to` is a copy of `from`. */
function keepLines(from, to) {
  const lines = appended.get(from);
  if (lines) appended.set(to, new Map(lines));
}

/** The options of a Request, Response or fetch(), as Node takes them. */
export function withBytes(init) {
  const headers = init?.headers;
  if (headers === undefined || headers === null || headers instanceof NodeHeaders) return init;
  const own = inners.has(headers) ? headers : new Headers(headers);
  const inner = inners.get(own);
  // Not a copy: the options may be a Response, whose properties are those of its class.
  return new Proxy(init, { get: (target, key) => (key === 'headers' ? inner : Reflect.get(target, key)) });
}

/** One object for each message, so that a change of it stays. */
function outerOf(message, inner) {
  if (!outers.has(message)) {
    const outer = new Headers();
    inners.set(outer, inner);
    outers.set(message, outer);
  }
  return outers.get(message);
}

function toBytes(value) {
  const text = String(value);
  return NOT_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function toText(bytes) {
  return NOT_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

export { Headers, Request, Response };
