// Queries of a Vectorize stand-in beside a search of every vector, for vectors that are hard to tell
// apart by fewer bits than they have. Prints how many queries agreed; what does not is thrown.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const services = process.argv[2];
const { VectorIndex } = await import(pathToFileURL(path.join(services, 'vector_index.js')));
const dots = new WebAssembly.Module(fs.readFileSync(path.join(services, 'dots.wasm')));
const storage = {
  transactionSync: (work) => work(),
  sql: { exec: () => Object.assign([], { toArray: () => [] }) },
};

let state = 7;
function random() {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return state / 0x7fffffff - 0.5;
}

const centre = Array.from({ length: 1536 }, random);
const KINDS = {
  uniform: () => random(),
  'close together': (i) => centre[i] + random() * 1e-3,
  'closer than a step of a byte': (i) => centre[i] + random() * 1e-5,
  'one large number': (i) => (i === 3 ? 1e4 * random() : random() * 1e-2),
  sparse: () => (random() > 0.45 ? random() : 0),
  'of all sizes': () => random() * 10 ** (30 * random()),
  'as large as can be': (i) => (i % 2 ? 1 : -1) * 1e15,
  zero: () => 0,
};
const EXACT = {
  cosine: (a, b) => product(a, b) / (Math.sqrt(product(a, a) * product(b, b)) || 1),
  'dot-product': product,
  euclidean: (a, b) => -Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0)),
};

function product(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

let agreed = 0;
for (const dimensions of [1, 17, 384, 1536]) {
  for (const metric of Object.keys(EXACT)) {
    for (const [kind, number] of Object.entries(KINDS)) {
      const index = new VectorIndex(storage, dots);
      index.configure({ dimensions, metric });
      const make = () => Float32Array.from({ length: dimensions }, (_, i) => number(i));
      const vectors = Array.from({ length: 300 }, (_, n) => ({ id: `v${n}`, values: make() }));
      index.write(vectors, { replace: true });
      // Rows move when others go, and are replaced.
      index.settle();
      index.deleteByIds(vectors.splice(0, 40).map(({ id }) => id));
      for (const vector of vectors.slice(0, 40)) vector.values = make();
      index.write(vectors.slice(0, 40), { replace: true });
      index.settle();
      for (const asked of [make(), vectors[5].values, Float32Array.from(centre.slice(0, dimensions))]) {
        const wanted = vectors
          .map(({ id, values }) => [EXACT[metric](asked, values), id])
          .sort((a, b) => b[0] - a[0]);
        const found = index.query(asked, { topK: 10 }).matches.map(({ id }) => id);
        const scores = new Map(wanted.map(([score, id]) => [id, score]));
        const lengths = vectors.map(({ values }) => Math.sqrt(product(values, values)));
        const size = Math.sqrt(product(asked, asked)) * Math.max(...lengths);
        // What 32 bits can't tell apart: a distance comes from a square.
        const off = { cosine: 1e-6, 'dot-product': 1e-6 * size, euclidean: 2e-3 * Math.sqrt(size) };
        found.forEach((id, rank) => {
          if (!(scores.get(id) >= wanted[rank][0] - off[metric])) {
            const what = `${dimensions} ${metric} ${kind}: ${id} is number ${rank + 1}`;
            throw new Error(`${what}, with ${scores.get(id)} for ${wanted[rank][0]}`);
          }
        });
        if (new Set(found).size !== 10) throw new Error(`${kind}: ${found}`);
        agreed += 1;
      }
    }
  }
}
console.log(agreed);
