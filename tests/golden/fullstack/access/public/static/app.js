// Lists items and files, and creates, changes and deletes them. Text from the server only ever becomes values
// and text nodes: no item can put markup on this page.

const find = (selector) => document.querySelector(selector);
const [create, list, files, more] = ['#create', '#items', '#files', '#more'].map(find);
const status = find('#status');
const watched = new Set();

// What went wrong, by the code of the answer. For other codes the answer's own sentence is shown.
const REASONS = {
  'unauthorized': 'You are not signed in, or no longer. Reload this page to sign in.',
  'rate-limited': 'That was too much at once. Wait a minute, then try again.',
  'version-mismatch': 'Somebody else has changed this item. Copy your text, then reload the page.',
  'too-large': 'This file is too large. A file may have 50 MB.',
  'unsupported-type': 'Only pictures, PDF, ZIP, CSV and text files can be uploaded.',
  'service-failed': 'The server could not do this. Try again in a minute.',
  'internal-error': 'The server could not do this. Try again in a minute.',
};

create.addEventListener('submit', (event) => {
  event.preventDefault();
  run(async () => {
    show(await (await call('POST', '/api/items', fields(create))).json());
    create.reset();
  });
});
find('#file').addEventListener('change', (event) => run(() => upload(event.target)));
find('#examples').addEventListener('click', () =>
  run(async () => {
    for (const item of await (await call('GET', '/static/examples.json')).json()) {
      show(await (await call('POST', '/api/items', item)).json());
    }
  }),
);
more.addEventListener('click', () => run(() => load(Number(more.value))));
run(start);

/** Show who is signed in, and everything of theirs. */
async function start() {
  find('#caller').textContent = (await (await call('GET', '/api/me')).json()).name;
  find('#content').hidden = find('#account').hidden = false;
  await Promise.all([load(0), loadFiles()]);
}

/** Show the items after `cursor`. */
async function load(cursor) {
  const page = await (await call('GET', `/api/items?cursor=${cursor}`)).json();
  page.items.forEach(show);
  more.hidden = page.next_cursor === null;
  more.value = page.next_cursor ?? '';
}

/** Show an item, or update it on the page; edits that are not saved yet stay. */
function show(item) {
  const row = list.querySelector(`[data-id="${item.id}"]`) ?? add(item.id);
  const { elements } = row.querySelector('form');
  const inputs = [elements.name, elements.description];
  // As a field has it: with LF alone.
  const given = (input) => item[input.name].replaceAll(/\r\n?/g, '\n');
  const edited = inputs.some((input) => input.value !== input.defaultValue);
  const changed = inputs.some((input) => input.defaultValue !== given(input));
  if (!edited) {
    for (const input of inputs) input.value = input.defaultValue = given(input);
  }
  // Edits of a description that has changed meanwhile keep the old version: the server refuses to save them.
  if (!edited || !changed) row.dataset.version = item.version;
  row.querySelector('.name').textContent = item.name;
  row.querySelector('output').textContent = {
    new: '',
    queued: 'Counting…',
    done: item.result?.words === 1 ? '1 word' : `${item.result?.words} words`,
    failed: 'Could not be counted',
  }[item.status];
  if (item.status === 'queued' && !watched.has(item.id)) run(() => watch(row, item.id));
}

function add(id) {
  const row = find('#item').content.firstElementChild.cloneNode(true);
  const form = row.querySelector('form');
  const path = `/api/items/${id}`;
  row.dataset.id = id;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    run(async () => {
      const item = await (await call('PUT', path, fields(form), match(row))).json();
      form.reset();
      show(item);
      row.querySelector('details').open = false;
    });
  });
  form.elements.process.addEventListener('click', () =>
    run(async () => show(await (await call('POST', '/api/process', { item_id: id })).json())),
  );
  form.elements.delete.addEventListener('click', () =>
    run(async () => {
      if (!confirm(`Delete ${row.querySelector('.name').textContent}?`)) return;
      await call('DELETE', path, undefined, match(row));
      row.remove();
    }),
  );
  list.append(row);
  return row;
}

