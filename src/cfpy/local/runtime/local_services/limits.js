// Vectorize's limits and the errors for exceeding them, as of 2026-11-23
// (developers.cloudflare.com/vectorize/platform/limits).

export const MAX_BATCH = 1000; // vectors in a write from a Worker
export const MAX_ID_BYTES = 64;
export const MAX_NAMESPACE_BYTES = 64;
export const MAX_METADATA_BYTES = 10 * 1024;
export const MAX_TOP_K = 100;
export const MAX_TOP_K_WITH_DATA = 50; // with values, or metadata "all"
export const MAX_INDEXED_STRING_BYTES = 64;
export const MAX_GET_IDS = 20;
export const MAX_DELETE_IDS = 100;

/**
 * An error in the form of the real binding, `VECTOR_<KIND>_ERROR (code = N): message`.
 * Seen in public reports: 40006 and 40012 dimensions, 40007 too many, 40008 id, 40018 metadata key,
 * 40023 metadata size, 40025 topK, 40026 returnMetadata. The other codes are chosen here.
 */
export function vectorizeError(kind, code, message) {
  return new Error(`VECTOR_${kind}_ERROR (code = ${code}): ${message}`);
}

export function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

/** Refuse a vector that the real service refuses. */
export function checkVector(kind, vector, dimensions) {
  const { id, values, namespace, metadata } = vector ?? {};
  if (typeof id !== 'string' || id === '') {
    throw vectorizeError(kind, 40004, 'every vector needs an id, a non-empty string');
  }
  const idBytes = byteLength(id);
  if (idBytes > MAX_ID_BYTES) {
    const message = `id too long; max is ${MAX_ID_BYTES} bytes, got ${idBytes} bytes`;
    throw vectorizeError(kind, 40008, message);
  }
  checkValues(kind, 40012, `invalid vector for id="${id}"`, values, dimensions);
  if (namespace !== undefined && namespace !== null) {
    if (typeof namespace !== 'string' || byteLength(namespace) > MAX_NAMESPACE_BYTES) {
      const message = `invalid namespace for id="${id}"; max is ${MAX_NAMESPACE_BYTES} bytes`;
      throw vectorizeError(kind, 40009, message);
    }
  }
  if (metadata !== undefined && metadata !== null) checkMetadata(kind, id, metadata);
}

/** Refuse what is not a list of `dimensions` finite numbers. */
export function checkValues(kind, code, what, values, dimensions) {
  const count = values?.length;
  if (count !== dimensions) {
    const message = `${what}, expected ${dimensions} dimensions, and got ${count ?? 0} dimensions`;
    throw vectorizeError(kind, code, message);
  }
  if (!Array.from(values).every((value) => Number.isFinite(value))) {
    throw vectorizeError(kind, code, `${what}, every value must be a finite number`);
  }
}

function checkMetadata(kind, id, metadata) {
  if (typeof metadata !== 'object' || Array.isArray(metadata)) {
    throw vectorizeError(kind, 40017, `metadata of id="${id}" is not an object`);
  }
  for (const key of Object.keys(metadata)) {
    if (key === '' || key.startsWith('$') || /[."]/.test(key)) {
      const message = `invalid metadata key ${JSON.stringify(key)} for id="${id}"`;
      throw vectorizeError(kind, 40018, message);
    }
  }
  const bytes = byteLength(JSON.stringify(metadata));
  if (bytes > MAX_METADATA_BYTES) {
    const message = `metadata of id="${id}" has ${bytes} bytes, max is ${MAX_METADATA_BYTES}`;
    throw vectorizeError(kind, 40023, message);
  }
}

/** The options of a query, with their defaults. */
export function checkOptions({ topK = 5, returnValues = false, returnMetadata = 'none', namespace, filter }) {
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

/** Refuse what is not a list of at most `max` ids. */
export function checkIds(kind, ids, max) {
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) {
    throw vectorizeError(kind, 40004, 'expected an array of ids');
  }
  if (ids.length > max) {
    throw vectorizeError(kind, 40007, `too many ids in payload; max id count is ${max}, got ${ids.length}`);
  }
}

/** The first 64 bytes of a string, without a partial character at the end. */
export function clip(text) {
  if (byteLength(text) <= MAX_INDEXED_STRING_BYTES) return text;
  const bytes = new TextEncoder().encode(text).slice(0, MAX_INDEXED_STRING_BYTES);
  return new TextDecoder().decode(bytes).replace(/\uFFFD+$/, '');
}
