// The loopback server between the shim in workerd and Python in this process.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { emit, inProject } from './events.mjs';
import { noteBatch } from './observed.mjs';

const DRAIN_MS = 2000;
// More than the shim accepts, plus the headers that it adds. Node's own limit is 16 KiB.
const HEADER_BYTES = 1024 * 1024;
// Headers between the shim and this server, and those that only apply to this connection.
const OWN = /^(x-cfpy-.*|connection|host|keep-alive|transfer-encoding)$/;

/**
 * Serve on a free loopback port.
 *
 * Anything on this machine, including a web page, could connect to that port: only requests with
 * the random key, which only the shim knows, are answered.
 *
 * @param {() => Promise<object>} getHost the Python host, once it is ready
 * @param {(request: Request) => Promise<Response>} showPage answers for the page of this run
 * @returns {Promise<{url: string, key: string, failAll: (text: string) => void}>} `failAll` ends
 *   every open request, because their interpreter has crashed
 */
export async function serve(getHost, showPage) {
  const key = randomBytes(32);
  const open = new Set();
  const server = http.createServer({ maxHeaderSize: HEADER_BYTES }, async (request, response) => {
    const given = Buffer.from(request.headers['x-cfpy-key'] ?? '', 'hex');
    if (given.length !== key.length || !timingSafeEqual(given, key)) {
      response.writeHead(403).end();
      return;
    }
    open.add(response);
    response.on('close', () => open.delete(response));
    const kind = request.headers['x-cfpy-kind'];
    if (kind === 'page') {
      await answerWith(showPage, request, response);
      return;
    }
    const host = await getHost();
    if (kind === 'fetch') await answerFetch(host, request, response);
    else await answerEvent(host, kind, request, response);
  });
  // A handler may stream without a time limit.
  server.requestTimeout = 0;
  // workerd keeps connections open: if an idle one closed, the next request would fail.
  server.keepAliveTimeout = 0;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  const failAll = (text) => open.forEach((response) => fail(response, text));
  return { url: `http://127.0.0.1:${server.address().port}`, key: key.toString('hex'), failAll };
}

async function answerFetch(host, incoming, outgoing) {
  const since = performance.now();
  const { url, method, status } = await answerWith((r) => host.fetch(r), incoming, outgoing);
  emit('request', { method, path: new URL(url).pathname, status, ms: performance.now() - since });
}

async function answerWith(fetch, incoming, outgoing) {
  const body = hasBody(incoming) ? bodyOf(incoming) : null;
  const request = toRequest(incoming, body);
  let status = 500;
  try {
    const response = await fetch(request);
    status = response.status;
    if (status >= 400) await body?.drain();
    const headers = Object.fromEntries(response.headers);
    const cookies = response.headers.getSetCookie();
    if (cookies.length) headers['set-cookie'] = cookies;
    outgoing.writeHead(200, { ...headers, 'x-cfpy-status': status });
    outgoing.flushHeaders();
    // When a client disconnects, the pipeline ends and cancels the stream that Python writes to.
    if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {});
    else outgoing.end();
  } catch (error) {
    const text = inProject(String(error.message ?? error));
    emit('log', { level: 'error', text });
    fail(outgoing, text);
  }
  return { url: request.url, method: request.method, status };
}

/**
 * A request's body, and a way to discard what the handler does not read: otherwise a client that is
 * still sending would find its connection closed, and never see the answer. (Readable.toWeb()
 * closes it as soon as a handler stops reading.)
 */
function bodyOf(incoming) {
  const chunks = incoming.iterator({ destroyOnReturn: false });
  const drain = async () => {
    if (incoming.complete) return;
    const ended = new Promise((resolve) => incoming.once('end', resolve).once('close', resolve));
    chunks.return().then(() => incoming.resume());
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, DRAIN_MS))]);
  };
  const stream = new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    cancel: drain,
  });
  return { stream, drain };
}

/** Answer 500 if that is still possible. */
function fail(outgoing, text) {
  if (outgoing.headersSent) outgoing.destroy();
  else outgoing.writeHead(200, { 'x-cfpy-status': 500, 'content-type': 'text/plain' }).end(text);
}

async function answerEvent(host, kind, incoming, outgoing) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const event = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  const settle = kind === 'queue' ? noteBatch(event) : () => {};
  const result = await host[kind](event);
  settle(result);
  if (result.error) emit('log', { level: 'error', text: result.error });
  outgoing.setHeader('content-type', 'application/json');
  outgoing.end(JSON.stringify(result));
}

function hasBody({ headers }) {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  return !['GET', 'HEAD'].includes(headers['x-cfpy-method']) && (encoding !== undefined || length > 0);
}

/** The Request that the client sent to workerd. */
function toRequest(incoming, body) {
  const headers = new Headers();
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    const name = incoming.rawHeaders[i].toLowerCase();
    if (!OWN.test(name)) headers.append(name, incoming.rawHeaders[i + 1]);
  }
  headers.set('host', incoming.headers['x-cfpy-host']);
  const method = incoming.headers['x-cfpy-method'];
  const url = incoming.headers['x-cfpy-url'];
  const more = body ? { body: body.stream, duplex: 'half' } : {};
  // fetch() may not send these methods, so Node refuses to create a Request with them. But a server
  // receives them.
  const refused = ['CONNECT', 'TRACE', 'TRACK'].includes(method);
  const request = new Request(url, { method: refused ? 'POST' : method, headers, ...more });
  if (refused) Object.defineProperty(request, 'method', { value: method });
  const cf = JSON.parse(decodeURIComponent(incoming.headers['x-cfpy-cf']));
  Object.defineProperty(request, 'cf', { value: cf });
  return request;
}
