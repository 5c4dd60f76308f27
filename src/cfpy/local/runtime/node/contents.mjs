// Reads the content of each kind of binding, for the page of `cfpy dev`.
import { embeddingModels } from '../local_services/models.js';

const PAGE = 50;
const PREVIEW_BYTES = 8192;
const NEAREST = 10;
const IN_WORKERD = 'are not recorded with --runtime workerd; --runtime node records them.';

// By class of binding: its usual name, and the view that shows it.
const KINDS = {
  D1Database: ['D1', 'd1'],
  KvNamespace: ['KV', 'kv'],
  R2Bucket: ['R2', 'r2'],
  WorkerQueue: ['Queue', 'queues'],
  VectorizeIndexImpl: ['Vectorize', 'vectors'],
  Ai: ['Workers AI', 'ai'],
  AnalyticsEngineDataset: ['Analytics Engine', 'points'],
  Ratelimit: ['rate limit', null],
  Fetcher: ['service or assets', null],
};
// By table of the configuration: the target of a binding.
const TARGETS = {
  d1_databases: 'database_name',
  r2_buckets: 'bucket_name',
  analytics_engine_datasets: 'dataset',
};

/** Names, kinds, targets and views of the bindings; only the names of secrets. */
export function describeBindings(config, kinds, secrets) {
  const targets = {};
  for (const [table, key] of Object.entries(TARGETS)) {
    for (const item of config[table] ?? []) targets[item.binding] = item[key];
  }
  for (const { binding, queue } of config.queues?.producers ?? []) targets[binding] = queue;
  for (const { binding, props } of config.services ?? []) {
    if (!props?.index) continue;
    const size = props.dimensions ? `${props.dimensions} dimensions` : 'as its first vector';
    targets[binding] = `${props.index}, ${size}, ${props.metric}`;
  }
  const bound = Object.entries(kinds).map(([name, kind]) => ({
    name,
    kind: KINDS[kind]?.[0] ?? kind,
    target: targets[name] ?? '',
    view: KINDS[kind]?.[1] ?? null,
    ...(kind === 'VectorizeIndexImpl' && propsOf(config, name)),
  }));
  const shown = Object.entries(config.vars ?? {}).filter(([name]) => !secrets.includes(name));
  const vars = shown.map(([name, value]) => {
    return {
      name,
      kind: 'variable',
      target: typeof value === 'string' ? value : JSON.stringify(value),
    };
  });
  const hidden = secrets.map((name) => ({
    name,
    kind: 'secret',
    target: 'not shown',
  }));
  return [...bound, ...vars, ...hidden];
}

function propsOf(config, name) {
  const { index, dimensions } = config.services.find(({ binding }) => binding === name).props;
  return { index, dimensions };
}

/**
 * By name of the view: reads the content of `found`, a binding. `raw` are the bindings of the run,
 * `call` calls a method of a stand-in. `observed` is what passed, from observed.mjs; null where that
 * is not recorded, which the result then says in `note`.
 */
