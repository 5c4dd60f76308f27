// Which vectors are in which metadata index: those that were written after it was created.

export class MetadataIndexes {
  #storage;
  #since = new Map(); // property -> {type, since}
  #told = new Set();

  /** @param {DurableObjectStorage} storage */
  constructor(storage) {
    this.#storage = storage;
    storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS metadata_indexes (
        property TEXT PRIMARY KEY, type TEXT NOT NULL, since INTEGER NOT NULL
      )
    `);
    for (const { property, type, since } of storage.sql.exec('SELECT * FROM metadata_indexes')) {
      this.#since.set(property, { type, since });
    }
  }

  /**
   * Create those of cfpy.toml that do not exist. None is deleted, as `cfpy provision` deletes none.
   *
   * @param {{property: string, type: string}[]} declared
   * @param {number} last the number of the last mutation before
   * @returns {{property: string, type: string, since: number}[]} `declared`, each with the number of
   *   the first mutation whose vectors it has
   */
  create(declared, last) {
    return declared.map(({ property, type }) => {
      if (this.#since.get(property)?.type !== type) {
        // Vectors from before cfpy counted mutations are in every index.
        const since = last === 0 ? 0 : last + 1;
        this.#since.set(property, { type, since });
        this.#told.delete(property);
        this.#storage.sql.exec(
          'INSERT OR REPLACE INTO metadata_indexes VALUES (?, ?, ?)',
          ...[property, type, since],
        );
      }
      return { property, type, since: this.#since.get(property).since };
    });
  }

  /**
   * What somebody should know who filters by `properties`: said once.
   *
   * @param {(property: string, since: number) => number} missed counts vectors that have the property
   *   and are not in the index
   * @returns {string} empty if there is nothing to say
   */
  hint(properties, missed) {
    const found = properties.flatMap((property) => {
      const { since = 0 } = this.#since.get(property) ?? {};
      if (since === 0 || this.#told.has(property)) return [];
      this.#told.add(property);
      const count = missed(property, since);
      if (count === 0) return [];
      const vectors = count === 1 ? '1 vector was' : `${count} vectors were`;
      return [
        `${vectors} written before the metadata index on "${property}" was created: a filter by ` +
          `"${property}" does not find them, here and on Cloudflare. Write them again.`,
      ];
    });
    return found.join(' ');
  }
}
