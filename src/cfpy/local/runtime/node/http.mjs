// The loopback server between the shim in workerd and Python in this process.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { emit, inProject } from './events.mjs';
import { headerLines, lengthOf, Request } from './fetch_api.mjs';
import { noteBatch } from './observed.mjs';
import { readable } from './traces.mjs';

const DRAIN_MS = 2000;
// workerd accepts 512 KiB, which may be three times as long when the shim has encoded them. Node's
// own limit is 16 KiB.
const HEADER_BYTES = 2 * 1024 * 1024;
// What Cloudflare accepts, and workerd on this machine does not check:
// developers.cloudflare.com/workers/platform/limits, "Request and response limits".
const URL_LIMIT = 16 * 1024;
const HEADERS_LIMIT = 128 * 1024;

/**
 * Serve on a free loopback port.
 *
 * Anything on this machine, including a web page, could connect to that port: only requests with
 * the random key, which only the shim knows, are answered.
 *
 * @param {() => Promise<object>} getHost the Python host, once it is ready
 * @param {(request: Request) => Promise<Response>} showPage answers for the page of this run
 * @param {Access | null} access the stand-in for Cloudflare Access, if the project is behind it
 * @returns {Promise<{url: string, key: string, failAll: (text: string) => void}>} `failAll` ends
 *   every open request, because their interpreter has crashed
 */
export async function serve(getHost, showPage, access) {
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
    if (kind === 'fetch') await answerFetch(host, access, request, response);
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

async function answerFetch(host, access, incoming, outgoing) {
  const since = performance.now();
  const fetch = async (request) => {
    const answer = access?.answer(request);
    if (answer) return answer;
    for (const [name, value] of (await access?.added(request.headers)) ?? []) request.headers.set(name, value);
    return host.fetch(request);
  };
  const { url, method, status } = await answerWith(fetch, incoming, outgoing, () => host.isOver);
  emit('request', { method, path: new URL(url).pathname, status, ms: performance.now() - since });
}

async function answerWith(fetch, incoming, outgoing, isReported = () => false) {
  const head = JSON.parse(decodeURIComponent(incoming.headers['x-cfpy-head']));
  // The shim sends GET if the request has no body.
  const body = incoming.method === 'POST' ? bodyOf(incoming) : null;
  const request = toRequest(head, body);
  let status = 500;
  try {
    const response = await fetch(request);
    status = response.status;
    if (status >= 400) await body?.drain();
    const { statusText } = response;
    const length = response.body ? lengthOf(response) : 0;
    if (length !== undefined) outgoing.setHeader('content-length', length);
    // Empty, it would replace the usual words.
    writeHead(outgoing, { status, statusText: statusText || undefined, headers: headerLines(response) });
    outgoing.flushHeaders();
    // When a client disconnects, the pipeline ends and cancels the stream that Python writes to.
    if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing).catch(() => {});
    else outgoing.end();
  } catch (error) {
    const text = inProject(String(error.message ?? error));
    if (!isReported()) emit('log', { level: 'error', text });
    fail(outgoing, readable(text));
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
  else writeHead(outgoing, { status: 500, headers: [['content-type', 'text/plain']] }).end(text);
}

/** Answer the shim: 200, whatever the head says, so that it follows no redirect. */
function writeHead(outgoing, head) {
  return outgoing.writeHead(200, { 'x-cfpy-head': encodeURIComponent(JSON.stringify(head)) });
}

async function answerEvent(host, kind, incoming, outgoing) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const event = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  const settle = kind === 'queue' ? noteBatch(event) : () => {};
  const result = await host[kind](event);
  settle(result);
  if (result.error) {
    emit('log', { level: 'error', text: result.error });
    result.error = readable(inProject(result.error));
  }
  outgoing.setHeader('content-type', 'application/json');
  outgoing.end(JSON.stringify(result));
}

/** The Request that the client sent to workerd. */
function toRequest({ method, url, headers, cf }, body) {
  warnOfLimits(url, headers);
  const more = body ? { body: body.stream, duplex: 'half' } : {};
  // fetch() sends no body with the first two methods, and may not send the others, so Node refuses
  // to create such a Request. But a server receives them.
  const refused = [...(body ? ['GET', 'HEAD'] : []), 'CONNECT', 'TRACE', 'TRACK'].includes(method);
  const request = new Request(url, { method: refused ? 'POST' : method, headers, ...more });
  if (refused) Object.defineProperty(request, 'method', { value: method });
  Object.defineProperty(request, 'cf', { value: cf });
  return request;
}

/** Tell about a request that Cloudflare would not forward to a Worker. */
function warnOfLimits(url, headers) {
  const warn = (what, limit) => {
    const text = `Cloudflare would refuse this request: its ${what} more than ${limit / 1024} KB`;
    emit('log', { level: 'warning', text });
  };
  if (url.length > URL_LIMIT) warn('URL has', URL_LIMIT);
  // A name, a colon, a space, a value, the end of the line.
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (bytes > HEADERS_LIMIT) warn('headers have', HEADERS_LIMIT);
}
