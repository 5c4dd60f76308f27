// D1 with one request for each query. With Miniflare's proxy, prepare(), bind() and all() would
// each be a round trip, and the first two would block this thread.
import { emit } from './events.mjs';
import { count, isMetering } from './meter.mjs';

// Not properties, because Python looks those up.
const states = new WeakMap();

// The Workers SDK recognises both classes by their names.
class D1PreparedStatement {
  constructor(database, sql, values) {
    states.set(this, { database, sql, values });
  }

  bind(...values) {
    const { database, sql } = states.get(this);
    return new D1PreparedStatement(database, sql, values.map(toPlain));
  }

  all() {
    return this.#query('all');
  }

  run() {
    return this.#query('run');
  }

  raw(options) {
    return this.#query('raw', options);
  }

  async first(column) {
    if (!isMetering()) return this.#query('first', column);
    // The first row does not show how many rows were read.
    const { results } = await this.all();
    const row = results[0] ?? null;
    return column === undefined || row === null ? row : row[column];
  }

  async #query(method, ...given) {
    const { database, sql, values } = states.get(this);
    const args = given.filter((argument) => argument !== undefined); // JSON has no undefined.
    const result = await database.ask({ method, args, statements: [{ sql, values }] });
    count('D1PreparedStatement', method, args, result);
    return result;
  }
}

class D1Database {
  constructor(database) {
    states.set(this, database);
  }

  prepare(sql) {
    return new D1PreparedStatement(states.get(this), sql, []);
  }

  async batch(statements) {
    const parts = Array.from(statements, (statement) => states.get(statement));
    if (parts.includes(undefined)) throw new TypeError('batch() takes prepared statements');
    const plain = parts.map(({ sql, values }) => ({ sql, values }));
    const results = await states.get(this).ask({ method: 'batch', args: [], statements: plain });
    count('D1Database', 'batch', [], results);
    return results;
  }

  exec(sql) {
    return states.get(this).proxy.exec(sql);
  }

  dump() {
    return states.get(this).proxy.dump();
  }

  withSession(...args) {
    return states.get(this).proxy.withSession(...args);
  }
}

/**
 * A D1 binding.
 *
 * @param {object} proxy the facade of Miniflare's own binding, for rare methods
 * @param {(query: object) => Promise<{r?: any, e?: {name: string, message: string}}>} send runs a
 *   query in workerd: `method` of the statements, or of the database if it is `batch`
 * @param {{binding: string, life: {over: boolean}}} owner
 */
export function d1(proxy, send, { binding, life }) {
  const ask = async (query) => {
    if (life.over) return new Promise(() => {});
    const { r: result, e: error } = await send({ binding, ...query });
    if (life.over) return new Promise(() => {});
    if (error) {
      explain(binding, error.message);
      throw Object.assign(new Error(error.message), { name: error.name });
    }
    return result;
  };
  return new D1Database({ proxy, ask });
}

const explained = new Set();

/** Say once where a missing table comes from. */
function explain(binding, message) {
  const table = /no such table: (\S+?)(:|$)/.exec(message)?.[1];
  if (!table || explained.has(table)) return;
  explained.add(table);
  const text =
    `The local database ${binding} has no table ${table}. Tables come from migrations, which cfpy ` +
    `dev applies, or from a file: cfpy wrangler d1 execute ${binding} --local --file FILE.sql`;
  emit('log', { level: 'warning', text });
}

/**
 * A value for a query, converted like in D1's own bind(); values that JSON would silently change
 * are refused.
 */
function toPlain(value) {
  if (value instanceof ArrayBuffer) return Array.from(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) {
    return Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  const kind = typeof value;
  const known =
    ['number', 'string', 'boolean'].includes(kind) || value === null || Array.isArray(value);
  if (known) return value;
  throw new Error(`D1_TYPE_ERROR: Type '${kind}' not supported for value '${value}'`);
}
