// The page at /__cfpy: the content of the bindings of this run, and its live log.
//
// It shows what a project stores, and changes nothing: every request is a GET. Only a browser on
// this machine may use it, from this origin. Requests from other sites' pages in the same browser
// are refused (Origin, Sec-Fetch-Site), and so are those for a host name that was pointed at this
// machine (Host).
import fs from 'node:fs';
import path from 'node:path';
import { describeBindings, VIEWS } from './contents.mjs';
import { subscribe } from './events.mjs';
import { configureQueues } from './observed.mjs';

export const PATH = '/__cfpy';
const FILES = path.join(import.meta.dirname, 'page');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {object} session
 * @param {Promise<object>} runtime the result of startMiniflare()
 * @returns {{answer: (request: Request) => Promise<Response>, url: (base: string) => string,
 *   close: () => void}} `url` is empty if there is no page
 */
export function makePage(session, runtime) {
  const config = JSON.parse(fs.readFileSync(session.worker, 'utf8'));
  configureQueues(config.queues ?? {});
  const followers = new Set();
  const isLoopback = LOOPBACK.has(session.host) || session.host === '::1';

  const answer = async (request) => {
    try {
      check(request, isLoopback);
      const url = new URL(request.url);
      const route = url.pathname.slice(PATH.length).replace(/^\//, '');
      if (!route.startsWith('api/')) return file(route || 'index.html');
      const [, name, binding] = route.split('/').map(decodeURIComponent);
      if (name === 'events') return follow(followers);
      const { secretNames } = await runtime;
      const bindings = describeBindings(config, session.kinds, secretNames);
      if (name === 'bindings')
        return Response.json({ project: config.name, bindings }, { headers: HEADERS });
      const found = bindings.find((item) => item.name === binding);
      const view = Object.hasOwn(VIEWS, name) && found?.view === name ? VIEWS[name] : null;
      if (view === null) throw new Refused(404, `there is nothing at ${url.pathname}`);
      const data = await view({
        found,
        bindings,
        session,
        parameters: url.searchParams,
        ...(await runtime),
      });
      return Response.json(data, { headers: HEADERS });
    } catch (error) {
      const { message, status = 500 } = error;
      return Response.json({ error: message }, { status, headers: HEADERS });
    }
  };
  const close = () => followers.forEach((end) => end());
  return { answer, close, url: (base) => (isLoopback ? new URL(PATH, base).href : '') };
}

function check(request, isLoopback) {
  const { host, hostname, origin } = new URL(request.url);
  const from = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site') ?? 'none';
  if (!isLoopback)
    throw new Refused(403, 'this page is there only while cfpy dev listens on loopback');
  if (!LOOPBACK.has(hostname)) throw new Refused(403, `${host} is not a name of this machine`);
  if ((from !== null && from !== origin) || !['same-origin', 'none'].includes(site)) {
    throw new Refused(403, 'this page answers nothing to other sites');
  }
  if (request.method !== 'GET') throw new Refused(405, 'this page only reads');
}

function file(name) {
  const type = TYPES[path.extname(name)];
  const full = path.join(FILES, name);
  if (path.dirname(full) !== FILES || !type || !fs.existsSync(full)) {
    throw new Refused(404, `there is nothing at ${PATH}/${name}`);
  }
  const headers = { ...HEADERS, 'content-type': `${type}; charset=utf-8` };
  return new Response(fs.readFileSync(full), { headers });
}

/** The log as server-sent events, beginning with the recorded ones. */
function follow(followers) {
  const encoder = new TextEncoder();
  let end;
  let stop;
  const body = new ReadableStream({
    start(controller) {
      const send = (event) =>
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`));
      stop = subscribe(send);
      // A listener that is called after the end would fail.
      end = () => {
        stop();
        controller.close();
      };
      followers.add(end);
    },
    cancel() {
      stop();
      followers.delete(end);
    },
  });
  return new Response(body, { headers: { ...HEADERS, 'content-type': 'text/event-stream' } });
}
