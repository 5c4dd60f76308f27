// Sends files to POST /files, and shows the newest jobs until they are finished.
import { call, element, showCaller } from './page.js';

const form = document.querySelector('#send');
const drop = document.querySelector('#drop');
const status = document.querySelector('#status');
const jobs = document.querySelector('#jobs');

const SHOWN = 50;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

const shown = new Map();
// What went wrong since the last time that nothing was on its way.
const refused = [];
let sending = 0;
let turn = 0;

showCaller(document.querySelector('#caller')).then(follow, (error) => say(error.message, 'error'));
form.file.addEventListener('change', () => {
  for (const file of form.file.files) sendFile(file);
  form.file.value = '';
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const body = JSON.stringify({ file_url: form.address.value });
  send(form.address.value, '/files', { body, headers: { 'Content-Type': 'application/json' } });
});
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name === 'dragenter' || name === 'dragover');
  });
}
drop.addEventListener('drop', (event) => {
  for (const file of event.dataTransfer.files) sendFile(file);
});

function sendFile(file) {
  const headers = file.type ? { 'Content-Type': file.type } : {};
  send(file.name, `/files?name=${encodeURIComponent(file.name)}`, { body: file, headers });
}

/** Send a request about something with this name. Several may be under way at a time. */
async function send(name, path, { body, headers }) {
  if (!sending) refused.length = 0;
  sending += 1;
  report();
  try {
    // One key for each click: if the answer is lost on its way, nothing is done twice.
    const key = { 'Idempotency-Key': crypto.randomUUID() };
    const all = { ...headers, ...key };
    await call(path, { method: 'POST', body, headers: all });
  } catch (error) {
    refused.push(`${name}: ${error.message}`);
  }
  sending -= 1;
  report();
  await follow();
}

/** Say what was refused, which no later success may hide, or that something is on its way. */
function report() {
  if (refused.length) say(refused.join('\n'), 'error');
  else say(sending ? 'Sending…' : '');
}

/** Ask for the newest jobs until all are finished, less often the longer it takes. */
async function follow() {
  const mine = ++turn;
  try {
    for (let wait = FIRST_WAIT_MS; await refresh(mine); wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      // A later call does this in its stead, perhaps with another token.
      if (mine !== turn) return;
    }
  } catch (error) {
    if (mine === turn && !refused.length) say(error.message, 'error');
  }
}

/** Show the newest jobs, if no later turn does; return whether one of them is not finished. */
async function refresh(mine) {
  const newest = (await (await call(`/jobs?limit=${SHOWN}`)).json()).jobs;
  if (mine !== turn) return false;
  const items = newest.map((job) => {
    const item = shown.get(job.id) ?? element('li', {});
    shown.set(job.id, item);
    const state = JSON.stringify(job);
    // What has not changed keeps its focus, and is not read aloud again.
    if (item.dataset.state !== state) show(item, job);
    item.dataset.state = state;
    return item;
  });
  const same = items.length === jobs.children.length;
  if (!same || items.some((item, place) => jobs.children[place] !== item)) {
    jobs.replaceChildren(...items);
  }
  return newest.some((job) => job.status !== 'done' && job.status !== 'failed');
}

function show(item, job) {
  item.className = `card ${job.status}`;
  item.replaceChildren(
    element('strong', {}, nameOf(job)),
    element('span', { className: 'muted' }, job.status),
  );
  if (job.error) item.append(element('p', { className: 'muted' }, job.error));
  if (job.retry_at) {
    const when = new Date(job.retry_at).toLocaleString();
    item.append(element('p', { className: 'muted' }, `Next attempt: ${when}`));
  }
  if (job.status === 'failed' || (job.status === 'queued' && job.error)) {
    const retry = element('button', { type: 'button' }, 'Retry');
    retry.addEventListener('click', () => send(nameOf(job), `/jobs/${job.id}/retry`, {}));
    item.append(retry);
  }
  if (job.result?.charset_guessed) {
    const guess = `Read as ${job.result.charset}, which is a guess.`;
    item.append(element('p', { className: 'muted' }, guess));
  }
  if (job.result) item.append(element('p', {}, textOf(job.result)));
}

function nameOf(job) {
  return job.name ?? job.file_url;
}

/** The result itself, whose name is that of the operation. */
function textOf({ characters, model, charset, charset_guessed, ...named }) {
  const [result] = Object.values(named);
  return typeof result === 'string' ? result : JSON.stringify(result, null, 2);
}

function say(text, kind = '') {
  status.textContent = text;
  status.className = kind;
}
