// Turns texts into vectors of the length that the named model has.
import { aiError } from './models.js';

const CHARACTERS_PER_TOKEN = 4;
// Texts are compared with each other at no model's length in particular: MiniLM's own will do.
const COMPARISON = { dimensions: 384, tokens: 512 };
const STOP_WORDS = new Set(
  ('a an and are as at be by did do does for from had has have how i in is it its my of on or ' +
    'that the this to was were what when where which who why will with you your').split(' '),
);

/**
 * Embed `texts`: by the user's endpoint, by cfpy's local model, or by hashed n-grams.
 *
 * @returns {Promise<number[][]>} unit vectors of `model.dimensions` floats
 */
export async function embed(env, texts, { dimensions, tokens }) {
  const cut = texts.map((text) => text.slice(0, tokens * CHARACTERS_PER_TOKEN));
  if (env.AI_BASE_URL && env.AI_EMBED_MODEL) {
    const vectors = await request(env.AI_BASE_URL, env.AI_API_KEY, env.AI_EMBED_MODEL, cut);
    return vectors.map((vector) => fit(vector, dimensions));
  }
  if (env.EMBEDDINGS_URL) {
    const vectors = await request(env.EMBEDDINGS_URL, env.EMBEDDINGS_KEY, 'all-MiniLM-L6-v2', cut);
    return vectors.map((vector) => fit(vector, dimensions));
  }
  return cut.map((text) => hashed(text, dimensions));
}

/**
 * How well each text answers the query, 0 to 1. No cross-encoder runs here: a logistic curve over
 * cosine similarity, with its middle where MiniLM's related and unrelated pairs part (0.3).
 */
export async function relevance(env, query, texts) {
  const [asked, ...candidates] = await embed(env, [query, ...texts], COMPARISON);
  return candidates.map((vector) => {
    const similarity = vector.reduce((sum, value, i) => sum + value * asked[i], 0);
    return 1 / (1 + Math.exp(-14 * (similarity - 0.3)));
  });
}

/** `POST {base}/embeddings`, as OpenAI has it. */
async function request(base, key, model, input) {
  const response = await fetch(`${base.replace(/\/$/, '')}/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key || 'none'}` },
    body: JSON.stringify({ model, input }),
  });
  if (!response.ok) {
    const text = (await response.text()).slice(0, 200);
    throw aiError(3040, `the embedding endpoint answered ${response.status}: ${text}`);
  }
  const { data } = await response.json();
  return data.map(({ embedding }) => embedding);
}

/** Zeros added at the end change neither cosine similarity nor distance. */
function fit(vector, dimensions) {
  if (vector.length > dimensions) {
    throw aiError(
      5006,
      `the local embedding model has ${vector.length} dimensions, more than the ${dimensions} of ` +
        'the model that the project names: choose a smaller one',
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
