// Loaded into wrangler's process before wrangler (node --import): ends it, and all that it started,
// when standard input ends. Only cfpy holds the other end, so cfpy has ended, perhaps by SIGKILL.
const GRACE_MS = 3000;

// With 0, a signal goes to the process group, which cfpy started for this run alone.
const endAll = () => process.kill(0, 'SIGKILL');

process.stdin.on('end', () => {
  process.on('exit', endAll);
  setTimeout(endAll, GRACE_MS);
  // wrangler stops workerd and deletes its temporary files.
  process.kill(process.pid, 'SIGTERM');
});
process.stdin.resume();
process.stdin.unref();
