// Sends files to POST /files and watches their jobs.
import { call, element, rememberToken } from './page.js';

const form = document.querySelector('#send');
const drop = document.querySelector('#drop');
const status = document.querySelector('#status');
const jobs = document.querySelector('#jobs');

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

rememberToken(form.token, document.querySelector('#access'));
form.file.addEventListener('change', () => {
  for (const file of form.file.files) sendFile(file);
  form.file.value = '';
});
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const body = JSON.stringify({ file_url: form.address.value });
  send('/files', { body, headers: { 'Content-Type': 'application/json' } });
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
  send(`/files?name=${encodeURIComponent(file.name)}`, { body: file, headers });
}

async function send(path, { body, headers }) {
  say('Sending…');
  try {
    // One key for each click: if the answer is lost on its way, nothing is done twice.
    const key = { 'Idempotency-Key': crypto.randomUUID() };
    const all = { ...headers, ...key };
    const response = await call(path, { method: 'POST', body, headers: all });
    say('');
    await watch(await response.json());
  } catch (error) {
    say(error.message, 'error');
  }
}

/** Show a job until it is finished, asking less often the longer it takes. */
async function watch(job) {
  const item = element('li', {});
  jobs.prepend(item);
  show(item, job);
  for (let wait = FIRST_WAIT_MS; !isFinished(job); wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    job = await (await call(`/jobs/${job.id}`)).json();
    show(item, job);
  }
}

function isFinished(job) {
  return job.status === 'done' || job.status === 'failed';
}

function show(item, job) {
  item.className = `card ${job.status}`;
  item.replaceChildren(
    element('strong', {}, job.name ?? job.file_url),
    element('span', { className: 'muted' }, job.status),
  );
  if (job.error) item.append(element('p', { className: 'muted' }, job.error));
  if (job.result) item.append(element('p', {}, job.result.summary));
}

function say(text, kind = '') {
  status.textContent = text;
  status.className = kind;
}
