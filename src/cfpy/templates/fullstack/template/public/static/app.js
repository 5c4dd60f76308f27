// Lists items and files, and creates, changes, processes and deletes them. Text from the server only ever
// becomes values and text nodes: no item can put markup on this page.

const form = document.querySelector('#create');
const list = document.querySelector('#items');
const files = document.querySelector('#files');
const more = document.querySelector('#more');
const status = document.querySelector('#status');
const template = document.querySelector('#item');

const WAIT_MS = 1000;

// In this tab only, and gone when it is closed.
form.token.value = sessionStorage.getItem('token') ?? '';
document.querySelector('#access').open = !form.token.value;
form.token.addEventListener('input', () => sessionStorage.setItem('token', form.token.value));
form.token.addEventListener('change', () => run(loadAll));

form.addEventListener('submit', (event) => {
  event.preventDefault();
  run(async () => {
    show(await (await call('POST', '/api/items', fields(form))).json());
    form.reset();
    form.token.value = sessionStorage.getItem('token') ?? '';
  });
});
form.file.addEventListener('change', () => run(upload));
more.addEventListener('click', () => run(() => load(Number(more.value))));
if (form.token.value) run(loadAll);

async function loadAll() {
  await Promise.all([load(0), loadFiles()]);
}

/** Show the items after `cursor`. */
async function load(cursor) {
  const shown = [...list.children];
  const page = await (await call('GET', `/api/items?cursor=${cursor}`)).json();
  // Items that were created in the meantime stay: the answer may be older than they are.
  if (cursor === 0) shown.forEach((row) => row.remove());
  page.items.forEach(show);
  more.hidden = page.next_cursor === null;
  more.value = page.next_cursor ?? '';
}

/** Show an item, or update it on the page; edits that are not saved yet stay. */
function show(item) {
  const row = list.querySelector(`[data-id="${item.id}"]`) ?? add(item.id);
  const { elements } = row.querySelector('form');
  const inputs = [elements.name, elements.description];
  const edited = inputs.some((input) => input.value !== input.defaultValue);
  const changed = inputs.some((input) => input.defaultValue !== item[input.name]);
  if (!edited) {
    for (const input of inputs) input.value = input.defaultValue = item[input.name];
  }
  // Edits of a description that has changed meanwhile keep the old version: the server refuses to save them.
  if (!edited || !changed) row.dataset.version = item.version;
  const result = item.result ? `: ${item.result.words} words` : '';
  row.querySelector('output').textContent = `${item.status}${result}`;
}

function add(id) {
  const row = template.content.firstElementChild.cloneNode(true);
  const own = row.querySelector('form');
  const path = `/api/items/${id}`;
  row.dataset.id = id;
  own.addEventListener('submit', (event) => {
    event.preventDefault();
    run(async () => {
      const item = await (await call('PUT', path, fields(own), match(row))).json();
      own.reset();
      show(item);
    });
  });
  own.elements.process.addEventListener('click', () => run(() => process(id)));
  own.elements.delete.addEventListener('click', () =>
    run(async () => {
      await call('DELETE', path, undefined, match(row));
      row.remove();
    }),
  );
  list.append(row);
  return row;
}

/** Have an item worked on, and wait until it is. */
async function process(id) {
  const queued = await (await call('POST', '/api/process', { item_id: id })).json();
  let item = queued;
  show(item);
  // The cache may still give the version before.
  while (item.status === 'queued' || item.version < queued.version) {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    item = await (await call('GET', `/api/items/${id}`)).json();
    if (item.version > queued.version) show(item);
  }
}

async function upload() {
  const [file] = form.file.files;
  // The dialog was cancelled.
  if (!file) return;
  form.file.value = '';
  const allowed = file.name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  const headers = { 'Content-Type': file.type || 'text/plain' };
  showFile(await (await call('POST', `/files/${allowed || 'file'}`, file, headers)).json());
}

/** Show all files. */
async function loadFiles() {
  const shown = [...files.children];
  const found = [];
  let cursor = '';
  do {
    const path = `/api/files?limit=100&cursor=${encodeURIComponent(cursor)}`;
    const page = await (await call('GET', path)).json();
    found.push(...page.files);
    cursor = page.next_cursor;
  } while (cursor);
  shown.forEach((row) => row.remove());
  found.forEach(showFile);
}

/** Show a file, unless it is shown already. */
function showFile({ url, name, size }) {
  if (files.querySelector(`[href="${url}"]`)) return;
  const row = document.createElement('li');
  const link = Object.assign(document.createElement('a'), { href: url, textContent: name });
  const button = Object.assign(document.createElement('button'), {
    className: 'plain',
    textContent: 'Delete',
    ariaLabel: `Delete ${name}`,
  });
  button.addEventListener('click', () =>
    run(async () => {
      await call('DELETE', url);
      row.remove();
    }),
  );
  row.append(link, ` ${size.toLocaleString()} bytes `, button);
  files.append(row);
}

/** What a change is made to: the version that this page shows. */
function match(row) {
  return { 'If-Match': `"${row.dataset.version}"` };
}

function fields({ elements }) {
  return { name: elements.name.value, description: elements.description.value };
}

/** Call the API; a response that is no success becomes an Error with its reason. */
async function call(method, path, body, headers = {}) {
  const isJson = body !== undefined && !(body instanceof Blob);
  const response = await fetch(path, {
    method,
    body: isJson ? JSON.stringify(body) : body,
    headers: {
      Authorization: `Bearer ${sessionStorage.getItem('token') ?? ''}`,
      ...(isJson ? { 'Content-Type': 'application/json' } : {}),
      ...headers,
    },
  });
  if (response.ok) return response;
  const { detail, errors = [] } = await response.json().catch(() => ({}));
  const reasons = errors.map((error) => `${error.pointer.replace(/^#\/?/, '')}: ${error.detail}`);
  throw new Error(reasons.join('; ') || detail || `The server answered ${response.status}.`);
}

async function run(action) {
  status.className = '';
  status.textContent = '';
  try {
    await action();
  } catch (error) {
    status.className = 'error';
    status.textContent = error.message;
  }
}
