// Turns texts into vectors with the dimensions of the named model.
import { ask, usersEndpoint } from './endpoint.js';
import { failure } from './errors.js';

const CHARACTERS_PER_TOKEN = 4;
// The dimensions for comparing texts with each other, independent of a model.
const COMPARED_TOKENS = 512;
const HASHED_DIMENSIONS = 384;
// The default limit of Text Embeddings Inference. If an endpoint refuses it, requests get smaller.
const TEXTS_PER_REQUEST = 32;
const LOCAL_MODEL = 'the local embedding model (all-MiniLM-L6-v2)';
const STOP_WORDS = new Set(
  ('a an and are as at be by did do does for from had has have how i in is it its my of on or ' +
    'that the this to was were what when where which who why will with you your').split(' '),
);

/**
 * Embed `texts`: with the user's endpoint, with cfpy's local model, or with hashed n-grams.
 *
 * @returns {Promise<number[][]>} vectors of `model.dimensions` floats
 */
export async function embed(env, texts, { dimensions, tokens }) {
  const vectors = await embedded(env, texts, tokens);
  return vectors === null
    ? texts.map((text) => hashed(text, dimensions))
    : vectors.map((vector) => fit(vector, dimensions));
}

/**
 * How well each text answers the query, 0 to 1. There is no cross-encoder: this is a logistic curve
 * over cosine similarity, with its middle between MiniLM's related and unrelated pairs (0.3).
 */
export async function relevance(env, query, texts) {
  const all = [query, ...texts];
  const vectors = await embedded(env, all, COMPARED_TOKENS);
  const [asked, ...candidates] = vectors ?? all.map((text) => hashed(text, HASHED_DIMENSIONS));
  return candidates.map((vector) => 1 / (1 + Math.exp(-14 * (similarity(asked, vector) - 0.3))));
}

/** Vectors with the dimensions of the local model, or null if there is none. */
async function embedded(env, texts, tokens) {
  const cut = texts.map((text) => text.slice(0, tokens * CHARACTERS_PER_TOKEN));
  if (env.AI_BASE_URL && env.AI_EMBED_MODEL) return request(usersEndpoint(env), env.AI_EMBED_MODEL, cut);
  if (env.CFPY_EMBEDDINGS_URL) {
    const local = { base: env.CFPY_EMBEDDINGS_URL, key: env.CFPY_EMBEDDINGS_KEY, name: LOCAL_MODEL };
    return request(local, 'all-MiniLM-L6-v2', cut);
  }
  return null;
}

/** Cosine similarity. */
function similarity(a, b) {
  const dot = a.reduce((sum, value, i) => sum + value * b[i], 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b) || 1);
}

/**
 * `POST {base}/embeddings`, as OpenAI has it, in requests that the endpoint takes.
 *
 * @returns {Promise<number[][]>} one vector for each text, in their order, all of one length
 */
async function request(endpoint, model, input) {
  const vectors = [];
  let most = TEXTS_PER_REQUEST;
  for (let start = 0; start < input.length; ) {
    const texts = input.slice(start, start + most);
    try {
      vectors.push(...(await ask(endpoint, 'embeddings', { model, input: texts }, vectorsOf(texts))));
      start += texts.length;
    } catch (error) {
      if (![400, 413, 422].includes(error.status) || texts.length === 1) throw error;
      most = Math.ceil(texts.length / 2);
    }
  }
  if (new Set(vectors.map((vector) => vector.length)).size > 1) {
    const note = `${endpoint.name ?? endpoint.base} gave embeddings of different lengths`;
    throw failure(3043, 'Internal server error', note);
  }
  return vectors;
}

/** Reads the vectors of `texts` from an answer: the index of each item names its text. */
function vectorsOf(texts) {
  return ({ data }) => {
    if (!Array.isArray(data)) throw new Error('no list of embeddings');
    if (data.length !== texts.length) {
      throw new Error(`${data.length} embeddings for ${texts.length} texts`);
    }
    const indexed = data.some((item) => item?.index !== undefined);
    const vectors = new Array(texts.length);
    data.forEach((item, i) => {
      vectors[indexed ? item?.index : i] = item?.embedding;
    });
    for (let i = 0; i < texts.length; i++) {
      if (vectors[i] === undefined) throw new Error(`no embedding of index ${i}`);
      checkVector(vectors[i], vectors[0].length);
    }
    return vectors;
  };
}

function checkVector(vector, length) {
  if (typeof vector === 'string') throw new Error('an embedding in base64, not as numbers');
  if (!Array.isArray(vector) || vector.length === 0) throw new Error('an embedding of no numbers');
  if (!vector.every((value) => Number.isFinite(value))) {
    throw new Error('an embedding that holds more than finite numbers');
  }
  if (vector.length !== length) throw new Error('embeddings of different lengths');
  if (vector.every((value) => value === 0)) throw new Error('an embedding that is all zeros');
}

/** Zeros added at the end change neither cosine similarity nor distance. */
function fit(vector, dimensions) {
  if (vector.length > dimensions) {
    throw failure(
      5006,
      'Error: no such embedding',
      `the local embedding model has ${vector.length} dimensions, more than the ${dimensions} of ` +
        'the model that the project uses: choose a smaller one',
    );
  }
  return [...vector, ...Array(dimensions - vector.length).fill(0)];
}

/**
 * Words, word pairs and character trigrams, each hashed to a signed bucket; square roots of
 * counts; length 1. Finds shared words, not shared meaning.
 */
function hashed(text, dimensions) {
  const counts = new Map();
  const count = (feature, weight) => counts.set(feature, (counts.get(feature) ?? 0) + weight);
  const words = text.normalize('NFKC').toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  words.forEach((word, i) => {
    const weight = STOP_WORDS.has(word) ? 0.1 : 1;
    count(`w${word}`, weight);
    if (i > 0) count(`b${words[i - 1]} ${word}`, weight / 2);
    const marked = `^${word}$`;
    for (let j = 0; j + 3 <= marked.length; j++) count(`c${marked.slice(j, j + 3)}`, weight * 0.3);
  });
  const vector = new Array(dimensions).fill(0);
  for (const [feature, weight] of counts) {
    const sign = fnv1a(`s${feature}`) & 1 ? 1 : -1;
    vector[fnv1a(feature) % dimensions] += sign * Math.sqrt(weight);
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

function fnv1a(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
