// Asks POST /query and shows the answer as it is written. Text from the server only ever becomes
// text nodes: no document can put markup on this page.

const form = document.querySelector('#ask');
const button = form.querySelector('button');
const result = document.querySelector('#result');
const status = document.querySelector('#status');
const answer = document.querySelector('#answer');
const sources = document.querySelector('#sources');

form.token.value = sessionStorage.getItem('token') ?? '';
document.querySelector('#access').open = !form.token.value;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', form.token.value);
  result.hidden = false;
  button.disabled = true;
  answer.textContent = '';
  sources.replaceChildren();
  say('Looking…');
  try {
    await ask(form.question.value);
  } catch (error) {
    say(error.message, 'error');
  } finally {
    button.disabled = false;
  }
});

async function ask(query) {
  const response = await fetch('/query', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${form.token.value}` },
    body: JSON.stringify({ query, stream: true }),
  });
  if (!response.ok) {
    const problem = await response.json();
    throw new Error(problem.detail);
  }
  for await (const { name, data } of events(response.body)) {
    if (name === 'sources') {
      showSources(data.sources);
      say('Writing…');
    } else if (name === 'token') {
      answer.append(data.text);
    } else if (name === 'error') {
      throw new Error(data.detail);
    } else if (name === 'done') {
      showAnswer(data);
    }
  }
}

/** Server-sent events of a fetch (EventSource can't send a POST). */
async function* events(body) {
  let buffer = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    const frames = buffer.split('\n\n');
    buffer = frames.pop();
    for (const frame of frames) {
      const [, name, data] = frame.match(/^event: (.*)\ndata: (.*)$/);
      yield { name, data: JSON.parse(data) };
    }
  }
}

function showSources(found) {
  sources.replaceChildren(
    ...found.map(({ n, title, source, text }) => {
      const item = element('li', { id: `source-${n}` });
      item.append(element('strong', {}, `[${n}] ${title}`));
      if (source) item.append(' ', element('span', { className: 'origin' }, source));
      item.append(element('p', {}, text));
      return item;
    }),
  );
}

/** The whole answer once more, its citations now links. */
function showAnswer({ answer: text, citations, grounded }) {
  const parts = text.split(/(\[\d+\])/).map((part) => {
    const number = part.match(/^\[(\d+)\]$/)?.[1];
    return number ? element('a', { href: `#source-${number}` }, part) : part;
  });
  answer.replaceChildren(...parts);
  for (const n of citations) document.querySelector(`#source-${n}`).classList.add('cited');
  say(grounded ? '' : 'This answer rests on none of your documents.');
}

function element(name, properties, text = '') {
  return Object.assign(document.createElement(name), { textContent: text }, properties);
}

function say(text, kind = '') {
  status.textContent = text;
  status.className = kind;
}
