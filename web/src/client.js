// One way to the server, for GraphiQL and for the bar on top of it.

/** Posts one GraphQL request; resolves to the parsed answer, whatever its status. */
export async function post(body, headers = {}) {
  const response = await fetch('/graphql', {
    method: 'POST',
    // The session is an HttpOnly cookie of this origin; scripts never see it.
    credentials: 'same-origin',
    headers: {
      accept: 'application/graphql-response+json, application/json',
      ...headers,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's error page, a refused request: say so instead of "unexpected token".
    throw new Error(`The server answered ${response.status} ${response.statusText}, not JSON: ${text.slice(0, 200)}`);
  }
}

/** The answers of a subscription as they come, by server-sent events (docs/subscriptions.md), until nobody wants them. */
export function follow(body, headers = {}) {
  const stop = new AbortController();
  const answers = read(body, headers, stop.signal);
  return {
    [Symbol.asyncIterator]() { return this; },
    next: () => answers.next(),
    async return() {
      // What waits for the next answer would go on waiting.
      stop.abort();
      return { done: true, value: undefined };
    },
  };
}

async function* read(body, headers, signal) {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { accept: 'text/event-stream', ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal,
    });
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      yield JSON.parse(await response.text());
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        if (block.startsWith('event: complete')) return;
        const data = block.split('\n').find((line) => line.startsWith('data: '));
        if (data) yield JSON.parse(data.slice('data: '.length));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The data of an answer, or its first error thrown. */
export async function ask(query, variables) {
  const { data, errors } = await post({ query, variables });
  if (errors?.length) throw new Error(errors[0].message);
  return data;
}
