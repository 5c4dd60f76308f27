// Counts what Cloudflare would bill, for `cfpy cost`: every call of a binding appends a JSON line
// to a file. Units: cost/data/prices.toml.
import fs from 'node:fs';

const KV = { put: 'kv.writes', delete: 'kv.deletes', list: 'kv.lists' };
const R2_READS = ['get', 'head'];
const R2_FREE = ['delete', 'resumeMultipartUpload', 'abort'];
const QUEUE_CHUNK = 64_000;
const CHARACTERS_A_TOKEN = 4;

let file = null;

/** Start counting into `path`; without a path, nothing is counted. */
export function startMeter(path) {
  file = path || null;
}

/** Whether calls are counted: D1 only reports the number of rows in full results. */
export const isMetering = () => file !== null;

/** Count one call of a binding, or one invocation (`Worker`), that succeeded. */
export function count(kind, method, args, value) {
  if (file === null) return;
  const counted = COUNTERS[kind]?.(method, args, value);
  if (counted) fs.appendFileSync(file, `${JSON.stringify(counted)}\n`);
}

const COUNTERS = {
  Worker: () => ({ 'workers.requests': 1 }),
  KvNamespace: (method, [key]) =>
    method.startsWith('get') ? { 'kv.reads': [key].flat().length } : { [KV[method]]: 1 },
  R2Bucket: (method) => {
    if (R2_FREE.includes(method)) return null;
    return { [R2_READS.includes(method) ? 'r2.class_b' : 'r2.class_a']: 1 };
  },
  R2MultipartUpload: (method) => (R2_FREE.includes(method) ? null : { 'r2.class_a': 1 }),
  WorkerQueue: (method, [body]) => {
    const messages = method === 'sendBatch' ? Array.from(body, (message) => message.body) : [body];
    // Written, read and deleted once; retries are not included.
    return method === 'metrics' ? null : { 'queues.operations': 3 * messages.reduce(chunks, 0) };
  },
  D1PreparedStatement: (method, _args, value) => rows([value]),
  D1Database: (method, _args, value) => (method === 'batch' ? rows(value) : null),
  D1DatabaseSession: (method, _args, value) => (method === 'batch' ? rows(value) : null),
  AnalyticsEngineDataset: () => ({ 'analytics.points': 1 }),
  VectorizeIndexImpl: (method, [first]) => {
    if (method.startsWith('query')) return { 'vectorize.queries': 1 };
    return ['insert', 'upsert'].includes(method) ? { 'vectorize.vectors': first.length } : null;
  },
  // Cloudflare does not bill the conversion of documents; of images, its models are not known here.
  Ai: (method, [model, inputs], value) =>
    method === 'run' ? { ai: { model, ...tokensOf(inputs, value) } } : null,
};

function rows(results) {
  const metas = results.map((result) => result?.meta).filter(Boolean);
  if (metas.length === 0) return null;
  const sum = (key) => metas.reduce((total, meta) => total + (meta[key] ?? 0), 0);
  return { 'd1.rows_read': sum('rows_read'), 'd1.rows_written': sum('rows_written') };
}

function chunks(total, body) {
  const size = ArrayBuffer.isView(body) ? body.byteLength : JSON.stringify(body)?.length ?? 0;
  return total + Math.max(1, Math.ceil(size / QUEUE_CHUNK));
}

/** The tokens of one call of a model: {input, output}. Those of the input are estimated. */
export function tokensOf(inputs, value) {
  const { completion_tokens: output, output_tokens: responses } = value?.usage ?? {};
  return { input: inputTokens(inputs), output: output ?? responses ?? 0 };
}

function inputTokens({ text, query, contexts, messages, prompt, input }) {
  const asked = [messages, input].filter(Array.isArray).flat().map((item) => item?.content);
  const texts = [text, prompt, Array.isArray(input) ? '' : input, asked].flat(2);
  // A reranker reads the question with each passage.
  const read = contexts ? contexts.map((context) => `${query}${context.text}`) : texts;
  return tokens(read.map((part) => part?.text ?? part ?? '').join('').length);
}

/** The approximate number of tokens for this many characters. */
const tokens = (characters) => Math.ceil(characters / CHARACTERS_A_TOKEN);
