// What each role is shown of the schema, as the reference implementation of GraphQL reads it: by introspection, and as
// printed for clients to generate their code from.
//
//   node web/test/schemas.mjs <demo.json> <rollcall>
//
// The first is what `rollcall demo --json` printed, the second is the program.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { buildClientSchema, buildSchema, getIntrospectionQuery, parse, validate, validateSchema } from 'graphql';

const [demo, program] = process.argv.slice(2);
const { url, signIns } = JSON.parse(readFileSync(demo, 'utf8'));
const everything = getIntrospectionQuery({
  descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true,
});
const SIGN_IN = 'mutation($input: SignInInput!) { signIn(input: $input) { token } }';
const CHILDREN = '{ viewer { parent { students { edges { node { name attendanceSummary { percentage } } } } } } }';

async function ask(query, variables, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

const names = (schema) => Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__')).sort();
const isSound = (schema) => {
  const problems = validateSchema(schema);
  if (problems.length) throw new Error(problems.join('\n'));
};

let failed = 0;
for (const { role, identifier, password } of [{ role: 'ANONYMOUS' }, ...signIns]) {
  try {
    const token = identifier && (await ask(SIGN_IN, { input: { identifier, password } })).signIn.token;
    const shown = buildClientSchema(await ask(everything, {}, token));
    const printed = buildSchema(execFileSync(program, ['schema', '--role', role], { encoding: 'utf8', env: {} }));
    isSound(shown);
    isSound(printed);
    // The reference implementation keeps the built-in scalars that nothing uses out of a schema that it reads as text.
    const missing = names(printed).filter((name) => !names(shown).includes(name));
    const more = names(shown).filter((name) => !names(printed).includes(name) && !['Float', 'Int', 'ID'].includes(name));
    if (missing.length || more.length) throw new Error(`printed and not shown: ${missing}; shown and not printed: ${more}`);
    const problems = role === 'PARENT' ? validate(printed, parse(CHILDREN)) : [];
    if (problems.length) throw new Error(problems.join('; '));
    console.log(`schemas: ${role}: ${names(shown).length} types`);
  } catch (error) {
    console.error(`schemas: FAILED: ${role}: ${error.message}`);
    failed += 1;
  }
}
process.exit(failed ? 1 : 0);
