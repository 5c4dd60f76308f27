// Vectors of one length, side by side in the memory of a small WebAssembly module that multiplies
// four floats at once: JavaScript alone would take four times as long for a query.

const PAGE_BYTES = 65_536;
const FLOAT_BYTES = 4;
const LANES = 16; // floats that the module reads in one go

export class Matrix {
  #exports;
  #dimensions;
  #stride; // bytes of a row
  #rows = 0;

  /** @param {WebAssembly.Module} module dots.wasm */
  constructor(module, dimensions) {
    this.#exports = new WebAssembly.Instance(module).exports;
    this.#dimensions = dimensions;
    this.#stride = Math.ceil(dimensions / LANES) * LANES * FLOAT_BYTES;
  }

  /** Add a row; its number. */
  push(values) {
    this.#reach((this.#rows + 1) * this.#stride);
    // Something else may have lain where it goes.
    this.#floats(this.#rows * this.#stride)
      .fill(0)
      .set(values);
    return this.#rows++;
  }

  /** The floats of a row: a copy, because what lies in memory moves. */
  get(row) {
    return this.#view(row).slice();
  }

  set(row, values) {
    this.#view(row).set(values);
  }

  /** Take a row away; the last one takes its place. */
  remove(row) {
    this.#rows -= 1;
    this.#view(row).set(this.#view(this.#rows));
  }

  /** The dot product of `vector` with each row. */
  dots(vector) {
    const asked = this.#rows * this.#stride;
    const out = asked + this.#stride;
    this.#reach(out + this.#rows * FLOAT_BYTES);
    const { memory, dots } = this.#exports;
    this.#floats(asked).fill(0).set(vector);
    dots(0, this.#rows, this.#stride, asked, out);
    return new Float32Array(memory.buffer, out, this.#rows).slice();
  }

  #view(row) {
    return this.#floats(row * this.#stride).subarray(0, this.#dimensions);
  }

  /** A row with its padding, at an address. */
  #floats(at) {
    return new Float32Array(this.#exports.memory.buffer, at, this.#stride / FLOAT_BYTES);
  }

  #reach(bytes) {
    const { memory } = this.#exports;
    const missing = bytes - memory.buffer.byteLength;
    // Half as much again: growing copies everything.
    if (missing > 0) memory.grow(Math.ceil((missing + memory.buffer.byteLength / 2) / PAGE_BYTES));
  }
}
