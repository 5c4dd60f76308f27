// The list of documents: shows what there is, adds files and deletes.
import { call, element } from './page.js';

// Milliseconds between two looks at what searches do not find yet.
const PAUSE = 2000;
const PAGE = 100;
// MAX_FILE_BYTES of src/rag/limits.py.
const MAX_BYTES = 10_000_000;

export class Documents {
  #sheet;
  #refused;
  #cursor = '';
  #timer = 0;

  /**
   * @param {HTMLDialogElement} sheet
   * @param {(error: Error) => string | null} refused asks for the token if that was the error
   */
  constructor(sheet, refused) {
    this.#sheet = sheet;
    this.#refused = refused;
    const file = this.#find('#file');
    const drop = this.#find('#drop');
    file.addEventListener('change', () => this.#try(() => this.#add([...file.files])));
    for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
      drop.addEventListener(type, (event) => {
        event.preventDefault();
        drop.classList.toggle('over', type === 'dragenter' || type === 'dragover');
      });
    }
    drop.addEventListener('drop', ({ dataTransfer }) => {
      this.#try(() => this.#add([...dataTransfer.files]));
    });
    this.#find('#more').addEventListener('click', () => this.#try(() => this.#showMore()));
    this.#find('#close-documents').addEventListener('click', () => sheet.close());
    // A click beside the sheet.
    sheet.addEventListener('click', ({ target }) => target === sheet && sheet.close());
    sheet.addEventListener('close', () => clearTimeout(this.#timer));
  }

  open() {
    this.#sheet.showModal();
    this.#find('#failures').replaceChildren();
    this.#say('Loading…');
    this.#try(async () => {
      await this.#reload();
      this.#say(this.#rows().length ? '' : 'There are no documents yet.');
    });
  }

  /** Keep nothing on the page of what another token has seen. */
  forget() {
    this.#find('#list').replaceChildren();
  }

  /** Whether there are none; false if that can't be found out. */
  async isEmpty() {
    try {
      return !(await (await call('/documents?limit=1')).json()).documents.length;
    } catch {
      return false;
    }
  }

  async #try(action) {
    try {
      await action();
    } catch (error) {
      if (error.status === 401) this.#sheet.close();
      this.#say(this.#refused(error) ?? error.message, 'error');
    }
  }

  /** Show the first documents again; look again while searches don't find all of them. */
  async #reload() {
    clearTimeout(this.#timer);
    this.#cursor = '';
    const shown = Math.max(PAGE, this.#rows().length);
    const rows = [];
    do rows.push(...(await this.#next())); while (this.#cursor && rows.length < shown);
    const focused = document.activeElement.closest?.('#list li')?.dataset.id;
    this.#find('#list').replaceChildren(...rows);
    rows.find(({ dataset }) => dataset.id === focused)?.querySelector('button').focus();
    if (rows.some(({ dataset }) => dataset.state === 'pending') && this.#sheet.open) {
      this.#timer = setTimeout(() => this.#try(() => this.#reload()), PAUSE);
    }
  }

  async #showMore() {
    const rows = await this.#next();
    this.#find('#list').append(...rows);
    rows[0]?.querySelector('button').focus();
  }

  async #next() {
    const query = new URLSearchParams({ limit: PAGE, cursor: this.#cursor });
    const { documents, next_cursor: cursor } = await (await call(`/documents?${query}`)).json();
    this.#cursor = cursor ?? '';
    this.#find('#more').hidden = !cursor;
    return documents.map((found) => this.#row(found));
  }

  #row({ id, title, chunks, state }) {
    const row = element('li');
    Object.assign(row.dataset, { id, state });
    const about = element('div');
    about.append(element('strong', {}, title || id), element('span', { className: 'muted' }, id));
    const parts = `${chunks} ${chunks === 1 ? 'passage' : 'passages'}`;
    const ready = state === 'searchable';
    const label = element('span', { className: 'state' }, ready ? parts : 'Being indexed…');
    label.classList.add(state);
    const button = element('button', { type: 'button', className: 'plain' }, 'Delete');
    button.ariaLabel = `Delete ${title || id}`;
    button.addEventListener('click', () => this.#try(() => this.#delete(row, button, title || id)));
    button.addEventListener('blur', () => this.#doubt(button, title || id, false));
    row.append(about, label, button);
    return row;
  }

  /** Nothing is deleted by one click: the second one, on the same button, does it. */
  #doubt(button, name, sure) {
    button.classList.toggle('sure', sure);
    button.textContent = sure ? 'Really delete?' : 'Delete';
    button.ariaLabel = sure ? `Really delete ${name}?` : `Delete ${name}`;
  }

  async #delete(row, button, name) {
    if (!button.classList.contains('sure')) {
      this.#doubt(button, name, true);
      this.#say(`Press again to delete ${name}.`);
      return;
    }
    await call(`/documents/${encodeURIComponent(row.dataset.id)}`, { method: 'DELETE' });
    const next = row.nextElementSibling ?? row.previousElementSibling;
    (next?.querySelector('button') ?? this.#find('#file')).focus();
    row.remove();
    this.#say(`Deleted ${name}.`);
  }

  async #add(files) {
    const failures = [];
    let added = 0;
    for (const file of files) {
      this.#say(`Adding ${file.name}…`);
      try {
        if (file.size > MAX_BYTES) throw new Error('it has more than 10 MB.');
        const body = new FormData();
        body.append('file', file);
        await call('/documents', { method: 'POST', body });
        added += 1;
      } catch (error) {
        if (error.status === 401) throw error;
        const { message } = error;
        const said = message.includes(file.name) ? message : `${file.name}: ${message}`;
        failures.push(element('li', { className: 'error' }, said));
      }
    }
    this.#find('#file').value = '';
    this.#find('#failures').replaceChildren(...failures);
    const failed = failures.length ? ` ${failures.length} not, see below.` : '';
    if (files.length) this.#say(`Added ${added} of ${files.length}.${failed}`);
    await this.#reload();
  }

  #rows() {
    return [...this.#find('#list').children];
  }

  #find(selector) {
    return this.#sheet.querySelector(selector);
  }

  #say(text, kind = '') {
    const status = this.#find('#status');
    status.textContent = text;
    status.className = kind;
  }
}
