// The conversation: asks POST /query, shows answers as they are written, keeps them in this tab.
import { Documents } from './documents.js';
import { call, rememberToken } from './page.js';
import { Turn } from './turn.js';

// What the Worker takes: see src/rag/limits.py.
const MAX_TURNS = 6;
const MAX_TURN_CHARS = 4000;
// What of the conversation is there after the page is loaded again.
const MAX_KEPT = 20;

const find = (selector) => document.querySelector(selector);
const form = find('#ask');
const access = find('#access');
const token = find('#token');
// Whoever comes one after the other in this tab, each has a conversation.
const keptAs = () => `conversation of ${token.value}`;

// Each with its question (as it was searched for), the events of its answer, and what was asked.
let turns = [];
// Whose they are: a token that is being typed is not yet the one of this conversation.
let conversation = '';
let asking = null;

rememberToken(token, access);
if (access.open) token.focus();
token.addEventListener('input', () => {
  find('#refused').textContent = '';
  token.ariaInvalid = null;
});
token.addEventListener('keydown', ({ key }) => {
  if (key !== 'Enter') return;
  access.open = false;
  form.question.focus();
});
access.addEventListener('keydown', ({ key }) => {
  if (key !== 'Escape') return;
  access.open = false;
  access.querySelector('summary').focus();
});

const documents = new Documents(find('#documents'), refused);
for (const selector of ['#open-documents', '#add-documents']) {
  find(selector).addEventListener('click', () => documents.open());
}
token.addEventListener('change', () => {
  asking?.abort();
  documents.forget();
  showKept();
  showExamples();
});
find('#documents').addEventListener('close', showExamples);
showExamples();

showKept();

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const question = form.question.value.trim();
  if (!question || asking) return;
  form.reset();
  ask(question);
});
form.question.addEventListener('keydown', (event) => {
  // While it composes a character, Enter belongs to the input method.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
find('#stop').addEventListener('click', () => asking?.abort());
find('#examples').addEventListener('click', ({ target }) => {
  if (target.matches('button') && !asking) ask(target.textContent);
});
find('#restart').addEventListener('click', () => {
  asking?.abort();
  turns = [];
  save();
  showKept();
  form.question.focus();
});

/** Ask a question and show what comes back. */
async function ask(asked) {
  if (token.value) access.open = false;
  const turn = add(asked);
  asking = new AbortController();
  const { signal } = asking;
  showState();
  turn.root.scrollIntoView({ block: 'start' });
  form.question.focus();
  try {
    await answer(turn, asked, signal);
  } catch (error) {
    const retry = () => {
      if (asking) return;
      turn.root.remove();
      ask(asked);
    };
    // Another token shows another conversation.
    if (error.status === 401) form.question.value ||= asked;
    if (signal.aborted) turn.break('You stopped this answer.', '', retry);
    else turn.break(refused(error) ?? error.message, 'error', retry);
    hear(signal.aborted ? 'Stopped.' : error.message);
  } finally {
    asking = null;
    showState();
  }
}

async function answer(turn, asked, signal) {
  const body = JSON.stringify({ query: asked, history: history(), stream: true });
  const headers = { 'Content-Type': 'application/json' };
  const response = await call('/query', { method: 'POST', headers, body, signal });
  let kept = { asked };
  for await (const { name, data } of readEvents(response.body)) {
    signal.throwIfAborted();
    if (name === 'sources') {
      kept = { ...kept, ...data };
      turn.takeSources(data.sources);
    } else if (name === 'token') {
      turn.add(data.text);
    } else if (name === 'done') {
      turn.finish(data);
      turns.push({ ...kept, text: turn.text, outcome: data });
      save();
      hear(`${turn.text} ${data.citations.length} sources.`);
      return;
    } else if (name === 'error') {
      throw new Error(data.detail);
    }
  }
  throw new Error('The answer broke off.');
}

/** The last turns, as the Worker takes them. */
function history() {
  const said = turns.flatMap(({ question, text }) => [
    { role: 'user', content: question },
    { role: 'assistant', content: text.slice(0, MAX_TURN_CHARS) },
  ]);
  return said.slice(-MAX_TURNS);
}

/**
 * The server-sent events of a body. (EventSource can't send a POST.)
 *
 * @param {ReadableStream<Uint8Array>} body
 */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const frames = (rest + value).split('\n\n');
      rest = frames.pop();
      for (const frame of frames) {
        // The data is one line of JSON. U+2028 may be in it, where `.` would end.
        const [, name, data] = frame.match(/^event: (\w+)\ndata: ([^\n]*)$/);
        yield { name, data: JSON.parse(data) };
      }
    }
  } finally {
    // What broke off is over anyway.
    reader.cancel().catch(() => {});
  }
}

function add(question) {
  const turn = new Turn(question);
  find('#conversation').append(turn.root);
  return turn;
}

function save() {
  sessionStorage.setItem(conversation, JSON.stringify(turns.slice(-MAX_KEPT)));
}

/** Show the conversation that was kept, instead of the one there is. */
function showKept() {
  conversation = keptAs();
  turns = JSON.parse(sessionStorage.getItem(conversation) ?? '[]');
  find('#conversation').replaceChildren();
  for (const { asked, sources, text, outcome } of turns) {
    const turn = add(asked);
    turn.takeSources(sources);
    turn.add(text);
    turn.finish(outcome);
  }
  showState();
}

function showState() {
  const begun = find('#conversation').hasChildNodes();
  find('#welcome').hidden = begun;
  find('#restart').hidden = !begun;
  find('#send').hidden = Boolean(asking);
  find('#stop').hidden = !asking;
}

/** Questions that could be asked; or, where there are no documents, what to do about it. */
async function showExamples() {
  const empty = token.value && (await documents.isEmpty());
  find('#no-documents').hidden = !empty;
  find('#examples').hidden = empty;
}

/** What is said by a screen reader when an answer ends. */
function hear(text) {
  find('#heard').textContent = text;
}

/** Ask for the token if it was refused; what to show then, else null. */
function refused(error) {
  if (error.status !== 401) return null;
  find('#refused').textContent = error.message;
  token.ariaInvalid = 'true';
  access.open = true;
  token.focus();
  return error.message;
}
