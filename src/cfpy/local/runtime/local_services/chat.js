// The stand-in for a language model: the user's own endpoint, or an extract of the prompt.
import { complete, completeInPieces, piecesOfWhole } from './completion.js';
import { relevance } from './embedding.js';

const PASSAGE = /<passage id="(\d+)"(?: title="[^"]*")?>([\s\S]*?)<\/passage>/g;
const TURN = /<turn role="(\w+)">([\s\S]*?)<\/turn>/g;
// What a question that refers to the one before it begins with, or has in it.
const REFERS = /^(and|but|or|what about|how about|why|und|aber)\b|\b(it|its|they|them|their|there|then|this|that|these|those|he|she|his|her|him|one)\b/i;
const DOCUMENT = /<document>([\s\S]*?)<\/document>/g;
const LEADING_SENTENCES = 3;
const NOTHING_NEAR = 'I could not find that in the passages.';
const MIN_RELEVANCE = 0.2;

/**
 * The reply to `messages`, of at most `asked.limit` tokens.
 *
 * Without an endpoint, it quotes the sentences of the prompt's numbered passages that are nearest
 * to the question, each with the number of its passage, or of the whole context if nothing is
 * numbered. For <document> blocks, as in a request for a summary, it quotes their first sentences;
 * to <turn> blocks, as in a request to rewrite a question, the reply is that question, after the one
 * before if it refers to something.
 * It is not a model: text is quoted, never obeyed.
 *
 * @param {{inputs: object, limit: number}} asked
 * @returns {Promise<import('./completion.js').Reply>}
 */
export async function answer(env, messages, asked) {
  // The endpoint was given the limit in tokens: its answer is not cut again.
  if (env.AI_BASE_URL) return complete(env, messages, asked);
  return { text: cut(await extract(env, messages), asked.limit), finish: 'stop' };
}

/** The same piece by piece: {@link completeInPieces}. */
export async function answerInPieces(env, messages, asked) {
  if (env.AI_BASE_URL) return completeInPieces(env, messages, asked);
  return slowly(piecesOfWhole(await answer(env, messages, asked)));
}

/** Real tokens take time: the delay shows how a page displays them. */
async function* slowly(pieces) {
  for await (const piece of pieces) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield piece;
  }
}

async function extract(env, messages) {
  const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const documents = [...question.matchAll(DOCUMENT)].map(([, text]) => text);
  if (documents.length > 0) return leading(documents.join('\n\n'));
  const turns = [...question.matchAll(TURN)].filter(([, role]) => role === 'user');
  const asked = lastParagraph(question.replace(PASSAGE, '').replace(TURN, ''));
  if (turns.length > 0) return REFERS.test(asked) ? `${turns.at(-1)[2].trim()} ${asked}` : asked;
  const sentences = passagesOf(messages, question).flatMap(({ id, text }) =>
    split(text).map((sentence) => ({ id, sentence })),
  );
  if (sentences.length === 0) return `You said: ${asked}`;
  const scores = await relevance(env, asked, sentences.map(({ sentence }) => sentence));
  const best = sentences
    .map((item, i) => ({ ...item, score: scores[i] }))
    .filter(({ score }) => score >= MIN_RELEVANCE)
    .sort((a, b) => b.score - a.score)
    .slice(0, 2);
  if (best.length === 0) return NOTHING_NEAR;
  return best.map(({ id, sentence }) => (id ? `${sentence} [${id}]` : sentence)).join(' ');
}

/** Numbered passages in any message; otherwise the system messages as one. */
function passagesOf(messages, question) {
  const prompt = messages.map(({ content }) => content).join('\n');
  const numbered = [...prompt.matchAll(PASSAGE)].map(([, id, text]) => ({ id, text }));
  if (numbered.length > 0) return numbered;
  const context = messages.filter(({ content }) => content !== question);
  return context.map(({ content }) => ({ id: null, text: content }));
}

/** The question itself comes last, after any other text. */
function lastParagraph(text) {
  return text.trim().split(/\n\s*\n/).at(-1).replace(/^question:\s*/i, '').trim();
}

function leading(text) {
  const sentences = split(text).slice(0, LEADING_SENTENCES);
  return sentences.join(' ') || text.trim().slice(0, 200) || 'There is no text.';
}

function split(text) {
  const unescaped = text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
  return unescaped
    .replace(/^#+ .*$/gm, '')
    .split(/(?<=[.!?])\s+|\n{2,}/)
    .map((sentence) => sentence.replace(/\s+/g, ' ').trim())
    .filter((sentence) => sentence.length > 12);
}

/** A token is about four characters of English; no character is cut in half. */
function cut(text, tokens) {
  return text.slice(0, tokens * 4).replace(/[\uD800-\uDBFF]$/, '');
}
