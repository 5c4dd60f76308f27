// Tells a change of the project's code, which Python can reload, from one of its configuration.
import fs from 'node:fs';
import path from 'node:path';
import { emit } from './events.mjs';

// An environment has secrets of its own: .dev.vars.staging.
const CONFIGURATION = /^(wrangler\.toml|cfpy\.toml|pyproject\.toml|\.dev\.vars(\..+)?)$/;
// Editors write in bursts: a temporary file, a rename, a change of mode.
const QUIET_MS = 150;

/**
 * @param {object} session
 * @param {(path: string) => Promise<void>} reload called for one change at a time
 */
export function watchProject(session, reload) {
  const sources = path.dirname(session.entry);
  let changed;
  let timer;
  let running = Promise.resolve();
  const settle = (file) => {
    changed = file;
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(() => reload(path.relative(session.project, changed)));
    }, QUIET_MS);
  };
  fs.watch(sources, { recursive: true }, (_event, file) => {
    if (file?.endsWith('.py')) settle(path.join(sources, file));
  });
  fs.watch(session.project, (_event, file) => {
    if (CONFIGURATION.test(file ?? '')) emit('config_changed', { path: file });
  });
  const migrations = path.join(session.project, 'migrations');
  if (fs.existsSync(migrations)) {
    fs.watch(migrations, (_event, file) => {
      if (file?.endsWith('.sql')) emit('config_changed', { path: path.join('migrations', file) });
    });
  }
}
