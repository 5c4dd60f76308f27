// The best of many candidates.

/** The `size` best candidates so far, in a binary heap whose root is the worst of them. */
export class Best {
  #heap = [];

  constructor(size, sign) {
    this.size = size;
    this.sign = sign;
  }

  takes(score) {
    return this.#heap.length < this.size || score * this.sign > this.#heap[0][0];
  }

  /** Only the keys that it accepts. */
  add(score, candidate) {
    const item = [score * this.sign, score, candidate];
    if (this.#heap.length < this.size) {
      this.#heap.push(item);
      this.#up(this.#heap.length - 1);
    } else {
      this.#heap[0] = item;
      this.#down(0);
    }
  }

  sorted() {
    const byRank = (a, b) => b[0] - a[0] || (a[2].id < b[2].id ? -1 : 1);
    return this.#heap.sort(byRank).map(([, score, candidate]) => [score, candidate]);
  }

  #up(i) {
    const heap = this.#heap;
    for (let parent = (i - 1) >> 1; i > 0 && heap[i][0] < heap[parent][0]; parent = (i - 1) >> 1) {
      [heap[i], heap[parent]] = [heap[parent], heap[i]];
      i = parent;
    }
  }

  #down(i) {
    const heap = this.#heap;
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && heap[child][0] < heap[least][0]) least = child;
      }
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least], heap[i]];
      i = least;
    }
  }
}
