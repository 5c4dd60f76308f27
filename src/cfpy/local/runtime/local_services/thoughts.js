// Separates what a reasoning model thinks from its answer.
//
// Such models put their reasoning first, between marks. Some omit the first mark, because their
// prompt ends with it; an answer that was cut off has no last mark.

const NAMES = 'think|thinking|thought|reasoning';
const THOUGHTS = new RegExp(`^\\s*(?:<(${NAMES})>[^]*?</\\1>|\\[THINK\\][^]*?\\[/THINK\\])`, 'i');
const UNFINISHED_THOUGHTS = new RegExp(`^\\s*(?:<(?:${NAMES})>|\\[THINK\\]|<\\|(?:start|channel)\\|>)`, 'i');
const UNOPENED_THOUGHTS = /^(?:(?!<think>)[^])*<\/think>/i;
// gpt-oss: the text before it is its analysis.
const FINAL_CHANNEL = '<|channel|>final<|message|>';
const LAST_MARK = /<\|(?:return|end)\|>\s*$/;
const MARKS = [...NAMES.split('|').map((name) => `<${name}>`), '[think]', '<|start|>', '<|channel|>'];
// White space and a mark at the end of a piece: more may follow, or nothing.
const TAIL = /\s*(?:<\|?[a-z]*\|?>?|<\/[a-z]*)?\s*$/i;

/** A whole answer without reasoning; empty if there is only reasoning. */
export function withoutThoughts(text) {
  let rest = text.split(FINAL_CHANNEL).at(-1).replace(LAST_MARK, '');
  while (THOUGHTS.test(rest)) rest = rest.replace(THOUGHTS, '');
  if (UNFINISHED_THOUGHTS.test(rest)) return '';
  return rest.replace(UNOPENED_THOUGHTS, '').trim();
}

/** The same for an answer in pieces: gives each part of the answer as soon as it is certain. */
export class Answer {
  #waiting = '';
  #started = false;

  /** What `piece` adds to the answer. */
  add(piece) {
    this.#waiting += piece;
    if (!this.#started && !this.#start()) return '';
    if (/<\/think>/i.test(this.#waiting)) {
      throw new Error(
        'reasoning that does not begin with <think>, so it is not known where its answer begins. ' +
          'Let the endpoint send reasoning_content (a reasoning parser), or do not stream',
      );
    }
    const end = this.#waiting.search(TAIL);
    const text = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
    return text;
  }

  /** The rest of the answer, when there are no more pieces. */
  end() {
    const rest = this.#started ? this.#waiting.replace(LAST_MARK, '') : withoutThoughts(this.#waiting);
    this.#waiting = '';
    return rest.trimEnd();
  }

  /** Whether the answer has begun; the reasoning before it is dropped. */
  #start() {
    const final = this.#waiting.indexOf(FINAL_CHANNEL);
    if (final >= 0) this.#waiting = this.#waiting.slice(final + FINAL_CHANNEL.length);
    while (THOUGHTS.test(this.#waiting)) this.#waiting = this.#waiting.replace(THOUGHTS, '');
    if (UNFINISHED_THOUGHTS.test(this.#waiting)) return false;
    const text = this.#waiting.trimStart();
    if (MARKS.some((mark) => mark.startsWith(text.toLowerCase()))) return false;
    this.#waiting = text;
    this.#started = true;
    return true;
  }
}
