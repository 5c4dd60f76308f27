// What the pages of the API's clients share.

/** Show who is signed in; return the name. */
export async function showCaller(place) {
  const { name } = await (await call('/me')).json();
  place.textContent = name;
  return name;
}

/** Call the API; a response that is no success becomes an Error with its reason. */
export async function call(path, options = {}) {
  // Access then answers 401 when the session is over. A redirect to its login could not be followed here.
  const headers = { ...options.headers, 'X-Requested-With': 'XMLHttpRequest' };
  const response = await fetch(path, { ...options, headers }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server cannot be reached. Check the connection and try again.');
  });
  if (response.ok) return response;
  if (response.status === 401) {
    const detail = 'You are not signed in, or no longer. Reload this page to sign in.';
    throw Object.assign(new Error(detail), { status: 401 });
  }
  const { detail, errors = [] } = await response.json().catch(() => ({}));
  const fields = errors.map((error) => `${error.pointer.replace(/^#\/?/, '')} ${error.detail}`);
  throw new Error(fields.join('; ') || detail || `The server answered ${response.status}.`);
}

/** A new element. Text only ever becomes a text node: no data can put markup on the page. */
export function element(name, properties, text = '') {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}
