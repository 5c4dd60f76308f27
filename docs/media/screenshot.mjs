// Asks a question on the page of a running project and saves a picture of the answer.
//
//   node screenshot.mjs CHROMIUM URL TOKEN QUESTION FILE.png
//
// Talks to Chromium's DevTools directly: no browser driver to install.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [chromium, url, token, question, file] = process.argv.slice(2);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'cfpy-chromium-'));
const browser = spawn(chromium, [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--hide-scrollbars',
  '--remote-debugging-port=0',
  '--window-size=920,860',
  `--user-data-dir=${profile}`,
  'about:blank',
]);

/** The DevTools socket of the first tab. */
async function connect() {
  let output = '';
  for await (const chunk of browser.stderr) {
    output += chunk;
    const found = output.match(/DevTools listening on ws:\/\/([^/]+)/);
    if (found) {
      const tabs = await (await fetch(`http://${found[1]}/json`)).json();
      const socket = new WebSocket(tabs.find(({ type }) => type === 'page').webSocketDebuggerUrl);
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      return socket;
    }
  }
  throw new Error(`Chromium did not start:\n${output}`);
}

function protocol(socket) {
  const waiting = new Map();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (id) waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
  });
  let last = 0;
  return (method, params = {}) =>
    new Promise((resolve) => {
      waiting.set(++last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
}

try {
  const send = protocol(await connect());
  const evaluate = async (expression) => {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await send('Runtime.evaluate', options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
    return result.value;
  };
  await send('Page.navigate', { url });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await evaluate(`(() => {
    const form = document.querySelector('form');
    form.querySelector('[type=password]').value = ${JSON.stringify(token)};
    form.querySelector('[name=question], input:not([type=password]), textarea').value =
      ${JSON.stringify(question)};
    form.requestSubmit();
  })()`);
  await evaluate(`new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('no answer: ' + document.body.innerText)), 30000);
    setInterval(() => document.querySelector('a[href^="#source"]') && resolve(), 100);
  })`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { data } = await send('Page.captureScreenshot', { format: 'png' });
  fs.writeFileSync(file, Buffer.from(data, 'base64'));
} finally {
  browser.kill();
  await new Promise((resolve) => browser.on('close', resolve));
  fs.rmSync(profile, { recursive: true, force: true });
}