/** Show each change of an item, until the work on it has ended. */
async function watch(row, id) {
  watched.add(id);
  try {
    // The server ends an answer after a minute.
    for (let waits = true; waits && row.isConnected; ) {
      for await (const item of events(await call('GET', `/api/items/${id}/events`))) {
        show(item);
        waits = item.status === 'queued';
      }
    }
  } finally {
    watched.delete(id);
  }
}

/** The data of server-sent events. An EventSource would not tell why it failed. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const parts = (rest + piece.value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length));
    }
  }
}

async function upload(input) {
  const [file] = input.files;
  // The dialog was cancelled.
  if (!file) return;
  input.value = '';
  status.textContent = `Uploading ${file.name}…`;
  // Of a type that the browser does not know, the server knows no more than the name.
  const isText = !/[\0\uFFFD]/.test(await file.slice(0, 1000).text());
  const headers = { 'Content-Type': file.type || (isText ? 'text/plain' : 'application/octet-stream') };
  showFile(await (await call('POST', `/files/${simpleName(file.name)}`, file, headers)).json());
  status.textContent = '';
}

/** A name that the server takes: letters lose their accents, and a name without Latin letters becomes `file`. */
function simpleName(name) {
  const latin = name.normalize('NFKD').replace(/\p{M}/gu, '').replace(/[^A-Za-z0-9._-]+/g, '-');
  const [suffix] = /\.[A-Za-z0-9]{1,10}$/.exec(latin) ?? [''];
  const stem = latin.slice(0, latin.length - suffix.length).replace(/^[^A-Za-z0-9]+|-+$/g, '');
  return (stem || 'file').slice(0, 80) + suffix;
}

async function loadFiles() {
  let cursor = '';
  do {
    const path = `/api/files?limit=100&cursor=${encodeURIComponent(cursor)}`;
    const page = await (await call('GET', path)).json();
    page.files.forEach(showFile);
    cursor = page.next_cursor;
  } while (cursor);
}

/** Show a file, unless it is shown already. */
function showFile({ url, name, size }) {
  if (files.querySelector(`[href="${url}"]`)) return;
  const row = element('li');
  const button = element('button', { className: 'plain', textContent: 'Delete', ariaLabel: `Delete ${name}` });
  button.addEventListener('click', () =>
    run(async () => {
      if (!confirm(`Delete ${name}?`)) return;
      await call('DELETE', url);
      row.remove();
    }),
  );
  const bytes = size < 1000 ? `${size} bytes` : `${Math.ceil(size / 1000).toLocaleString()} KB`;
  row.append(
    element('a', { href: url, textContent: name }),
    element('span', { className: 'muted', textContent: bytes }),
    button,
  );
  files.append(row);
}

function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

/** What a change is made to: the version that this page shows. */
function match(row) {
  return { 'If-Match': `"${row.dataset.version}"` };
}

function fields({ elements }) {
  return { name: elements.name.value, description: elements.description.value };
}

/** Call the API; a response that is no success becomes an Error with its reason in plain words. */
async function call(method, path, body, headers = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  const response = await fetch(path, {
    method,
    body: isJson ? JSON.stringify(body) : body,
    headers: {
      // Access then answers 401 when the session is over. A redirect to its login could not be followed here.
      'X-Requested-With': 'XMLHttpRequest',
      ...(isJson ? { 'Content-Type': 'application/json' } : {}),
      ...headers,
    },
  }).catch(() => {
    throw new Error("The server can't be reached. Check your connection, then try again.");
  });
  if (response.ok) return response;
  const problem = response.status === 401 ? { code: 'unauthorized' } : await response.json().catch(() => ({}));
  const fields = problem.errors?.map(({ pointer, detail }) => `${pointer.slice(2)}: ${detail}`);
  throw new Error(
    REASONS[problem.code] ?? fields?.join('; ') ?? problem.detail ?? `The server answered ${response.status}.`,
  );
}

async function run(action) {
  status.className = status.textContent = '';
  try {
    await action();
  } catch (error) {
    status.className = 'error';
    status.textContent = error.message;
  }
}
