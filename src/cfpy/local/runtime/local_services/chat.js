// The stand-in for a language model: the user's own endpoint, or an extract of the prompt.
import { relevance } from './embedding.js';
import { ask, usersEndpoint } from './endpoint.js';

const PASSAGE = /<passage id="(\d+)"(?: title="[^"]*")?>([\s\S]*?)<\/passage>/g;
const DOCUMENT = /<document>([\s\S]*?)<\/document>/g;
const THOUGHTS = /^\s*(?:<(think|thinking|thought|reasoning)>[^]*?<\/\1>|\[THINK\][^]*?\[\/THINK\])/i;
const UNFINISHED_THOUGHTS = /^\s*(?:<(?:think|thinking|thought|reasoning)>|\[THINK\]|<\|channel\|>)/i;
const UNOPENED_THOUGHTS = /^(?:(?!<think>)[^])*<\/think>/i;
// gpt-oss: the text before it is its analysis.
const FINAL_CHANNEL = '<|channel|>final<|message|>';
const LEADING_SENTENCES = 3;
const NOTHING_NEAR = 'I could not find that in the passages.';
const MIN_RELEVANCE = 0.2;

/**
 * The reply to `messages`, of at most `limit` tokens.
 *
 * Without an endpoint, it quotes the sentences of the prompt's numbered passages that are nearest
 * to the question, each with the number of its passage, or of the whole context if nothing is
 * numbered. For <document> blocks, as in a request for a summary, it quotes their first sentences.
 * It is not a model: text is quoted, never obeyed.
 */
export async function answer(env, messages, inputs, limit) {
  if (env.AI_BASE_URL) return complete(env, messages, inputs, limit);
  return cut(await extract(env, messages), limit);
}

async function extract(env, messages) {
  const question = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  const documents = [...question.matchAll(DOCUMENT)].map(([, text]) => text);
  if (documents.length > 0) return leading(documents.join('\n\n'));
  const asked = lastParagraph(question.replace(PASSAGE, ''));
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

/** The endpoint was given the limit in tokens: its answer is not cut again. */
async function complete(env, messages, { temperature }, limit) {
  const model = env.AI_CHAT_MODEL;
  const body = { model, messages, max_tokens: limit, temperature, stream: false };
  return ask(usersEndpoint(env), 'chat/completions', body, contentOf);
}

/** The text of an answer in OpenAI's format, without the model's reasoning. */
function contentOf({ choices }) {
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  const content = choice?.message?.content;
  const whole = Array.isArray(content)
    ? content.map((part) => (part?.type === 'text' ? part.text : '')).join('')
    : content;
  const text = typeof whole === 'string' ? withoutThoughts(whole) : '';
  if (text) return text;
  if (choice === undefined) throw new Error('no choices');
  if (choice.finish_reason === 'length') {
    throw new Error('no text: thinking took all of its tokens. Choose a model that does not think');
  }
  throw new Error(`no text (finish_reason: ${choice.finish_reason ?? 'none'})`);
}

/**
 * Reasoning models put their reasoning first, between marks. Some omit the first mark, because
 * their prompt ends with it; an answer that was cut off has no last mark.
 */
function withoutThoughts(text) {
  let rest = text.split(FINAL_CHANNEL).at(-1).replace(/<\|(?:return|end)\|>\s*$/, '');
  while (THOUGHTS.test(rest)) rest = rest.replace(THOUGHTS, '');
  if (UNFINISHED_THOUGHTS.test(rest)) return '';
  return rest.replace(UNOPENED_THOUGHTS, '').trim();
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
