// Shows the content of the bindings of a running `cfpy dev`. All content is untrusted: it is shown
// as text, never as markup.
const REFRESH_MS = 400;
const LOG_LINES = 500;

const byId = (id) => document.getElementById(id);
let shown = null; // the {binding, parameters} that the page shows
let refresh;

/** An element with properties and children; strings become text nodes. */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

async function load(path, parameters = {}) {
  const response = await fetch(`/__cfpy/api/${path}?${new URLSearchParams(parameters)}`);
  const data = await response.json();
  if (!response.ok) throw new Error(data.error);
  return data;
}

function table(columns, rows) {
  const head = make('tr', {}, ...columns.map((name) => make('th', { scope: 'col' }, name)));
  const body = rows.map((cells) => make('tr', {}, ...cells.map(cell)));
  if (rows.length === 0)
    body.push(
      make('tr', {}, make('td', { colSpan: columns.length, className: 'muted' }, 'nothing yet')),
    );
  return make('table', {}, make('thead', {}, head), make('tbody', {}, ...body));
}

function cell(value) {
  if (value instanceof Node) return make('td', {}, value);
  const isNumber = typeof value === 'number';
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  return make('td', { className: isNumber ? 'number' : '', title: text }, text);
}

/** A button that shows another view of the same binding. */
function go(label, parameters) {
  return make('button', { type: 'button', onclick: () => show({ ...shown, parameters }) }, label);
}

/** A field that requests another view of the same binding. */
function ask(label, name, button) {
  const input = make('input', {
    name,
    ariaLabel: label,
    placeholder: label,
    value: shown.parameters[name] ?? '',
  });
  const form = make('form', {}, input, make('button', {}, button));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    show({ ...shown, parameters: input.value ? { [name]: input.value } : {} });
  });
  return form;
}

function more(parameters) {
  return make('p', {}, go('More', { ...shown.parameters, ...parameters }));
}

const missing = (note) => make('p', { className: 'muted' }, note);

const time = (at) => new Date(at).toLocaleTimeString();

function content({ size, text, cut, ...facts }) {
  const known = Object.entries(facts).filter(([, value]) => value && Object.keys(value).length > 0);
  const about = [
    `${size} bytes`,
    ...known.map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
  ];
  const body =
    text === null ? make('p', { className: 'muted' }, 'Not text.') : make('pre', {}, text);
  return [
    make('p', {}, go('Back', {})),
    make('p', {}, about.join(', ')),
    body,
    cut ? make('p', { className: 'muted' }, 'The rest is not shown.') : null,
  ];
}

const VIEWS = {
  d1({ tables, columns, rows }) {
    const { table: name, offset = 0 } = shown.parameters;
    const list = table(
      ['table', 'rows'],
      tables.map((item) => [go(item.name, { table: item.name }), item.rows]),
    );
    if (!rows) return [list];
    const next = Number(offset) + rows.length;
    const total = tables.find((item) => item.name === name).rows;
    const range = `${name}: rows ${rows.length ? Number(offset) + 1 : 0} to ${next} of ${total}`;
    return [
      list,
      make('p', {}, range),
      table(columns, rows),
      next < total ? more({ offset: next }) : null,
    ];
  },

  kv(data) {
    if (!data.keys) return content(data);
    const rows = data.keys.map(({ name, expiration, metadata }) => [
      go(name, { key: name }),
      expiration ? new Date(expiration * 1000).toLocaleString() : '',
      metadata,
    ]);
    return [
      ask('Prefix', 'prefix', 'List'),
      table(['key', 'expires', 'metadata'], rows),
      data.cursor ? more({ cursor: data.cursor }) : null,
    ];
  },

  r2(data) {
    if (!data.objects) return content(data);
    const rows = data.objects.map(({ key, size, type, uploaded }) => [
      go(key, { key }),
      size,
      type,
      new Date(uploaded).toLocaleString(),
    ]);
    return [
      ask('Prefix', 'prefix', 'List'),
      table(['key', 'bytes', 'type', 'uploaded'], rows),
      data.cursor ? more({ cursor: data.cursor }) : null,
    ];
  },

  queues({ queues, note }) {
    if (note) {
      const waiting = queues.map(({ queue, backlog }) => [queue, backlog]);
      return [table(['queue', 'waiting'], waiting), missing(note)];
    }
    const columns = [
      'queue',
      'waiting',
      'being handled',
      'waiting for a retry',
      'done',
      'given up',
      'then',
    ];
    const rows = queues.map((queue) => [
      queue.queue,
      queue.backlog ?? 'not known',
      queue.handling,
      queue.waiting,
      queue.done,
      queue.given.length,
      queue.consumed ? (queue.next ?? 'deleted') : 'no consumer here',
    ]);
    const given = queues.flatMap(({ queue, given: letters }) =>
      letters.map(({ id, attempts, at, body }) => [queue, time(at), attempts, id, body]),
    );
    return [
      table(columns, rows),
      make('h3', {}, 'Given up'),
      table(['queue', 'at', 'attempts', 'message', 'body'], given),
    ];
  },

  vectors({ matches, vectors, total, waiting, model }) {
    const form = ask('Text to search by meaning', 'text', 'Search');
    if (matches) {
      const rows = matches.map(({ id, score, namespace, metadata }) => [
        score.toFixed(4),
        go(id, { near: id }),
        namespace,
        metadata,
      ]);
      const how = model ? `Embedded by ${model}.` : `Nearest to ${shown.parameters.near}.`;
      return [
        form,
        make('p', {}, go('All vectors', {})),
        make('p', {}, how),
        table(['score', 'id', 'namespace', 'metadata'], rows),
      ];
    }
    const offset = Number(shown.parameters.offset ?? 0) + vectors.length;
    const rows = vectors.map(({ id, namespace, metadata }) => [
      go(id, { near: id }),
      namespace,
      metadata,
    ]);
    return [
      form,
      make('p', {}, `${total} vectors. Choose one to see what is near it.`),
      waiting ? make('p', {}, `Mutations that are not visible yet: ${waiting}.`) : null,
      table(['id', 'namespace', 'metadata'], rows),
      offset < total ? more({ offset }) : null,
    ];
  },

  ai({ calls, note: why }) {
    if (why) return [missing(why)];
    const rows = calls.map(({ at, model, ms, input, output, neurons, error }) => [
      time(at),
      model,
      ms,
      input,
      output,
      neurons === null ? 'no price' : Number(neurons.toFixed(3)),
      error ?? '',
    ]);
    const sum = calls.reduce((total, call) => total + (call.neurons ?? 0), 0);
    const note =
      `The last ${calls.length} calls would have cost ${sum.toFixed(3)} neurons. ` +
      'Tokens are estimated: four characters each.';
    return [
      make('p', {}, note),
      table(['at', 'model', 'ms', 'tokens in', 'tokens out', 'neurons', 'error'], rows),
    ];
  },

  points({ points, note }) {
    if (note) return [missing(note)];
    const rows = points.map(({ at, indexes, blobs, doubles }) => [
      time(at),
      indexes,
      blobs,
      doubles,
    ]);
    return [
      make('p', {}, 'Since the start: data points are not stored on this machine.'),
      table(['at', 'indexes', 'blobs', 'doubles'], rows),
    ];
  },
};

