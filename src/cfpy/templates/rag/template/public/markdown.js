// Markdown as DOM nodes: what language models and documents contain. It never parses HTML, has no
// images, and links only to safe schemes, so no text can run code, style or load anything.
import { element } from './page.js';

// Deeper lists, quotes and emphasis are shown as they were written.
const MAX_DEPTH = 8;
// Shorter lines end where their author wanted.
const MIN_WIDTH = 60;
const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;

const FENCE = /^ {0,3}(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|(\d{1,9})[.)])(?: +|$)/;
const ROW_OF_DASHES = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

const TARGET = /[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*/.source;
const LINK = new RegExp(
  `!?\\[(?<text>[^[\\]]*)\\]\\([ \\t]*<?(?<target>${TARGET})>?(?:[ \\t]+"[^"]*")?[ \\t]*\\)`,
);
const INLINE = new RegExp(
  [
    /\\(?<escaped>[!-/:-@[-`{-~])/,
    /(?<!`)(?<ticks>`+)(?!`)(?<code>.+?)(?<!`)\k<ticks>(?!`)/,
    LINK,
    // After a letter, a digit or a bracket it is an index: items[12].
    /(?<![\w)\]])(?<citations>(?:\[\d{1,3}\])+)/,
    /(?<!\*)\*\*(?=\S)(?<strong>.+?)(?<=\S)\*\*(?!\*)/,
    /(?<!\w)__(?=\S)(?<strong2>.+?)(?<=\S)__(?!\w)/,
    /\*(?=[^\s*])(?<em>[^*]*(?:\*\*[^*]+\*\*[^*]*)*)(?<=\S)\*/,
    /(?<![\w_])_(?=[^\s_])(?<em2>[^_]+)(?<=\S)_(?!\w)/,
    /~~(?=\S)(?<del>.+?)(?<=\S)~~/,
    /\b(?<url>https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]*_])/,
  ]
    .map((part) => part.source)
    .join('|'),
  'gs',
);

/**
 * Markdown as nodes. Line breaks stay, except those of prose that was wrapped to a width: show
 * paragraphs with `white-space: pre-wrap`.
 *
 * @param {string} text
 * @param {(id: number) => Node | null} [cite] what shows the citation of a source, or null
 * @returns {DocumentFragment}
 */
export function markdown(text, cite = () => null) {
  const lines = text.replace(/\r\n?/g, '\n').replaceAll('\t', '    ').split('\n');
  const headings = lines.flatMap((line) => line.match(HEADING)?.[1].length ?? []);
  // Below the question, which is an h2, and without gaps, whichever levels are in use.
  const levels = [...new Set(headings)].sort();
  const part = document.createDocumentFragment();
  part.append(...blocks(lines, { cite, levels }, 0));
  return part;
}

function blocks(lines, context, depth) {
  const found = [];
  let at = 0;
  const takeWhile = (wanted) => {
    const start = at;
    while (at < lines.length && wanted(lines[at], lines[at + 1])) at += 1;
    return lines.slice(start, at);
  };
  const nested = (inner) =>
    depth < MAX_DEPTH ? blocks(inner, context, depth + 1) : [inner.join('\n')];
  while (at < lines.length) {
    const line = lines[at];
    const kind = blockKind(line, lines[at + 1]);
    if (kind === 'blank' || kind === 'rule') {
      at += 1;
      if (kind === 'rule') found.push(element('hr'));
    } else if (kind === 'fence') {
      at += 1;
      const [, fence] = line.match(FENCE);
      const code = takeWhile((next) => !closes(next, fence));
      at += 1;
      found.push(codeBlock(code));
    } else if (kind === 'heading') {
      at += 1;
      const [, signs, text] = line.match(HEADING);
      const level = Math.min(6, 3 + context.levels.indexOf(signs.length));
      found.push(filled(`h${level}`, inline(text, context)));
    } else if (kind === 'quote') {
      const quoted = takeWhile((next) => QUOTE.test(next));
      found.push(filled('blockquote', nested(quoted.map((next) => next.replace(QUOTE, '')))));
    } else if (kind === 'table') {
      const rows = takeWhile((next) => next.includes('|') && next.trim());
      found.push(table(rows, context));
    } else if (kind === 'item') {
      const list = listItems(lines.slice(at));
      at += list.length;
      const [, , , number] = line.match(ITEM);
      const items = list.items.map((item) => filled('li', nested(item)));
      const start = number && number !== '1' ? { start: Number(number) } : {};
      found.push(filled(number ? 'ol' : 'ul', items, start));
    } else {
      at += 1;
      const rest = takeWhile((next, after) => blockKind(next, after) === 'text');
      found.push(filled('p', inline(paragraph([line, ...rest]), context)));
    }
  }
  return found;
}

