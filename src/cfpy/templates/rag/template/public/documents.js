// The list of documents: shows what there is, adds files and deletes.
import { call, element } from './page.js';

// Milliseconds between two looks at what searches do not find yet.
const PAUSE = 2000;
const PAGE = 100;
const MAX_ID_CHARS = 128;
const MAX_TITLE_CHARS = 200;
const FRONT_MATTER = /^---[ \t]*\n(?=[\w-]+:)([\s\S]*?)\n---[ \t]*(?:\n|$)/;

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
        const body = JSON.stringify(await readDocument(file));
        const headers = { 'Content-Type': 'application/json' };
        await call('/documents', { method: 'POST', headers, body });
        added += 1;
      } catch (error) {
        if (error.status === 401) throw error;
        failures.push(element('li', { className: 'error' }, `${file.name}: ${error.message}`));
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

/** The document that a file is, like the one that scripts/ingest.py would send. */
async function readDocument(file) {
  if (!/\.(?:md|markdown|txt)$/i.test(file.name)) {
    throw new Error('only .md, .markdown and .txt files can be added.');
  }
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error('it is not text in UTF-8.');
  }
  text = text.replace(/\r\n?/g, '\n');
  const front = text.match(FRONT_MATTER);
  text = text.slice(front?.[0].length ?? 0).trim();
  if (!text) throw new Error('it is empty.');
  const named = front?.[1].match(/^title:[ \t]*(["']?)(.+?)\1[ \t]*$/im)?.[2];
  const [, heading, below] = text.match(/^# +([^\n]+)\n\s*(\S[\s\S]*)$/) ?? [];
  const title = named ?? heading?.trim() ?? file.name.replace(/\.\w+$/, '');
  const source = file.name.normalize('NFC');
  const [, lang] = front?.[1].match(/^lang:[ \t]*["']?([A-Za-z]{2,3})\b/im) ??
    source.match(/\.([a-z]{2})\.\w+$/) ?? [];
  return {
    id: await documentId(source),
    title: [...title].slice(0, MAX_TITLE_CHARS).join(''),
    source,
    text: heading && !named && heading.length <= MAX_TITLE_CHARS ? below : text,
    metadata: lang ? { lang: lang.toLowerCase() } : {},
  };
}

/** The name, if an id may look like it; else what of it can stay, and a digest of the whole. */
async function documentId(name) {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').replace(/[^A-Za-z0-9._:@+-]+/g, '-');
  if (plain === name && name.length <= MAX_ID_CHARS) return name;
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(name));
  const digest = [...new Uint8Array(bytes, 0, 5)].map((byte) => byte.toString(16).padStart(2, '0'));
  const [, base, ending] = plain.match(/^(.*)(\.\w+)$/);
  const end = `-${digest.join('')}${ending}`;
  return base.replace(/^-+|-+$/g, '').slice(0, MAX_ID_CHARS - end.length) + end;
}
