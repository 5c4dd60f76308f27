// Times queries of the local Vectorize stand-in: [{vectors, dimensions, rounds}] in, seconds out.
import fs from 'node:fs';
import { VectorIndex } from '../src/cfpy/local/runtime/local_services/vector_index.js';

// What the Durable Object's storage does for an index whose vectors are in memory.
const storage = {
  transactionSync: (work) => work(),
  sql: { exec: () => Object.assign([], { toArray: () => [] }) },
};

function random(dimensions) {
  return Array.from({ length: dimensions }, () => Math.random() - 0.5);
}

const wasm = new URL('../src/cfpy/local/runtime/local_services/dots.wasm', import.meta.url);
const dots = new WebAssembly.Module(fs.readFileSync(wasm));
const { sizes, dimensions, rounds } = JSON.parse(process.argv[2]);
const found = {};
for (const size of sizes) {
  const index = new VectorIndex(storage, dots);
  index.configure({ dimensions, metric: 'cosine' });
  for (let done = 0; done < size; done += 1000) {
    const batch = Array.from({ length: Math.min(1000, size - done) }, (_, i) => {
      return { id: `v${done + i}`, values: random(dimensions) };
    });
    index.write(batch, { replace: true });
  }
  const seconds = [];
  for (let round = -3; round < rounds; round++) {
    const asked = random(dimensions);
    const start = performance.now();
    const { count } = index.query(asked, { topK: 10 });
    if (count !== 10) throw new Error('10 matches were asked for');
    if (round >= 0) seconds.push((performance.now() - start) / 1000);
  }
  found[size] = seconds.sort((a, b) => a - b)[Math.floor(rounds / 2)];
}
console.log(JSON.stringify(found));
