// Answers requests for the page at /__cfpy, in both runtimes: in Node, or in workerd.
//
// The page shows what a project stores, and changes nothing: every request is a GET. (A button runs
// a cron trigger, by the address that the banner of `cfpy dev` has, too.) Only a browser
// on this machine may use it, from this origin. Requests from other sites' pages in the same browser
// are refused (Origin, Sec-Fetch-Site), and so are those for a host name that was pointed at this
// machine (Host).
import { describeBindings, VIEWS } from './contents.mjs';

export const PATH = '/__cfpy';
const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
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

/** Whether the page exists on a server that listens on `host`. */
export const hasPage = (host) => LOOPBACK.has(host) || host === '::1';

/**
 * @param {object} page
 * @param {object} page.config the derived configuration
 * @param {{host: string, kinds: object, neurons: object}} page.session
 * @param {(name: string) => string | null} page.file the content of a file of the page
 * @param {() => Promise<BodyInit>} page.follow the log, as server-sent events
 * @param {Access | null} page.access the stand-in for Cloudflare Access, if the project is behind it
 * @param {() => Promise<object>} page.source what the views read from: `secretNames`, and the
 *   parameters of VIEWS
 * @returns {(request: Request) => Promise<Response>}
 */
export function pageAnswer({ config, session, file, follow, access, source }) {
  return async (request) => {
    try {
      check(request, hasPage(session.host));
      const url = new URL(request.url);
      const route = url.pathname.slice(PATH.length).replace(/^\//, '');
      const [first, chosen = ''] = route.split('/');
      if (access && first === 'access') return access.choose(chosen, request.headers, HEADERS);
      if (!route.startsWith('api/')) return fileResponse(file, route || 'index.html');
      const [, name, binding] = route.split('/').map(decodeURIComponent);
      if (name === 'events')
        return new Response(await follow(), {
          headers: { ...HEADERS, 'content-type': 'text/event-stream' },
        });
      const read = await source();
      const bindings = describeBindings(config, session.kinds, read.secretNames);
      const caller = access?.caller(request.headers) ?? null;
      if (name === 'bindings') {
        const crons = config.triggers?.crons ?? [];
        const all = { project: config.name, caller, bindings, crons };
        return Response.json(all, { headers: HEADERS });
      }
      const found = bindings.find((item) => item.name === binding);
      const view = Object.hasOwn(VIEWS, name) && found?.view === name ? VIEWS[name] : null;
      if (view === null) throw new Refused(404, `there is nothing at ${url.pathname}`);
      const parameters = url.searchParams;
      const data = await view({ found, bindings, session, parameters, ...read });
      return Response.json(data, { headers: HEADERS });
    } catch (error) {
      const { message, status = 500 } = error;
      return Response.json({ error: message }, { status, headers: HEADERS });
    }
  };
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

function fileResponse(file, name) {
  const type = TYPES[name.split('.').at(-1)];
  const content = type ? file(name) : null;
  if (content === null) throw new Refused(404, `there is nothing at ${PATH}/${name}`);
  const headers = { ...HEADERS, 'content-type': `${type}; charset=utf-8` };
  return new Response(content, { headers });
}
