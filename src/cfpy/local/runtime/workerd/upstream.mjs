// The host of `[dev] host`, which the project's Worker sees in place of the address of the run. In
// `wrangler dev` the proxy rewrites requests and answers (rewriteUrlRelatedHeaders in its
// ProxyWorker); here the Worker in front does, because the page is only for the true address.
const URLS = /https?:\/\/[^/?#\s,;"']+/gi;

/**
 * @param {Request} request
 * @param {string} host of the configuration, with or without a port; empty for no other host
 * @param {(request: Request) => Promise<Response>} ask sends a request to the project's Worker
 */
export async function asUpstream(request, host, ask) {
  const inner = host && urlAt(request.url, host);
  if (!inner) return ask(request);
  const outer = new URL(request.url);
  const headers = new Headers(request.headers);
  rewrite(headers, outer, inner);
  headers.set('host', inner.host);
  const answer = await ask(new Request(new Request(inner, request), { headers, redirect: 'manual' }));
  const given = new Response(answer.body, answer);
  rewrite(given.headers, inner, outer);
  return given;
}

function urlAt(url, host) {
  try {
    const { hostname, port } = new URL(`http://${host}`);
    return Object.assign(new URL(url), { hostname, port });
  } catch {
    return null;
  }
}

/** Replace the origin `from` in all URLs, and in the domains of cookies. */
function rewrite(headers, from, to) {
  const cookies = headers.getSetCookie();
  headers.delete('set-cookie');
  for (const [name, value] of [...headers]) {
    const changed = value.replace(URLS, (origin) => (originOf(origin) === from.origin ? to.origin : origin));
    if (changed !== value) headers.set(name, changed);
  }
  for (const cookie of cookies) {
    const domain = /(Domain=)([^;,]+)/i;
    headers.append('set-cookie', cookie.replace(domain, (all, key, name) => (name === from.hostname ? key + to.hostname : all)));
  }
}

function originOf(text) {
  try {
    return new URL(text).origin;
  } catch {
    return '';
  }
}
