// What wrangler makes of a project's configuration: Miniflare's options, variables and secrets.
//
// wrangler is read by a process of its own, which ends after it: meanwhile Python loads in this one,
// which then does not keep wrangler's 100 MB.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { requireTool } from './tools.mjs';

// Settings of wrangler: whether secrets also come from the environment, and whether `.env` is read.
const INCLUDE = 'CLOUDFLARE_INCLUDE_PROCESS_ENV';
const LOAD = 'CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV';
const READER = path.join(import.meta.dirname, 'wrangler_reader.mjs');

/**
 * Read the configuration in a process of its own. wrangler's settings in `.env` files become part of
 * the environment of this one.
 *
 * @param {object} session
 * @returns {Promise<{options: object, vars: object}>} `options` by the path of a derived
 *   configuration, as wrangler returns them; `vars` are `{type, value}` by name
 */
export async function readConfiguration(session) {
  const reader = fork(READER, {
    execArgv: ['--no-warnings'],
    // It has regular expressions and bytes, which JSON does not have.
    serialization: 'advanced',
    // Standard output is for events.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const answer = await new Promise((resolve, reject) => {
    reader.once('message', resolve);
    reader.once('error', reject);
    reader.once('exit', (code, signal) => reject(new Error(`wrangler's reader ended: ${signal ?? code}`)));
    reader.send(session);
  });
  if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
  // Options may be functions, which can't be sent.
  if (answer.unsendable) return readHere(session);
  for (const [name, value] of Object.entries(answer.environment)) {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  }
  return answer.found;
}

/**
 * The same in this process. An error has `refused` if wrangler refuses the configuration: then its
 * message is for a person.
 */
export function readHere(session) {
  try {
    return read(session);
  } catch (error) {
    // A property of wrangler's UserError (4.164.0) alone.
    throw Object.assign(error, { refused: 'telemetryMessage' in error });
  }
}

function read(session) {
  const { unstable_getMiniflareWorkerOptions: readOptions, unstable_getVarsForDev: readVars } =
    requireTool(session.toolchain, 'wrangler');
  takeSettings(readVars, session.settings);
  // wrangler's switch is about files that it finds, not about those that the command line names.
  if (session.given) process.env[LOAD] = 'true';
  const vars = varsOf(readVars, session);
  const configurations = [session.worker, session.local_services].filter(Boolean);
  // Its top level, whatever the value of CLOUDFLARE_ENV: it was derived for one environment.
  const options = Object.fromEntries(configurations.map((file) => [file, readOptions(file, '')]));
  for (const { workerOptions } of Object.values(options)) {
    delete workerOptions.modulesRules; // convertV4MiniflareOptions rejects what wrangler returns here.
  }
  return { options, vars };
}

/** Variables and secrets as `wrangler dev` binds them. */
function varsOf(readVars, { worker, dev_vars: file, env_files: files }) {
  const { vars = {}, secrets } = JSON.parse(fs.readFileSync(worker, 'utf8'));
  // A `.dev.vars` of the project; wrangler uses `.dev.vars.NAME` for an environment.
  const environment = file && path.basename(file).slice('.dev.vars.'.length);
  return file
    ? readVars(file, undefined, vars, environment || undefined, true, secrets)
    : readVars(worker, files.length ? files : undefined, vars, undefined, true, secrets);
}

/**
 * Put wrangler's own settings from `.env` files into the environment, like its command line.
 * Existing variables win, and `$NAME` in a file may refer to them.
 */
function takeSettings(readVars, files) {
  if (!files.length) return;
  const read = () => readVars(undefined, files, {}, undefined, true);
  const own = { [INCLUDE]: process.env[INCLUDE], [LOAD]: process.env[LOAD] };
  Object.assign(process.env, { [INCLUDE]: 'false', [LOAD]: 'true' });
  const written = read();
  process.env[INCLUDE] = 'true';
  const expanded = read();
  for (const [name, { value }] of Object.entries(expanded)) process.env[name] = value;
  for (const [name, before] of Object.entries(own)) {
    const value = before || written[name]?.value;
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
