// The mutations of a Vectorize index that were accepted and are not visible yet.
//
// The real service takes seconds to process a mutation: until then, no method shows it.

export class Mutations {
  #storage;
  #waiting = []; // {number, id, at, changes}, oldest first
  #last; // the number of the last mutation ever accepted

  /** @param {DurableObjectStorage} storage where they outlive a restart */
  constructor(storage) {
    this.#storage = storage;
    storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS changes (
        mutation INTEGER NOT NULL, mutation_id TEXT NOT NULL, at INTEGER NOT NULL,
        kind TEXT NOT NULL, id TEXT, namespace TEXT, vals BLOB, metadata TEXT
      );
      CREATE TABLE IF NOT EXISTS numbers (last INTEGER NOT NULL);
    `);
    const [counted] = storage.sql.exec('SELECT last FROM numbers').toArray();
    this.#last = counted?.last ?? 0;
    for (const row of storage.sql.exec('SELECT * FROM changes ORDER BY rowid')) {
      const { mutation: number, mutation_id: id, at, kind, vals, ...change } = row;
      if (this.#waiting.at(-1)?.number !== number) {
        this.#waiting.push({ number, id, at, changes: [] });
      }
      const values = vals === null ? null : new Float32Array(vals);
      this.#waiting.at(-1).changes.push({ kind, values, ...change });
    }
  }

  get waiting() {
    return this.#waiting.length;
  }

  /** The number of the last mutation; 0 if there was none. */
  get last() {
    return this.#last;
  }

  /**
   * Accept a mutation.
   *
   * @param {{kind: 'insert' | 'upsert' | 'delete', id: string, namespace: string | null,
   *   values: Float32Array | null, metadata: string | null}[]} changes
   * @returns {string} its id
   */
  accept(changes) {
    const mutation = {
      number: this.#last + 1,
      id: crypto.randomUUID(),
      at: Date.now(),
      changes,
    };
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec('DELETE FROM numbers');
      this.#storage.sql.exec('INSERT INTO numbers VALUES (?)', mutation.number);
      for (const { kind, id, namespace, values, metadata } of changes) {
        this.#storage.sql.exec(
          'INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
          ...[mutation.number, mutation.id, mutation.at],
          ...[kind, id, namespace, values?.buffer ?? null, metadata],
        );
      }
    });
    this.#last = mutation.number;
    this.#waiting.push(mutation);
    return mutation.id;
  }

  /**
   * Process the mutations that are `delay` milliseconds old, in their order.
   *
   * @param {(mutation: {number: number, id: string, changes: object[]}, at: number) => void} apply
   *   called in a transaction, with the time at which the mutation became visible
   */
  process(delay, apply) {
    const now = Date.now();
    // A clock that was set back must not hold them up.
    const isDue = ({ at }) => now - at >= delay || now < at;
    while (this.#waiting.length > 0 && isDue(this.#waiting[0])) {
      const [mutation] = this.#waiting;
      this.#storage.transactionSync(() => {
        apply(mutation, Math.min(now, mutation.at + delay));
        this.#storage.sql.exec('DELETE FROM changes WHERE mutation = ?', mutation.number);
      });
      this.#waiting.shift();
    }
  }
}
