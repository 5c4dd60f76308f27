// One question and its answer on the page.
import { isSafe, link, markdown } from './markdown.js';
import { element } from './page.js';

let count = 0;

/** A question with room for its answer, which comes bit by bit. */
export class Turn {
  #text = '';
  #sources = new Map();
  #answer = element('div', { className: 'answer' });
  #note = element('p', { className: 'note' });
  #passages = element('div', { className: 'sources' });
  #actions = element('div', { className: 'actions' });
  #drawing = false;

  /** @param {string} question */
  constructor(question) {
    count += 1;
    this.id = `turn-${count}`;
    this.root = element('article', { id: this.id });
    this.root.append(element('h2', {}, question), this.#answer, this.#note);
    this.root.append(this.#passages, this.#actions);
    this.#answer.ariaBusy = 'true';
    this.say('Searching…', 'working');
  }

  get text() {
    return this.#text;
  }

  say(text, kind = '') {
    this.#note.textContent = text;
    this.#note.className = `note ${kind}`;
  }

  /** @param {object[]} found the passages that the model reads */
  takeSources(found) {
    this.#sources = new Map(found.map((source) => [source.id, source]));
    this.say('Writing…', 'working');
  }

  /** More of the answer. It is drawn once a frame, however many pieces come. */
  add(text) {
    this.#text += text;
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** The answer is complete. */
  finish({ citations, truncated }) {
    this.#showSources(new Set(citations.map(({ id }) => id)));
    this.#end();
    if (truncated) this.say('The answer is not complete: it reached its limit.');
    else if (!this.#sources.size) this.say('No passage of your documents fits this question.');
    else if (citations.length) this.say('');
    // Be it that the model does not know, or that it does not say from where.
    else this.say('Nothing in your documents backs this answer.');
  }

  /** The answer ends here, because of an error or at the wish of the reader. */
  break(why, kind, retry) {
    this.#showSources(new Set());
    this.#end();
    this.say(why, kind);
    const again = element('button', { type: 'button', className: 'plain' }, 'Ask again');
    again.addEventListener('click', retry);
    this.#actions.append(again);
  }

  #end() {
    this.#answer.ariaBusy = 'false';
    this.#draw();
    if (!this.#text.trim()) return;
    const copy = element('button', { type: 'button', className: 'plain' }, 'Copy');
    copy.addEventListener('click', () => this.#copy(copy));
    this.#actions.append(copy);
  }

  #draw() {
    this.#answer.replaceChildren(markdown(this.#text, (id) => this.#citation(id)));
  }

  #citation(id) {
    const source = this.#sources.get(id);
    if (!source) return null;
    const ariaLabel = `Source ${id}: ${nameOf(source)}`;
    const href = `#${this.id}-source-${id}`;
    const mark = element('a', { href, className: 'citation', ariaLabel }, String(id));
    mark.addEventListener('click', (event) => {
      event.preventDefault();
      this.#open(id);
    });
    return mark;
  }

  /** Go to a passage, and open it. */
  #open(id) {
    const passage = this.root.querySelector(`#${this.id}-source-${id}`);
    if (!passage) return;
    passage.open = true;
    const others = passage.closest('.others');
    if (others) others.open = true;
    passage.querySelector('summary').focus({ preventScroll: true });
    passage.scrollIntoView({ block: 'center', behavior: calm() ? 'instant' : 'smooth' });
  }

  #showSources(cited) {
    const all = [...this.#sources.values()];
    const used = all.filter(({ id }) => cited.has(id));
    const others = all.filter(({ id }) => !cited.has(id));
    this.#passages.replaceChildren();
    if (used.length) this.#passages.append(element('h3', {}, 'Sources'), this.#list(used, 'cited'));
    if (others.length) {
      const folded = element('details', { className: 'others' });
      const more = `${others.length} ${others.length > 1 ? 'passages' : 'passage'} not cited`;
      folded.append(element('summary', {}, more), this.#list(others, ''));
      this.#passages.append(folded);
    }
  }

  #list(sources, className) {
    const list = element('ol');
    for (const source of sources) {
      const about = element('summary');
      about.append(element('span', { className: 'number' }, String(source.id)));
      const name = element('span', { className: 'name' }, nameOf(source));
      name.append(' ', element('span', { className: 'muted' }, source.source));
      about.append(name);
      const passage = element('details', { id: `${this.id}-source-${source.id}` });
      const text = element('div', { className: 'passage' });
      text.append(markdown(source.text));
      if (isSafe(source.source)) text.append(link(addressOf(source), 'Open the page'));
      passage.append(about, text);
      const item = element('li', { className });
      item.append(passage);
      list.append(item);
    }
    return list;
  }

  async #copy(button) {
    const cited = [...this.#passages.querySelectorAll('.cited .number')];
    const lines = cited.map(({ textContent: id }) => {
      const source = this.#sources.get(Number(id));
      return `[${id}] ${[nameOf(source), source.source].filter(Boolean).join(', ')}`;
    });
    try {
      await navigator.clipboard.writeText([this.#text, ...lines].join('\n').trim());
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'The browser does not allow it';
    }
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  }
}

function nameOf({ heading, title, document_id: id }) {
  return heading || title || id;
}

/** The page, where the browser can find the passage in it. */
function addressOf({ source, text }) {
  const words = text.match(/[\p{L}\p{N}]+(?: [\p{L}\p{N}]+){2,7}/u);
  return words && !source.includes('#')
    ? `${source}#:~:text=${encodeURIComponent(words[0])}`
    : source;
}

function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
