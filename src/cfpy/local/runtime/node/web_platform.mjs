// fetch() and WebSocket as workerd has them: what Node's own do not.
import { adoptFetched, Headers, Request, Response, withBytes } from './fetch_api.mjs';

const sockets = new Set();
const nodeFetch = globalThis.fetch;
const NodeWebSocket = globalThis.WebSocket;

/** An outbound WebSocket. In workerd, binary messages are ArrayBuffers by default. */
export class OutboundSocket extends NodeWebSocket {
  constructor(...args) {
    super(...args);
    this.binaryType = 'arraybuffer';
    sockets.add(this);
    this.addEventListener('close', () => sockets.delete(this));
  }
}

/**
 * The `webSocket` of a response. It keeps what arrives before accept(), and dispatches it then:
 * developers.cloudflare.com/workers/runtime-apis/websockets.
 */
class AcceptedSocket extends EventTarget {
  #socket;
  #waiting = [];

  constructor(socket) {
    super();
    this.#socket = socket;
    for (const name of ['message', 'close', 'error']) {
      socket.addEventListener(name, (event) => {
        if (this.#waiting) this.#waiting.push(event);
        else this.#dispatch(event);
      });
    }
  }

  get readyState() {
    return this.#socket.readyState;
  }

  accept() {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    // The caller adds its listeners after accept().
    setTimeout(() => waiting.forEach((event) => this.#dispatch(event)));
  }

  send(data) {
    if (this.#waiting) throw new TypeError('You must call accept() on this WebSocket before sending messages.');
    this.#socket.send(data);
  }

  close(code, reason) {
    this.#socket.close(code, reason);
  }

  #dispatch({ type, data, code, reason, wasClean, message }) {
    const properties = { data, code, reason, wasClean, message };
    this.dispatchEvent(Object.assign(new Event(type), properties));
  }
}

/** fetch() with `Upgrade: websocket`, which Node refuses to send. */
async function upgrade({ url, headers, signal }) {
  const protocols = (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim());
  const socket = new OutboundSocket(url.replace(/^http/, 'ws'), protocols.filter(Boolean));
  const webSocket = new AcceptedSocket(socket);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', ({ message }) => reject(new TypeError(`no WebSocket at ${url}: ${message}`)), {
      once: true,
    });
    signal?.addEventListener('abort', () => socket.close(), { once: true });
  });
  // A Response can't be created with this status.
  const response = new Response(null);
  return Object.defineProperties(response, { status: { value: 101 }, webSocket: { value: webSocket } });
}

/** Node's fetch(), which upgrades, and whose errors name the address and the cause. */
export async function fetch(input, init) {
  const request = isUpgrade(input, init) ? new Request(input, init) : null;
  if (request) return upgrade(request);
  try {
    return adoptFetched(await nodeFetch(input, withBytes(init)));
  } catch (error) {
    if (error.message !== 'fetch failed') throw error;
    const why = reasonOf(error.cause ?? {});
    throw new TypeError(`fetch of ${input?.url ?? input} failed: ${why}`, { cause: error.cause });
  }
}

/** Node's error about a connection, in words. */
function reasonOf({ code, message, hostname }) {
  const said = message || code || 'no connection';
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(code)) {
    return `the host ${hostname} was not found; check its name, and the network of this machine (${said})`;
  }
  return code === 'ECONNREFUSED' ? `nothing listens there (${said})` : said;
}

function isUpgrade(input, init) {
  const headers = new Headers(init?.headers ?? (typeof input === 'object' ? input?.headers : undefined));
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/** Close the sockets of an interpreter that has ended. */
export function closeSockets() {
  for (const socket of sockets) socket.close(1001);
}
