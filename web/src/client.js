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

/** The data of an answer, or its first error thrown. */
export async function ask(query, variables) {
  const { data, errors } = await post({ query, variables });
  if (errors?.length) throw new Error(errors[0].message);
  return data;
}
