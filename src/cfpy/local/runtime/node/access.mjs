// The local stand-in for Cloudflare Access in front of the Worker, in both runtimes: it adds a token
// to each request, as Access does, and lets a person choose who is signed in. The tokens come from
// the issuer in local/access.py.
export const LOGOUT = '/cdn-cgi/access/logout';
// Where a person chooses who is signed in; a part of the page of `cfpy dev`.
const CHOOSE = '/__cfpy/access';
const HEADER = 'cf-access-jwt-assertion';
// How a machine says which service token it has. Its secret is not checked here.
const CLIENT_ID = 'cf-access-client-id';
const COOKIE = 'cfpy_caller';
const NOBODY = 'nobody';
// Far shorter than a token is valid.
const KEPT_MS = 60_000;

/**
 * @param {string | undefined} given the variable CFPY_ACCESS, if the project is behind Access
 * @returns {Access | null}
 */
export function makeAccess(given) {
  return given ? new Access(JSON.parse(given)) : null;
}

class Access {
  #issuer;
  #tokens = new Map();

  constructor(issuer) {
    this.#issuer = issuer;
  }

  /** Who sends a request with these headers; `nobody` is not signed in. */
  caller(headers) {
    const { callers } = this.#issuer;
    const client = headers.get(CLIENT_ID);
    const cookies = (headers.get('cookie') ?? '').split(';').map((cookie) => cookie.trim().split('='));
    const [, chosen] = cookies.find(([name]) => name === COOKIE) ?? [COOKIE, callers[0]];
    const name = client ?? chosen;
    return callers.includes(name) ? name : NOBODY;
  }

  /** The headers that Access would add to a request with these, as pairs. */
  async added(headers) {
    const caller = this.caller(headers);
    // One that a client sends goes through: it is for the Worker to refuse.
    if (caller === NOBODY || headers.has(HEADER)) return [];
    return [[HEADER, await this.#token(caller)]];
  }

  /** The answer to a request that Access itself answers, or null. */
  answer({ method, url }) {
    if (method !== 'GET' || new URL(url).pathname !== LOGOUT) return null;
    return redirect(CHOOSE, NOBODY);
  }

  /** The answer of the page: `name` is who is to be signed in, empty to ask. */
  choose(name, headers, answerHeaders) {
    const names = [...this.#issuer.callers, NOBODY];
    if (names.includes(name)) return redirect('/', name);
    return new Response(pageOf(names, this.caller(headers)), {
      headers: { ...answerHeaders, 'content-type': 'text/html; charset=utf-8' },
    });
  }

  async #token(caller) {
    const kept = this.#tokens.get(caller);
    if (kept && kept.until > Date.now()) return kept.token;
    const { url, key } = this.#issuer;
    const answer = await fetch(`${url}/token/${caller}`, { headers: { authorization: `Bearer ${key}` } });
    const { token } = await answer.json();
    this.#tokens.set(caller, { token, until: Date.now() + KEPT_MS });
    return token;
  }
}

function redirect(location, caller) {
  const cookie = `${COOKIE}=${caller}; Path=/; HttpOnly; SameSite=Lax`;
  const headers = { location, 'set-cookie': cookie, 'cache-control': 'no-store' };
  return new Response(null, { status: 302, headers });
}

// The names are cfpy's own: nothing in them means anything in HTML.
function pageOf(names, current) {
  const links = names.map((name) => {
    const note = name === current ? ' (now)' : '';
    return `<li><a href="${CHOOSE}/${name}">${name}</a>${note}</li>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in: cfpy dev</title>
<link rel="icon" href="data:,">
<main>
<h1>Who is calling?</h1>
<p>On Cloudflare, Access asks people to sign in. In this local run, choose one:</p>
<ul>
${links.join('\n')}
</ul>
</main>
</html>
`;
}
