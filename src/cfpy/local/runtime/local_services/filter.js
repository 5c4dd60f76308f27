// Vectorize's metadata filters.
import { vectorizeError } from './limits.js';

const COMPARE = {
  $eq: (a, b) => a === b,
  $ne: (a, b) => a !== b,
  $in: (a, b) => b.includes(a),
  $nin: (a, b) => !b.includes(a),
  $lt: (a, b) => typeof a === typeof b && a < b,
  $lte: (a, b) => typeof a === typeof b && a <= b,
  $gt: (a, b) => typeof a === typeof b && a > b,
  $gte: (a, b) => typeof a === typeof b && a >= b,
};
const RANGE = new Set(['$lt', '$lte', '$gt', '$gte']);
const MAX_BYTES = 2048;

/**
 * Check a filter, and turn it into a predicate.
 *
 * @param {object} filter `{key: value}` or `{key: {$op: value, ...}}`
 * @param {{property: string, type: string, since: number}[]} indexes the metadata indexes, each with the
 *   number of the first mutation whose vectors it has
 * @returns {(vector: {metadata: object | undefined, number: number}) => boolean}
 */
export function compile(filter, indexes) {
  if (filter === null || typeof filter !== 'object' || Array.isArray(filter)) {
    throw queryError('filter must be an object');
  }
  if (new TextEncoder().encode(JSON.stringify(filter)).length >= MAX_BYTES) {
    throw queryError(`filter must be smaller than ${MAX_BYTES} bytes as JSON`);
  }
  const byProperty = new Map(indexes.map((index) => [index.property, index]));
  const tests = Object.entries(filter).flatMap(([key, condition]) => {
    checkKey(key);
    // The real service finds no matches on a property without an index; a local run reports it.
    if (!byProperty.has(key)) throw queryError(`no metadata index on "${key}"; add it to cfpy.toml`);
    return conditions(key, condition).map(([operator, value]) =>
      compileOne(key, operator, value, byProperty.get(key)),
    );
  });
  return (vector) => tests.every((test) => test(vector));
}

function conditions(key, condition) {
  if (condition === null || typeof condition !== 'object') return [['$eq', condition]];
  const entries = Object.entries(condition);
  if (Array.isArray(condition) || entries.length === 0) {
    throw queryError(`the condition on "${key}" is neither a value nor operators`);
  }
  return entries;
}

function compileOne(key, operator, value, { type, since }) {
  const compare = COMPARE[operator];
  if (!compare) throw queryError(`unknown filter operator "${operator}"`);
  const isList = operator === '$in' || operator === '$nin';
  if (isList !== Array.isArray(value)) {
    throw queryError(`${operator} on "${key}" takes ${isList ? 'a list' : 'one value'}`);
  }
  if (RANGE.has(operator) && !['string', 'number'].includes(typeof value)) {
    throw queryError(`${operator} on "${key}" takes a string or a number`);
  }
  return ({ metadata, number }) => {
    if (number < since) return false;
    const found = valueAt(metadata, key);
    // A value whose type differs from the index's is not in the index.
    const indexed = typeof found === type ? found : undefined;
    return compare(indexed, value ?? undefined);
  };
}

/** A dot in a filter's key descends into nested metadata. */
export function valueAt(metadata, key) {
  return key.split('.').reduce((value, part) => value?.[part], metadata);
}

function checkKey(key) {
  if (key === '' || key.startsWith('$') || key.includes('"') || key.length > 512) {
    throw queryError(`invalid filter key ${JSON.stringify(key)}`);
  }
}

function queryError(message) {
  // The real code for an invalid filter is not public: this one is cfpy's.
  return vectorizeError('QUERY', 40027, message);
}