export const VIEWS = {
  async d1({ found, raw, parameters }) {
    const database = raw[found.name];
    const { results } = await database
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
      )
      .all();
    // The tables of D1 itself.
    const names = results
      .map(({ name }) => name)
      .filter((name) => !/^(_cf_|d1_migrations)/.test(name));
    const tables = await Promise.all(
      names.map(async (name) => ({
        name,
        rows: await database.prepare(`SELECT count(*) FROM ${quote(name)}`).first('count(*)'),
      })),
    );
    const table = parameters.get('table');
    if (table === null) return { tables };
    if (!names.includes(table)) return { tables, error: `there is no table ${table}` };
    const statement = database.prepare(`SELECT * FROM ${quote(table)} LIMIT ${PAGE} OFFSET ?`);
    const [columns, ...rows] = await statement
      .bind(number(parameters, 'offset'))
      .raw({ columnNames: true });
    return { tables, columns, rows };
  },

  async kv({ found, raw, parameters }) {
    const namespace = raw[found.name];
    const key = parameters.get('key');
    if (key !== null) {
      const { value, metadata } = await namespace.getWithMetadata(key, 'arrayBuffer');
      return value === null
        ? { error: `there is no key ${key}` }
        : { ...preview(value, value.byteLength), metadata };
    }
    const { keys, cursor } = await namespace.list({ limit: PAGE, ...asked(parameters) });
    return { keys, cursor };
  },

  async r2({ found, raw, parameters }) {
    const bucket = raw[found.name];
    const key = parameters.get('key');
    if (key !== null) {
      const object = await bucket.get(key, { range: { offset: 0, length: PREVIEW_BYTES } });
      if (object === null) return { error: `there is no object ${key}` };
      const { size, httpMetadata, customMetadata } = object;
      return { ...preview(await object.arrayBuffer(), size), httpMetadata, customMetadata };
    }
    const include = ['httpMetadata', 'customMetadata'];
    const { objects, cursor } = await bucket.list({ limit: PAGE, include, ...asked(parameters) });
    return {
      objects: objects.map(({ key: name, size, uploaded, httpMetadata }) => ({
        key: name,
        size,
        type: httpMetadata?.contentType ?? '',
        uploaded,
      })),
      cursor,
    };
  },

  async queues({ found, bindings, raw, observed }) {
    const backlogs = new Map();
    for (const { name, view, target } of bindings) {
      if (view === 'queues') backlogs.set(target, (await raw[name].metrics()).backlogCount);
    }
    if (observed === null) {
      const backlog = backlogs.get(found.target);
      return { queues: [{ queue: found.target, backlog }], note: `Handled messages ${IN_WORKERD}` };
    }
    const queues = observed.queueStates().map((state) => ({ ...state, backlog: backlogs.get(state.queue) }));
    const byName = new Map(queues.map((state) => [state.queue, state]));
    // This binding's queue, and its dead-letter queues.
    const chain = [];
    for (
      let state = byName.get(found.target);
      state && !chain.includes(state);
      state = byName.get(state.next)
    ) {
      chain.push(state);
    }
    return { queues: chain };
  },

  async vectors({ found, bindings, raw, call, observed, localServices, parameters }) {
    const text = parameters.get('text');
    const near = parameters.get('near');
    const options = { topK: NEAREST, returnMetadata: 'all' };
    if (near !== null) return call(raw[found.name], 'queryById', [near, options]);
    if (text !== null) {
      const { model, values } = await embed(text, found, { bindings, raw, call, observed });
      return { model, ...(await call(raw[found.name], 'query', [values, options])) };
    }
    const body = JSON.stringify({
      index: found.index,
      offset: number(parameters, 'offset'),
      limit: PAGE,
    });
    const stand = await localServices();
    return (await stand.fetch('http://cfpy-local/', { method: 'POST', body })).json();
  },

  async ai({ session, observed }) {
    if (observed === null) return { calls: [], note: `Calls of models ${IN_WORKERD}` };
    return {
      calls: observed.modelCalls().map((call) => ({ ...call, neurons: neuronsOf(call, session.neurons) })),
    };
  },

  async points({ found, observed }) {
    if (observed === null) return { points: [], note: `Data points ${IN_WORKERD}` };
    return { points: observed.dataPoints(found.name) };
  },
};

/** Uses the model that the project last used for this index, or else the first one that fits. */
async function embed(text, { dimensions }, { bindings, raw, call, observed }) {
  const ai = bindings.find(({ view }) => view === 'ai');
  if (!ai) throw new Error('there is no Workers AI binding to embed text: search with a vector');
  const models = embeddingModels(dimensions);
  if (models.length === 0)
    throw new Error(`there is no model whose embeddings have ${dimensions} dimensions`);
  const calls = observed?.modelCalls() ?? [];
  const last = calls.find(({ model, error }) => models.includes(model) && !error);
  const { model, pooling } = last ?? { model: models[0] };
  const inputs = { text: [text], ...(pooling && { pooling }) };
  const { data } = await call(raw[ai.name], 'run', [model, inputs]);
  return { model, values: data[0] };
}

/** The cost of a call on Cloudflare; null for a model without a price. */
function neuronsOf({ model, input, output, free }, prices) {
  if (free) return 0;
  const price = prices[model];
  return price ? (input * price.input + output * price.output) / 1e6 : null;
}

function asked(parameters) {
  const given = ['prefix', 'cursor'].filter((name) => parameters.get(name));
  return Object.fromEntries(given.map((name) => [name, parameters.get(name)]));
}

function number(parameters, name) {
  const value = Number(parameters.get(name) ?? 0);
  return Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** The beginning of some bytes, as text if they are text. */
function preview(buffer, size) {
  const bytes = new Uint8Array(buffer).subarray(0, PREVIEW_BYTES);
  try {
    // With `stream`, a character that is cut off at the end is not an error.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return { size, text, cut: size > bytes.length };
  } catch {
    return { size, text: null, cut: size > bytes.length };
  }
}

const quote = (name) => `"${name.replaceAll('"', '""')}"`;
