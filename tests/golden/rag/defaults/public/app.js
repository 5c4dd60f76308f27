// Asks POST /query and shows the answer as it is written.
import { call, element, rememberToken } from './page.js';

const form = document.querySelector('#ask');
const button = form.querySelector('button');
const result = document.querySelector('#result');
const status = document.querySelector('#status');
const answer = document.querySelector('#answer');
const sources = document.querySelector('#sources');

rememberToken(form.token, document.querySelector('#access'));

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  result.hidden = false;
  button.disabled = true;
  answer.ariaBusy = 'true';
  answer.replaceChildren();
  sources.replaceChildren();
  say('Searching…');
  try {
    await ask(form.question.value);
  } catch (error) {
    say(error.message, 'error');
  } finally {
    answer.ariaBusy = 'false';
    button.disabled = false;
  }
});

/** Ask a question and show what comes back, event by event. */
async function ask(query) {
  const response = await call('/query', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, stream: true }),
  });
  let text = '';
  for await (const { name, data } of readEvents(response.body)) {
    if (name === 'sources') {
      showSources(data.sources);
      say('Writing…');
    } else if (name === 'token') {
      text += data.text;
      answer.append(data.text);
    } else if (name === 'done') {
      showCitations(text, data);
      return;
    } else if (name === 'error') {
      throw new Error(data.detail);
    }
  }
  throw new Error('The answer broke off.');
}

/**
 * The server-sent events of a body. (EventSource can't send a POST.)
 *
 * @param {ReadableStream<Uint8Array>} body
 */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const frames = (rest + value).split('\n\n');
    rest = frames.pop();
    for (const frame of frames) {
      const [, name, data] = frame.match(/^event: (\w+)\ndata: (.*)$/s);
      yield { name, data: JSON.parse(data) };
    }
  }
}

function showSources(found) {
  const items = found.map(({ id, document_id: name, heading, source, text }) => {
    const about = element('summary');
    about.append(element('strong', {}, `[${id}] ${heading || name}`));
    about.append(' ', element('span', { className: 'muted' }, source));
    const passage = element('details');
    passage.append(about, element('p', { id: `source-${id}` }, text));
    const item = element('li', { className: 'card' });
    item.append(passage);
    return item;
  });
  sources.replaceChildren(...items);
}

/** Show the answer once more, its citations now links to their sources. */
function showCitations(text, { citations, grounded, truncated }) {
  const parts = text.split(/(\[\d+\])/).map((part) => {
    const id = part.match(/^\[(\d+)\]$/)?.[1];
    const cited = citations.some((citation) => String(citation.id) === id);
    return cited ? element('a', { href: `#source-${id}` }, part) : part;
  });
  answer.replaceChildren(...parts);
  for (const { id } of citations) {
    const passage = document.querySelector(`#source-${id}`).parentElement;
    passage.open = true;
    passage.parentElement.classList.add('cited');
  }
  if (truncated) say('The answer is not complete: it reached its limit.');
  else say(grounded ? '' : 'This answer rests on none of your documents.');
}

function say(text, kind = '') {
  status.textContent = text;
  status.className = kind;
}
