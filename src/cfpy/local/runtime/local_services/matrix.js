// Vectors of one length, in the memory of a small WebAssembly module that multiplies several
// numbers at once. A query spends more time on memory than on arithmetic, so each vector is stored
// twice: as floats, which decide, and as bytes, which are four times as fast to read and leave few
// candidates.

const PAGE_BYTES = 65_536;
const LANES = 16; // numbers that the module reads at once
const LARGEST_BYTE = 127;
const LARGEST_SHORT = 32_767;
// The error of sums of 32-bit floats, relative to the product of the vectors' lengths.
const ROUNDING = 1e-5;

export class Matrix {
  #floats;
  #bytes;
  #dimensions;
  // By row: its length, the value of one step of its bytes, and the length of the rest.
  #norms = [];
  #steps = [];
  #errors = [];

  /** @param {WebAssembly.Module} module dots.wasm */
  constructor(module, dimensions) {
    this.#dimensions = dimensions;
    this.#floats = new Rows(module, dimensions, Float32Array, Float32Array);
    this.#bytes = new Rows(module, dimensions, Int8Array, Int16Array);
  }

  /** Add a row and return its number. */
  push(values) {
    const row = this.#norms.length;
    this.set(row, values);
    return row;
  }

  /** The floats of a row: a copy, because the memory moves. */
  get(row) {
    return this.#floats.at(row).slice(0, this.#dimensions);
  }

  /** The length of a row. */
  norm(row) {
    return this.#norms[row];
  }

  /** Replace a row, or add one after the last. */
  set(row, values) {
    if (row === this.#norms.length) {
      this.#floats.reach(row + 1);
      this.#bytes.reach(row + 1);
    }
    const [step, rounded] = quantize(values, LARGEST_BYTE);
    // The unused end of the row may have old values.
    this.#floats.at(row).fill(0).set(values);
    this.#bytes.at(row).fill(0).set(rounded);
    this.#norms[row] = length(values);
    this.#steps[row] = step;
    this.#errors[row] = length(values.map((value, i) => value - step * rounded[i]));
  }

  /** Remove a row; the last one takes its place. */
  remove(row) {
    const last = this.#norms.length - 1;
    for (const rows of [this.#floats, this.#bytes]) rows.at(row).set(rows.at(last));
    for (const facts of [this.#norms, this.#steps, this.#errors]) {
      facts[row] = facts[last];
      facts.pop();
    }
  }

  /**
   * The upper bound of the dot product of `vector` with each row.
   *
   * With the rounded parts r and the rests e of row and vector, it is r·r' + r·e' + e·(r' + e'), and
   * no product is larger than that of two lengths.
   */
  ceilings(vector) {
    const rows = this.#norms.length;
    const [step, rounded] = quantize(vector, LARGEST_SHORT);
    const norm = length(vector);
    const error = length(vector.map((value, i) => value - step * rounded[i]));
    this.#floats.ask(vector);
    this.#bytes.ask(rounded);
    const sums = this.#bytes.multiply('sums', 0, rows);
    const [norms, steps, errors] = [this.#norms, this.#steps, this.#errors];
    const most = new Float64Array(rows);
    for (let row = 0; row < rows; row++) {
      const slack = norm * errors[row] + (error + ROUNDING * norm) * (norms[row] + errors[row]);
      most[row] = sums[row] * steps[row] * step + slack;
    }
    return most;
  }

  /** The dot product of a row with the last vector for `ceilings`. */
  dot(row) {
    return this.#floats.multiply('dots', row, 1)[0];
  }
}

/**
 * Rows of numbers of one kind, one after the other, preceded by the vector for the multiplication.
 */
class Rows {
  #exports;
  #stride; // numbers in a row
  #Row;
  #Vector;
  #end; // of the rows

  constructor(module, dimensions, Row, Vector) {
    this.#exports = new WebAssembly.Instance(module).exports;
    this.#stride = Math.ceil(dimensions / LANES) * LANES;
    this.#Row = Row;
    this.#Vector = Vector;
    this.reach(0);
  }

  at(row) {
    return this.#view(this.#Row, this.#address(row));
  }

  /** Make room for this many rows and their products. */
  reach(rows) {
    const { memory } = this.#exports;
    this.#end = this.#address(rows);
    const missing = this.#end + rows * Float32Array.BYTES_PER_ELEMENT - memory.buffer.byteLength;
    // Grow by half, because growing copies everything.
    if (missing > 0) memory.grow(Math.ceil((missing + memory.buffer.byteLength / 2) / PAGE_BYTES));
  }

  ask(vector) {
    this.#view(this.#Vector, 0).set(vector);
  }

  /** The products of the vector with `count` rows, by one of the module's functions. */
  multiply(name, first, count) {
    const { [name]: multiply, memory } = this.#exports;
    multiply(this.#address(first), count, this.#width(this.#Row), 0, this.#end);
    return new Float32Array(memory.buffer, this.#end, count);
  }

  #address(row) {
    return this.#width(this.#Vector) + row * this.#width(this.#Row);
  }

  /** Bytes of a row of numbers of a kind. */
  #width(Kind) {
    return this.#stride * Kind.BYTES_PER_ELEMENT;
  }

  #view(Kind, at) {
    return new Kind(this.#exports.memory.buffer, at, this.#stride);
  }
}

/** Whole numbers up to `largest`, and the value of one step. */
function quantize(values, largest) {
  const most = values.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  const step = most / largest;
  return [step, values.map((value) => Math.round(value / (step || 1)))];
}

export function length(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
