// One Vectorize index: SQLite stores it, queries run in memory.
import { compile, valueAt } from './filter.js';
import { Matrix, length } from './matrix.js';
import {
  MAX_BATCH,
  MAX_DELETE_IDS,
  MAX_GET_IDS,
  MAX_INDEXED_STRING_BYTES,
  MAX_TOP_K,
  MAX_TOP_K_WITH_DATA,
  byteLength,
  checkValues,
  checkVector,
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
  #vectors = new Map(); // id -> {id, namespace, row, metadata}
  #matrix; // the values, one row per vector; none before the dimensions are known
  #byRow = [];

  /**
   * @param {DurableObjectStorage} storage
   * @param {WebAssembly.Module} module dots.wasm
   */
  constructor(storage, module) {
    this.#storage = storage;
    this.#module = module;
    storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS vectors (
        id TEXT PRIMARY KEY, namespace TEXT, vals BLOB NOT NULL, metadata TEXT
      );
      CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    `);
    for (const row of storage.sql.exec('SELECT * FROM vectors')) {
      const metadata = row.metadata === null ? undefined : JSON.parse(row.metadata);
      const values = new Float32Array(row.vals);
      this.#matrix ??= new Matrix(module, values.length);
      this.#put(row.id, row.namespace ?? undefined, values, metadata);
    }
  }

  /**
   * Apply the settings of cfpy.toml. Dimensions and metric of an index can't be changed: other
   * values are refused while it has vectors. An index that cfpy.toml does not describe takes the
   * dimensions of its first vector.
   */
  configure({ dimensions: described, metric, metadata_indexes: metadataIndexes = [] }) {
    const dimensions = described || Number(this.#fact('learned') ?? 0);
    if (dimensions === 0) {
      this.#settings = { dimensions, metric, metadataIndexes };
      return;
    }
    const wanted = `${dimensions} dimensions, ${metric}`;
    const made = this.#fact('made');
    if (made !== wanted) {
      if (made !== undefined && this.#vectors.size > 0) {
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
    this.#storage.transactionSync(() => {
      for (const { id, namespace, values, metadata } of vectors) {
        if (!replace && this.#vectors.has(id)) continue;
        const floats = Float32Array.from(values);
        const json = metadata == null ? null : JSON.stringify(metadata);
        this.#storage.sql.exec(
          'INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)',
          ...[id, namespace ?? null, floats.buffer, json],
        );
        const copy = json === null ? undefined : JSON.parse(json);
        this.#put(id, namespace ?? undefined, floats, copy);
      }
    });
    return this.#mutated();
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
      if (!accepts(candidate.metadata)) continue;
      const value = score(matrix.dot(row), norm, askedNorm);
      if (best.takes(value)) best.add(value, candidate);
    }
    const matches = best.sorted().map(([value, { id, namespace: own, row, metadata }]) => {
      const shown = this.#show(metadata, returnMetadata);
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
    this.#storage.transactionSync(() => {
      for (const id of ids) {
        this.#storage.sql.exec('DELETE FROM vectors WHERE id = ?', id);
        this.#remove(id);
      }
    });
    return this.#mutated();
  }

  describe() {
    return {
      vectorCount: this.#vectors.size,
      dimensions: this.#settings.dimensions,
      processedUpToDatetime: this.#fact('mutated_at') ?? null,
      processedUpToMutation: this.#fact('mutation') ?? null,
    };
  }

  /** Vectors in the order of their first writing, without their values. */
  page(offset, limit) {
    const vectors = this.#vectors.values().drop(offset).take(limit);
    return {
      total: this.#vectors.size,
      vectors: Array.from(vectors, ({ id, namespace, metadata }) => ({ id, namespace, metadata })),
    };
  }

  #put(id, namespace, values, metadata) {
    const there = this.#vectors.get(id);
    if (there) {
      this.#matrix.set(there.row, values);
      Object.assign(there, { namespace, metadata });
      return;
    }
    const added = { id, namespace, row: this.#matrix.push(values), metadata };
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

  #show(metadata, mode) {
    if (mode === 'none' || metadata === undefined) return undefined;
    if (mode === 'all') return metadata;
    const shown = {};
    for (const { property } of this.#settings.metadataIndexes) {
      const value = valueAt(metadata, property);
      if (value !== undefined) shown[property] = typeof value === 'string' ? clip(value) : value;
    }
    return shown;
  }

  #mutated() {
    const mutationId = crypto.randomUUID();
    this.#setFact('mutation', mutationId);
    this.#setFact('mutated_at', new Date().toISOString());
    return { mutationId };
  }

  #fact(name) {
    const rows = this.#storage.sql.exec('SELECT value FROM facts WHERE name = ?', name).toArray();
    return rows[0]?.value;
  }

  #setFact(name, value) {
    this.#storage.sql.exec('INSERT OR REPLACE INTO facts VALUES (?, ?)', name, value);
  }
}

/** The `size` best candidates so far, in a binary heap whose root is the worst of them. */
class Best {
  #heap = [];

  constructor(size, sign) {
    this.size = size;
    this.sign = sign;
  }

  takes(score) {
    return this.#heap.length < this.size || score * this.sign > this.#heap[0][0];
  }

  /** Only the keys that it accepts. */
  add(score, candidate) {
    const item = [score * this.sign, score, candidate];
    if (this.#heap.length < this.size) {
      this.#heap.push(item);
      this.#up(this.#heap.length - 1);
    } else {
      this.#heap[0] = item;
      this.#down(0);
    }
  }

  sorted() {
    const byRank = (a, b) => b[0] - a[0] || (a[2].id < b[2].id ? -1 : 1);
    return this.#heap.sort(byRank).map(([, score, candidate]) => [score, candidate]);
  }

  #up(i) {
    const heap = this.#heap;
    for (let parent = (i - 1) >> 1; i > 0 && heap[i][0] < heap[parent][0]; parent = (i - 1) >> 1) {
      [heap[i], heap[parent]] = [heap[parent], heap[i]];
      i = parent;
    }
  }

  #down(i) {
    const heap = this.#heap;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && heap[child][0] < heap[least][0]) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least], heap[i]];
      i = least;
    }
  }
}

function checkOptions({ topK = 5, returnValues = false, returnMetadata = 'none', namespace, filter }) {
  // Booleans were only valid in the first version of Vectorize.
  if (!['none', 'indexed', 'all'].includes(returnMetadata)) {
    const message = 'returnMetadata must be "none", "indexed" or "all"';
    throw vectorizeError('QUERY', 40026, message);
  }
  const max = returnValues || returnMetadata === 'all' ? MAX_TOP_K_WITH_DATA : MAX_TOP_K;
  if (!Number.isInteger(topK) || topK < 1) {
    throw vectorizeError('QUERY', 40025, `top K must be a whole number from 1, but got ${topK}`);
  }
  if (topK > max) {
    throw vectorizeError('QUERY', 40025, `max top K is ${max}, but got ${topK}`);
  }
  return { topK, returnValues, returnMetadata, namespace: namespace ?? undefined, filter };
}

function checkIds(kind, ids, max) {
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    throw vectorizeError(kind, 40004, 'expected an array of ids');
  }
  if (ids.length > max) {
    throw vectorizeError(kind, 40007, `too many ids in payload; max id count is ${max}, got ${ids.length}`);
  }
}

/** The first 64 bytes of a text, without a partial character at the end. */
function clip(text) {
  if (byteLength(text) <= MAX_INDEXED_STRING_BYTES) return text;
  const bytes = new TextEncoder().encode(text).slice(0, MAX_INDEXED_STRING_BYTES);
  return new TextDecoder().decode(bytes).replace(/\uFFFD+$/, '');
}