async function show(wanted) {
  shown = wanted;
  const { binding, parameters } = wanted;
  let parts;
  try {
    const data = await load(`${binding.view}/${encodeURIComponent(binding.name)}`, parameters);
    if (data.error) throw new Error(data.error);
    parts = shown === wanted ? VIEWS[binding.view](data) : null;
  } catch (error) {
    parts = [make('p', { className: 'wrong' }, error.message), make('p', {}, go('Back', {}))];
  }
  if (shown !== wanted) return; // Another view was selected in the meantime.
  byId('title').replaceChildren(`${binding.name} `, make('small', {}, binding.target));
  byId('content').replaceChildren(...parts.filter((part) => part !== null));
  for (const button of byId('bindings').querySelectorAll('button')) {
    button.ariaCurrent = String(button.textContent === binding.name);
  }
}

function line({ event, at, ...data }) {
  const text = {
    request: () => `${data.method} ${data.path} ${data.status} ${data.ms.toFixed(0)} ms`,
    log: () => data.text,
    reload_failed: () => data.text,
    reloading: () => `${data.path} changed: reloading`,
    reloaded: () => `reloaded in ${data.ms} ms`,
    ready: () => 'ready',
  }[event];
  const wrong = data.level === 'error' || event === 'reload_failed' || data.status >= 500;
  return make('li', { className: wrong ? 'wrong' : '' }, `${time(at)}  ${text ? text() : event}`);
}

/** The content may have changed after an event; but do not interrupt typing in a field. */
function showAgain() {
  if (shown && document.activeElement?.tagName !== 'INPUT') show({ ...shown });
}

function follow() {
  const log = byId('log');
  const events = new EventSource('/__cfpy/api/events');
  // Recorded events are sent again with each connection.
  events.onopen = () => {
    log.replaceChildren();
    byId('state').textContent = 'running';
  };
  events.onerror = () => {
    byId('state').textContent = 'no connection: cfpy dev is restarting, or was stopped';
  };
  events.onmessage = ({ data }) => {
    log.append(line(JSON.parse(data)));
    if (log.childElementCount > LOG_LINES) log.firstElementChild.remove();
    log.parentElement.scrollTop = log.parentElement.scrollHeight;
    clearTimeout(refresh);
    refresh = setTimeout(showAgain, REFRESH_MS);
  };
}

/** A button that runs a cron trigger now; what it logs is in the log. */
function cronButton(cron) {
  const outcome = make('small', { role: 'status' });
  const run = async () => {
    outcome.textContent = 'runs';
    const parameters = new URLSearchParams({ cron });
    const response = await fetch(`/cdn-cgi/handler/scheduled?${parameters}`).catch(() => null);
    outcome.textContent = response?.ok ? 'done' : 'failed: see the log';
  };
  return make('li', {}, make('button', { type: 'button', onclick: run }, `Run ${cron}`), outcome);
}

async function start() {
  const { project, caller, bindings, crons } = await load('bindings');
  document.title = `${project}: cfpy dev`;
  byId('project').textContent = project;
  byId('caller').hidden = caller === null;
  byId('caller').querySelector('a').textContent = caller;
  for (const binding of bindings) {
    const name = binding.view
      ? make(
          'button',
          { type: 'button', onclick: () => show({ binding, parameters: {} }) },
          binding.name,
        )
      : binding.name;
    byId('bindings').append(
      make('li', {}, name, make('small', {}, `${binding.kind} ${binding.target}`)),
    );
  }
  byId('crons-title').hidden = crons.length === 0;
  byId('crons').append(...crons.map(cronButton));
  follow();
}

start();
