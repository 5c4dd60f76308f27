// What the pages of the API's clients share.

/** Keep what is typed into a token field, in this tab only; open its section while it is empty. */
export function rememberToken(field, section) {
  field.value = sessionStorage.getItem('token') ?? '';
  section.open = !field.value;
  field.addEventListener('input', () => sessionStorage.setItem('token', field.value));
}

/** Call the API with the token; a response that is no success becomes an Error with its reason. */
export async function call(path, options = {}) {
  const token = sessionStorage.getItem('token') ?? '';
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  const response = await fetch(path, { ...options, headers }).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new Error('The server cannot be reached. Check the connection and try again.');
  });
  if (response.ok) return response;
  if (response.status === 401) {
    const detail = token
      ? 'The server does not accept this access token. Check it, or paste a new one.'
      : 'An access token is needed. The person who runs this application can give it to you.';
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
