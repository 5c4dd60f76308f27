// Runs a Python Worker on this machine: bindings and HTTP in the real workerd (through Miniflare),
// Python in the real Pyodide in this process. Started by `cfpy dev --runtime node`.
//
// The first line of standard input is the session (see local/local_runtime.py), the others name
// changed files; the end of standard input means that cfpy has exited. Events are printed as JSON
// lines.
import { once } from 'node:events';
import path from 'node:path';
import readline from 'node:readline';
import { makeAccess } from './access.mjs';
import { makeBuild } from './build.mjs';
import { acknowledge, emit, fatal, inProject, showPlaces } from './events.mjs';
import { serve } from './http.mjs';
import { startMeter } from './meter.mjs';
import { startMiniflare } from './miniflare.mjs';
import { makePage } from './page.mjs';
import { brokenHost, placesOf, startPython } from './python_host.mjs';
import { readable } from './traces.mjs';

const started = performance.now();
const elapsed = (since) => Math.round(performance.now() - since);

async function main() {
  const lines = readline.createInterface({ input: process.stdin });
  const [first] = await once(lines, 'line');
  const session = JSON.parse(first);
  const changes = [];
  let changed = () => {};
  lines.on('line', (line) => {
    changes.push(JSON.parse(line).changed);
    acknowledge();
    changed();
  });
  startMeter(session.meter);
  showPlaces(placesOf(session), session.project);
  const build = makeBuild(session);

  // Requests wait here until Python is ready, and again while it reloads.
  let host = Promise.withResolvers();
  const ready = Promise.withResolvers();
  const access = makeAccess(process.env.CFPY_ACCESS);
  const page = makePage(session, ready.promise, access);
  const loopback = await serve(() => host.promise, page.answer, access);
  const bindings = startMiniflare(session, loopback);
  ready.resolve(bindings);
  bindings.catch((error) => reportStart(error));
  const stop = async () => {
    setTimeout(() => process.exit(0), 5000).unref();
    page.close();
    await host.promise.then((h) => h.settled()).catch(() => {});
    await bindings.then((b) => b.dispose()).catch(() => {});
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  lines.on('close', stop);

  const load = async ({ afterBuild }) => {
    try {
      const failed = afterBuild ? await build.run() : '';
      if (failed) throw new Error(failed);
      return await startPython(session, bindings);
    } catch (error) {
      const text = String(error.message ?? error).trim();
      if (!session.watch) fatal('entry_failed', text);
      emit('reload_failed', { text });
      return brokenHost(readable(inProject(text)));
    }
  };
  const reload = async ({ afterBuild = false } = {}) => {
    const next = Promise.withResolvers();
    host = next;
    const loaded = await load({ afterBuild });
    next.resolve(loaded);
    return !loaded.broken;
  };
  // A crash of the interpreter itself, such as a stack overflow in C, is reported here. Like
  // workerd with a new isolate, start a new interpreter.
  const startAgain = async (reason) => {
    const text = `Python crashed and is starting again: ${reason}`;
    emit('log', { level: 'error', text });
    const crashed = host.promise;
    const reloaded = reload();
    loopback.failAll(inProject(text));
    (await crashed).drop();
    await reloaded;
  };
  process.on('uncaughtException', (error) => startAgain(error.message ?? error));
  // For tests of the state after a crash.
  process.on('SIGUSR2', () => startAgain('killed by SIGUSR2'));
  host.resolve(await load({ afterBuild: true }));
  const { url } = await bindings;
  emit('ready', { url, page: page.url(url), ms: elapsed(started), pid: process.pid });

  for (;;) {
    if (!changes.length) await new Promise((resolve) => (changed = resolve));
    const files = changes.splice(0).flat().map((name) => path.join(session.project, name));
    const names = files.filter((file) => !build.wrote(file));
    const afterBuild = build.isStale(names);
    if (!afterBuild && !names.some((file) => isSource(file, session))) continue;
    const since = performance.now();
    emit('reloading', { path: path.relative(session.project, names[0]) });
    if (await reload({ afterBuild })) emit('reloaded', { ms: elapsed(since) });
  }
}

/** Whether a changed file is Python code that the Worker may have imported. */
function isSource(file, { entry }) {
  return file.endsWith('.py') && !path.relative(path.dirname(entry), file).startsWith('..');
}

function reportStart(error) {
  // What Miniflare's schema refuses is a value of the configuration; a stack would not help.
  if (Array.isArray(error.issues)) fatal('configuration', error.issues.map(refusedValue).join('\n'));
  // Miniflare's own errors are about its options, so about the configuration.
  if (error.refused || /^Miniflare/.test(error.name)) fatal('configuration', error.message);
  // What the system answers, and Node's own refusals: the message has the reason.
  if (typeof error.code === 'string') fatal('runtime', error.message);
  fatal('runtime', error.stack ?? String(error));
}

/** For instance `q: maxBatchSize: Too big: expected number to be <=100`. */
function refusedValue({ path: keys, message }) {
  const where = keys.filter((key) => typeof key === 'string' && key !== 'workers').join(': ');
  return `the configuration has a value that the local runtime refuses: ${where}: ${message}`;
}

main().catch(reportStart);
