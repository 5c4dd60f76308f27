// Server-sent events, both ways (html.spec.whatwg.org/multipage/server-sent-events.html).

/**
 * The data of each event in a stream of bytes, which the network cuts anywhere.
 *
 * @param {AsyncIterable<Uint8Array>} pieces
 * @returns {AsyncGenerator<string>}
 */
export async function* dataOf(pieces) {
  const decoder = new TextDecoder(); // It drops a byte order mark.
  let open = []; // The pieces of the last line, joined once it ends: a long one has thousands.
  let half = '';
  let data = [];
  const take = function* (lines) {
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''));
      else if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  };
  for await (const piece of pieces) {
    const text = half + decoder.decode(piece, { stream: true });
    // A carriage return at the end may be half of a line's end.
    half = text.endsWith('\r') ? '\r' : '';
    const lines = text.slice(0, text.length - half.length).split(/\r\n|\n|\r/);
    open.push(lines.shift());
    if (lines.length === 0) continue;
    const ended = [open.join(''), ...lines];
    open = [ended.pop()];
    yield* take(ended);
  }
  // Some servers omit the empty line after the last event.
  const last = open.join('') + half + decoder.decode();
  yield* take([...last.split(/\r\n|\n|\r/), '']);
}

/**
 * A byte stream of events, in the pace of `frames`. A reader that cancels it ends them.
 *
 * @param {AsyncGenerator<string>} frames the data of each event
 * @param {(error: Error) => string | undefined} [failed] called if `frames` fails. The stream ends
 *   with what it returns, or fails with the same error
 */
export function eventStream(frames, failed) {
  const encoder = new TextEncoder();
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      let last;
      try {
        const { value, done } = await frames.next();
        if (!done) return controller.enqueue(encoder.encode(`data: ${value}\n\n`));
      } catch (error) {
        last = failed?.(error);
        if (last === undefined) return controller.error(error);
        controller.enqueue(encoder.encode(last));
      }
      controller.close();
      // A reader with a buffer of its own waits for this.
      controller.byobRequest?.respond(0);
    },
    async cancel() {
      await frames.return();
    },
  });
}
