// One Vectorize index: SQLite stores it, queries run in memory.
import { Best } from './best.js';
import { compile, valueAt } from './filter.js';
import { Matrix, length } from './matrix.js';
import { MetadataIndexes } from './metadata_indexes.js';
import { Mutations } from './mutations.js';
import {
  MAX_BATCH,
  MAX_DELETE_IDS,
  MAX_GET_IDS,
  checkIds,
  checkOptions,
  checkValues,
  checkVector,
  clip,
  vectorizeError,
} from './limits.js';

const SCORES = {
  cosine: (dot, norm, queryNorm) => dot / (norm * queryNorm || 1),
  'dot-product': (dot) => dot,
  euclidean: (dot, norm, queryNorm) =>
    Math.sqrt(Math.max(0, norm * norm + queryNorm * queryNorm - 2 * dot)),
};

export class VectorIndex {
  #storage;
  #settings;
  #module;
  #delay;
  #mutations;
  #metadataIndexes;
  #vectors = new Map(); // id -> {id, namespace, row, metadata, number}
  #matrix; // the values, one row per vector; none before the dimensions are known
  #byRow = [];

  /**
   * @param {DurableObjectStorage} storage
   * @param {WebAssembly.Module} module dots.wasm
   * @param {number} delay milliseconds until a mutation is visible
   */
  constructor(storage, module, delay = 0) {
    this.#storage = storage;
    this.#module = module;
    this.#delay = delay;
    storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS vectors (
        id TEXT PRIMARY KEY, namespace TEXT, vals BLOB NOT NULL, metadata TEXT
      );
      CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    `);
    const columns = storage.sql.exec("SELECT name FROM pragma_table_info('vectors')").toArray();
    // The number of the mutation that wrote the vector: cfpy did not count them at first.
    if (!columns.some(({ name }) => name === 'number')) {
      storage.sql.exec('ALTER TABLE vectors ADD COLUMN number INTEGER NOT NULL DEFAULT 0');
    }
    this.#mutations = new Mutations(storage);
    this.#metadataIndexes = new MetadataIndexes(storage);
    for (const { vals, ...row } of storage.sql.exec('SELECT * FROM vectors')) {
      this.#put({ ...row, values: new Float32Array(vals) }, row.number);
    }
  }

  /**
   * Apply the settings of cfpy.toml. Dimensions and metric of an index can't be changed: other
   * values are refused while it has vectors. An index that cfpy.toml does not describe takes the
   * dimensions of its first vector.
   */
  configure({ dimensions: described, metric, metadata_indexes: declared = [] }) {
    const metadataIndexes = this.#metadataIndexes.create(declared, this.#mutations.last);
    const dimensions = described || Number(this.#fact('learned') ?? 0);
    if (dimensions === 0) {
      this.#settings = { dimensions, metric, metadataIndexes };
      return;
    }
    const wanted = `${dimensions} dimensions, ${metric}`;
    const made = this.#fact('made');
    if (made !== wanted) {
      if (made !== undefined && this.#vectors.size + this.#mutations.waiting > 0) {
        throw vectorizeError(
          'INDEX',
          40005,
          `the local index has vectors of ${made}, but cfpy.toml now has ${wanted}. ` +
            'An index can\'t be changed: use a new name, or delete .wrangler/state',
        );
      }
      this.#setFact('made', wanted);
      this.#matrix = undefined;
    }
    this.#matrix ??= new Matrix(this.#module, dimensions);
    this.#settings = { dimensions, metric, metadataIndexes };
  }

  #learn(kind, first) {
    checkVector(kind, first, first?.values?.length);
    this.#setFact('learned', String(first.values.length));
    const { metric, metadataIndexes } = this.#settings;
    this.configure({ metric, metadata_indexes: metadataIndexes });
  }

  /** Process the mutations that are old enough. */
  settle() {
    this.#mutations.process(this.#delay, ({ number, id, changes }, at) => {
      for (const change of changes) this.#apply(change, number);
      this.#setFact('mutation', id);
      this.#setFact('mutated_at', new Date(at).toISOString());
    });
  }

  /** insert keeps an existing vector with the same id, upsert replaces it. */
  write(vectors, { replace }) {
    const kind = replace ? 'UPSERT' : 'INSERT';
    if (!Array.isArray(vectors) || vectors.length === 0) {
      throw vectorizeError(kind, 40003, 'expected a non-empty array of vectors');
    }
    if (vectors.length > MAX_BATCH) {
      const message = `max is ${MAX_BATCH} vectors in a batch, got ${vectors.length}`;
      throw vectorizeError(kind, 40007, message);
    }
    if (this.#settings.dimensions === 0) this.#learn(kind, vectors[0]);
    for (const vector of vectors) checkVector(kind, vector, this.#settings.dimensions);
    const changes = vectors.map(({ id, namespace, values, metadata }) => ({
      kind: replace ? 'upsert' : 'insert',
      id,
      namespace: namespace ?? null,
      values: Float32Array.from(values),
      metadata: metadata == null ? null : JSON.stringify(metadata),
    }));
    return { mutationId: this.#mutations.accept(changes) };
  }

  query(vector, options) {
    if (this.#settings.dimensions === 0) {
      checkOptions(options);
      return { count: 0, matches: [] };
    }
    checkValues('QUERY', 40006, 'invalid query vector', vector, this.#settings.dimensions);
    const { topK, returnValues, returnMetadata, namespace, filter } = checkOptions(options);
    const accepts = filter == null ? () => true : compile(filter, this.#settings.metadataIndexes);
    const asked = Float32Array.from(vector);
    const askedNorm = length(asked);
    const matrix = this.#matrix;
    const score = SCORES[this.#settings.metric];
    const best = new Best(topK, this.#settings.metric === 'euclidean' ? -1 : 1);
    const ceilings = matrix.ceilings(asked);
    for (let row = 0; row < ceilings.length; row++) {
      const norm = matrix.norm(row);
      // For each metric, a larger product is a better score. Few vectors get here.
      if (!best.takes(score(ceilings[row], norm, askedNorm))) continue;
      const candidate = this.#byRow[row];
      if (namespace !== undefined && candidate.namespace !== namespace) continue;
      if (!accepts(candidate)) continue;
      const value = score(matrix.dot(row), norm, askedNorm);
      if (best.takes(value)) best.add(value, candidate);
    }
    const matches = best.sorted().map(([value, found]) => {
      const { id, namespace: own, row } = found;
      const shown = this.#show(found, returnMetadata);
      return {
        id,
        score: value,
        ...(own !== undefined && { namespace: own }),
        ...(returnValues && { values: Array.from(this.#matrix.get(row)) }),
        ...(shown !== undefined && { metadata: shown }),
      };
    });
    return { count: matches.length, matches };
  }

  queryById(id, options) {
    const found = this.#vectors.get(id);
    if (!found) throw vectorizeError('QUERY', 40010, `vector with id="${id}" not found`);
    return this.query(this.#matrix.get(found.row), options);
  }

  getByIds(ids) {
    checkIds('GET', ids, MAX_GET_IDS);
    const found = ids.map((id) => this.#vectors.get(id)).filter((vector) => vector !== undefined);
    return found.map(({ id, namespace, row, metadata }) => ({
      id,
      values: Array.from(this.#matrix.get(row)),
      ...(namespace !== undefined && { namespace }),
      ...(metadata !== undefined && { metadata }),
    }));
  }

  deleteByIds(ids) {
    checkIds('DELETE', ids, MAX_DELETE_IDS);
    const named = ids.length > 0 ? ids : ['']; // No vector has this id.
    const nothing = { namespace: null, values: null, metadata: null };
    const changes = named.map((id) => ({ kind: 'delete', id, ...nothing }));
    return { mutationId: this.#mutations.accept(changes) };
  }

  describe() {
    return {
      vectorCount: this.#vectors.size,
      dimensions: this.#settings.dimensions,
      processedUpToDatetime: this.#fact('mutated_at') ?? null,
      processedUpToMutation: this.#fact('mutation') ?? null,
    };
  }

  /** Vectors in the order of their first writing, without their values; what waits is counted. */
  page(offset, limit) {
    const vectors = this.#vectors.values().drop(offset).take(limit);
    return {
      total: this.#vectors.size,
      waiting: this.#mutations.waiting,
      vectors: Array.from(vectors, ({ id, namespace, metadata }) => ({ id, namespace, metadata })),
    };
  }

  /** What somebody should know who queries with these options; empty if nothing. */
  hint({ filter } = {}) {
    return this.#metadataIndexes.hint(Object.keys(filter ?? {}), (property, since) => {
      const vectors = this.#vectors.values();
      const missed = ({ number, metadata }) =>
        number < since && valueAt(metadata, property) !== undefined;
      return vectors.filter(missed).toArray().length;
    });
  }

  #apply(change, number) {
    const { kind, id, namespace, values, metadata } = change;
    if (kind === 'delete') {
      this.#storage.sql.exec('DELETE FROM vectors WHERE id = ?', id);
      this.#remove(id);
    } else if (kind === 'upsert' || !this.#vectors.has(id)) {
      this.#storage.sql.exec(
        'INSERT OR REPLACE INTO vectors (id, namespace, vals, metadata, number) ' +
          'VALUES (?, ?, ?, ?, ?)',
        ...[id, namespace, values.buffer, metadata, number],
      );
      this.#put(change, number);
    }
  }

  /** Keep a vector in memory: `namespace` may be null, `metadata` is JSON or null. */
  #put({ id, namespace, values, metadata: json }, number) {
    this.#matrix ??= new Matrix(this.#module, values.length);
    const metadata = json === null ? undefined : JSON.parse(json);
    const facts = { namespace: namespace ?? undefined, metadata, number };
    const there = this.#vectors.get(id);
    if (there) {
      this.#matrix.set(there.row, values);
      Object.assign(there, facts);
      return;
    }
    const added = { id, row: this.#matrix.push(values), ...facts };
    this.#vectors.set(id, added);
    this.#byRow.push(added);
  }

  #remove(id) {
    const gone = this.#vectors.get(id);
    if (!gone) return;
    this.#vectors.delete(id);
    this.#matrix.remove(gone.row);
    const last = this.#byRow.pop();
    if (last === gone) return;
    last.row = gone.row;
    this.#byRow[gone.row] = last;
  }

  #show({ metadata, number }, mode) {
    if (mode === 'none' || metadata === undefined) return undefined;
    if (mode === 'all') return metadata;
    const shown = {};
    for (const { property, since } of this.#settings.metadataIndexes) {
      if (number < since) continue;
      const value = valueAt(metadata, property);
      if (value !== undefined) shown[property] = typeof value === 'string' ? clip(value) : value;
    }
    return shown;
  }

  #fact(name) {
    const rows = this.#storage.sql.exec('SELECT value FROM facts WHERE name = ?', name).toArray();
    return rows[0]?.value;
  }

  #setFact(name, value) {
    this.#storage.sql.exec('INSERT OR REPLACE INTO facts VALUES (?, ?)', name, value);
  }
}
