// The models of the stand-in: their kind, and the details of their answers.
// Checked on 2026-11-23 against Cloudflare's model pages and changelog.

const LLAMA = { kind: 'chat', shape: 'response', limit: 'max_tokens', defaultTokens: 256 };
const OPENAI = { kind: 'chat', shape: 'choices', limit: 'max_completion_tokens', defaultTokens: 2048 };

const MODELS = {
  // `tokens` is the number of tokens that the model reads; the rest is not embedded.
  '@cf/baai/bge-small-en-v1.5': { kind: 'embedding', dimensions: 384, tokens: 512 },
  '@cf/baai/bge-base-en-v1.5': { kind: 'embedding', dimensions: 768, tokens: 512 },
  '@cf/baai/bge-large-en-v1.5': { kind: 'embedding', dimensions: 1024, tokens: 512 },
  '@cf/baai/bge-m3': { kind: 'embedding', dimensions: 1024, tokens: 8192 },
  '@cf/google/embeddinggemma-300m': { kind: 'embedding', dimensions: 768, tokens: 2048 },
  '@cf/qwen/qwen3-embedding-0.6b': { kind: 'embedding', dimensions: 1024, tokens: 8192 },
  '@cf/baai/bge-reranker-base': { kind: 'reranker' },
  '@cf/google/gemma-4-26b-a4b-it': OPENAI,
  '@cf/zai-org/glm-4.7-flash': OPENAI,
  '@cf/openai/gpt-oss-20b': OPENAI,
  '@cf/openai/gpt-oss-120b': OPENAI,
  '@cf/meta/llama-3.1-8b-instruct-fp8': LLAMA,
  '@cf/meta/llama-3.1-8b-instruct-fast': LLAMA,
  '@cf/meta/llama-3.2-1b-instruct': LLAMA,
  '@cf/meta/llama-3.2-3b-instruct': LLAMA,
  '@cf/meta/llama-3.3-70b-instruct-fp8-fast': LLAMA,
};

// Cloudflare changelog of 2026-05-08: removed on the given date.
const RETIRED = {
  '@cf/meta/llama-3-8b-instruct': '2026-05-30',
  '@cf/meta/llama-3-8b-instruct-awq': '2026-05-30',
  '@cf/facebook/bart-large-cnn': '2026-05-30',
};

/** Find a model, or fail like Workers AI. */
export function find(name) {
  if (Object.hasOwn(RETIRED, name)) {
    throw aiError(5028, `Model ${name} was deprecated on ${RETIRED[name]}`);
  }
  if (typeof name !== 'string' || !Object.hasOwn(MODELS, name)) {
    throw aiError(5007, `No such model ${name} or task`);
  }
  return MODELS[name];
}

/** Names of the models whose embeddings have this many dimensions. */
export function embeddingModels(dimensions) {
  return Object.keys(MODELS).filter((name) => MODELS[name].dimensions === dimensions);
}

export function catalog() {
  return Object.entries(MODELS).map(([name, { kind }]) => ({ name, task: { name: kind } }));
}

/** Workers AI puts its code before the message. */
export function aiError(code, message) {
  return Object.assign(new Error(`${code}: ${message}`), { name: 'AiError' });
}