function blockKind(line, next = '') {
  if (!line.trim()) return 'blank';
  if (FENCE.test(line)) return 'fence';
  if (HEADING.test(line)) return 'heading';
  if (RULE.test(line)) return 'rule';
  if (QUOTE.test(line)) return 'quote';
  if (ITEM.test(line)) return 'item';
  if (line.includes('|') && next.includes('-') && ROW_OF_DASHES.test(next)) return 'table';
  return 'text';
}

/** The lines of a paragraph, in one where each ends because the next word did not fit. */
function paragraph(lines) {
  const width = Math.max(...lines.map((line) => line.length));
  const wrapped = lines.every((line, i) => {
    const next = lines[i + 1]?.match(/^\s*(\S*)/)[1] ?? ' '.repeat(width);
    return line.length + 1 + next.length > width;
  });
  return lines.join(wrapped && width >= MIN_WIDTH ? ' ' : '\n');
}

function closes(line, fence) {
  const text = line.trim();
  return text.length >= fence.length && text === fence[0].repeat(text.length);
}

/** The items of the list that `lines` begin with, as their lines; and how many lines it has. */
function listItems(lines) {
  const [, indent, mark, number] = lines[0].match(ITEM);
  const width = indent.length + mark.length + 1;
  const items = [];
  let at = 0;
  for (; at < lines.length; at += 1) {
    const line = lines[at];
    const item = line.match(ITEM);
    const deep = line.search(/\S|$/);
    const after = at > 0 && !lines[at - 1].trim();
    if (!line.trim()) {
      items.at(-1).push('');
    } else if (item && deep <= indent.length + 1) {
      if (Boolean(item[3]) !== Boolean(number) || RULE.test(line)) break;
      items.push([line.slice(item[0].length)]);
    } else if (deep > indent.length + 1) {
      items.at(-1).push(line.slice(Math.min(deep, width)));
    } else if (after || blockKind(line, lines[at + 1]) !== 'text') {
      break;
    } else {
      items.at(-1).push(line);
    }
  }
  return { items, length: at };
}

function table([head, dashes, ...rows], context) {
  const sides = cellsOf(dashes).map((cell) => (cell.endsWith(':') ? 'right' : ''));
  const row = (name, line) => {
    const cells = cellsOf(line).slice(0, sides.length);
    while (cells.length < sides.length) cells.push('');
    return filled('tr', cells.map((cell, i) =>
      filled(name, inline(cell, context), { className: sides[i] })));
  };
  const body = filled('tbody', rows.map((line) => row('td', line)));
  const whole = filled('table', [filled('thead', [row('th', head)]), body]);
  const reachable = { tabIndex: 0, role: 'group', ariaLabel: 'Table' };
  return filled('div', [whole], { className: 'wide', ...reachable });
}

/** The cells of a row; `\|` is a sign in a cell. */
function cellsOf(line) {
  const inner = line.trim().replace(/^\|/, '').replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.replaceAll('\\|', '|').trim());
}

function codeBlock(lines) {
  // It can be scrolled, so it can be reached by keyboard.
  return filled('pre', [element('code', {}, lines.join('\n'))], { tabIndex: 0 });
}

function inline(text, context, depth = 0) {
  if (depth > MAX_DEPTH) return [text];
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    found.push(text.slice(end, match.index), ...inlineNodes(match, context, depth + 1));
    end = match.index + match[0].length;
  }
  return [...found, text.slice(end)];
}

function inlineNodes({ 0: whole, groups: part }, context, depth) {
  const inner = (name, text) => [filled(name, inline(text, context, depth))];
  if (part.escaped) return [part.escaped];
  if (part.code) return [element('code', {}, part.code)];
  if (part.target !== undefined) {
    const label = part.text || part.target;
    return SAFE_LINK.test(part.target) ? [link(part.target, label)] : [whole];
  }
  if (part.citations) {
    return part.citations.match(/\d+/g).map((id) => context.cite(Number(id)) ?? `[${id}]`);
  }
  if (part.url) return [link(part.url, part.url)];
  if (part.del) return inner('del', part.del);
  const strong = part.strong ?? part.strong2;
  return strong ? inner('strong', strong) : inner('em', part.em ?? part.em2);
}

/** A link to elsewhere. Its address was checked. */
export function link(href, text) {
  return element('a', { href, target: '_blank', rel: 'noopener noreferrer' }, text);
}

/** Whether an address is one of a page that a link may lead to. */
export function isSafe(address) {
  return SAFE_LINK.test(address);
}

function filled(name, children, properties = {}) {
  const made = element(name, properties);
  made.append(...children);
  return made;
}
