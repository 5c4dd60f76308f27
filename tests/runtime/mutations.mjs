// What a Vectorize stand-in shows while mutations are on their way, with a clock that is set and a
// storage that outlives it. Prints a JSON list of what each step showed.
import path from 'node:path';
import fs from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

const [services, steps] = [process.argv[2], JSON.parse(process.argv[3])];
const { VectorIndex } = await import(pathToFileURL(path.join(services, 'vector_index.js')));
const dots = new WebAssembly.Module(fs.readFileSync(path.join(services, 'dots.wasm')));

let now = 1_000_000;
Date.now = () => now;

const database = new DatabaseSync(':memory:');
const bytes = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value);
const rows = (found) => {
  const list = found.map((row) => ({ ...row, ...(row.vals && { vals: row.vals.slice().buffer }) }));
  return Object.assign(list, { toArray: () => list });
};
const storage = {
  transactionSync(work) {
    database.exec('SAVEPOINT work');
    try {
      work();
      database.exec('RELEASE work');
    } catch (error) {
      database.exec('ROLLBACK TO work');
      throw error;
    }
  },
  sql: {
    exec(sql, ...values) {
      if (sql.split(';').filter((part) => part.trim()).length > 1) {
        database.exec(sql);
        return rows([]);
      }
      return rows(database.prepare(sql).all(...values.map(bytes)));
    },
  },
};

let settings = { dimensions: 2, metric: 'cosine' };
let index = null;
const calls = {
  start: ({ delay, old }) => {
    if (old) database.exec(old);
    index = new VectorIndex(storage, dots, delay);
  },
  settings: (given) => (settings = { ...settings, ...given }),
  wait: (milliseconds) => {
    now += milliseconds;
  },
  upsert: (vectors) => index.write(vectors, { replace: true }),
  insert: (vectors) => index.write(vectors, { replace: false }),
  hint: (options) => index.hint(options),
};

const ids = new Map(); // the mutation ids in their order
const shown = [];
for (const [name, ...given] of steps) {
  let result;
  try {
    if (!['start', 'settings', 'wait'].includes(name)) {
      index.configure(settings);
      index.settle();
    }
    result = calls[name] ? calls[name](...given) : index[name](...given);
  } catch (error) {
    result = { error: error.message };
  }
  if (result?.mutationId) ids.set(result.mutationId, ids.size + 1);
  if (name === 'describe' && !result.error) {
    result.processedUpToMutation = ids.get(result.processedUpToMutation) ?? null;
    const at = result.processedUpToDatetime;
    result.processedUpToDatetime = at === null ? null : Date.parse(at) - 1_000_000;
  }
  if (!['start', 'settings', 'wait', 'upsert', 'insert', 'deleteByIds'].includes(name)) {
    shown.push(result);
  }
}
console.log(JSON.stringify(shown));
