// Signing in with an OpenID provider: the whole way, without a browser, with a real provider on loopback.
//
//   DATABASE_URL=… [REDIS_URL=…] node web/test/openid.mjs <rollcall>
//
// The database must be empty, or not there where it is SQLite's. The program is migrated, filled and served by this script, on a free port; the provider is
// npm's `oidc-provider`, which is certified, and checks PKCE, the redirect URI and the client itself. What no real provider
// does is tried in tests/api/openid.rs. Exits with 0 if all holds, with 1 otherwise; never runs longer than two minutes.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Provider from 'oidc-provider';

const [program] = process.argv.slice(2);
const { DATABASE_URL, REDIS_URL } = process.env;
if (!program || !DATABASE_URL) {
  console.error('usage: DATABASE_URL=… [REDIS_URL=…] node web/test/openid.mjs <rollcall>');
  process.exit(2);
}
setTimeout(() => fail(new Error('not done within two minutes')), 120_000).unref();

const BACK = 'https://app.example.org/signed-in';
const SECRET = 'known to the two of us';
const folder = mkdtempSync(join(tmpdir(), 'rollcall-openid-'));
let served;

// --- The provider: who logs in as `login` is told to have what PEOPLE says -----------------------

const PEOPLE = {
  mary: { email: 'Parent@example.org', email_verified: true },
  eve: { email: 'admin@example.org', email_verified: false },
  stranger: { email: 'nobody@example.org', email_verified: true },
};
const key = (kid) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
};
const provider = (issuer, kid) => new Provider(issuer, {
  clients: [{ client_id: 'rollcall', client_secret: SECRET, redirect_uris: [BACK], response_types: ['code'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['of this test'] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
  jwks: { keys: [key(kid)] },
  pkce: { methods: ['S256'], required: () => true },
  ttl: { AccessToken: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
}).callback();

let answer;
const server = createServer((request, response) => answer(request, response));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

// --- What a browser does: follows redirects, keeps cookies, fills in the forms -------------------

async function browse(url, login) {
  const cookies = new Map();
  let form;
  for (let steps = 0; steps < 20; steps += 1) {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    const response = await fetch(url, { redirect: 'manual', headers, ...(form && { method: 'POST', body: new URLSearchParams(form) }) });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    const location = response.headers.get('location');
    const page = await response.text();
    if (location?.startsWith(BACK)) return Object.fromEntries(new URL(location).searchParams);
    if (location) {
      [url, form] = [new URL(location, url).href, undefined];
    } else {
      const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
      const prompt = /name="prompt" value="([a-z]+)"/.exec(page)?.[1];
      expect(response.ok && action && prompt, `the provider says ${response.status}: ${page.slice(0, 500)}`);
      [url, form] = [new URL(action, url).href, prompt === 'login' ? { prompt, login, password: 'any' } : { prompt }];
    }
  }
  throw new Error('the provider sends in circles');
}

// --- What a client does ---------------------------------------------------------------------------

let url;
async function ask(query, input, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables: { input } }) });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}
async function begin() {
  const query = 'mutation($input: BeginProviderSignInInput!) { beginProviderSignIn(input: $input) { authorizationUrl state flow userErrors { message } } }';
  return (await ask(query, { provider: 'local', redirectUri: BACK })).beginProviderSignIn;
}
async function complete({ flow }, { code, state, iss }) {
  const query = 'mutation($input: CompleteProviderSignInInput!) { completeProviderSignIn(input: $input) { token viewer { account { email } } userErrors { field code } } }';
  return (await ask(query, { flow, code, state, issuer: iss })).completeProviderSignIn;
}
const isRefused = ({ token, viewer, userErrors: [error] }, field, code) => {
  expect(token === null && viewer === null && error?.field[0] === field && error?.code === code, JSON.stringify({ token, viewer, error }));
};
async function signIn(login) {
  const begun = await begin();
  const back = await browse(begun.authorizationUrl, login);
  return { begun, back, payload: await complete(begun, back) };
}

try {
  answer = provider(issuer, 'first');
  await serve();

  await step('says with whom to sign in', async () => {
    const { signInProviders } = await ask('{ signInProviders { name title } }');
    expect(JSON.stringify(signInProviders) === '[{"name":"local","title":"Local"}]', JSON.stringify(signInProviders));
  });

  let first;
  await step('signs in whose e-mail the provider has verified, and links them', async () => {
    first = await signIn('mary');
    expect(first.back.state === first.begun.state, 'the state came back');
    expect(first.payload.viewer?.account.email === 'parent@example.org', JSON.stringify(first.payload));
    const { viewer } = await ask('{ viewer { roles account { identities { issuer providerTitle } } } }', undefined, first.payload.token);
    expect(viewer.roles.includes('PARENT'), JSON.stringify(viewer));
    expect(JSON.stringify(viewer.account.identities) === JSON.stringify([{ issuer, providerTitle: 'Local' }]), JSON.stringify(viewer));
  });

  await step('takes a code once', async () => {
    isRefused(await complete(first.begun, first.back), 'input', 'INVALID_CREDENTIALS');
  });

  await step('takes a code with the flow that it was asked for by alone', async () => {
    const [victim, attacker] = [await begin(), await begin()];
    const back = await browse(victim.authorizationUrl, 'mary');
    isRefused(await complete(attacker, back), 'flow', 'INVALID');
    // By PKCE: the provider refuses the attacker's verifier.
    isRefused(await complete(attacker, { ...back, state: attacker.state }), 'input', 'INVALID_CREDENTIALS');
    // And by the answer's issuer.
    isRefused(await complete(victim, { ...back, iss: 'https://accounts.google.com' }), 'flow', 'INVALID');
  });

  await step('lets nobody in whose e-mail is not verified, or nobody\'s', async () => {
    for (const login of ['eve', 'stranger']) isRefused((await signIn(login)).payload, 'input', 'INVALID_CREDENTIALS');
  });

  await step('knows who was linked by what never changes, and the provider by its new keys', async () => {
    PEOPLE.mary = { email: 'mary@elsewhere.example', email_verified: false };
    answer = provider(issuer, 'second');
    const { payload } = await signIn('mary');
    expect(payload.viewer?.account.email === 'parent@example.org', JSON.stringify(payload));
  });
  console.log('openid: ok');
  await end(0);
} catch (error) {
  await fail(error);
}

// --- Starting and stopping ------------------------------------------------------------------------

async function serve() {
  const file = join(folder, 'providers.json');
  const entry = { name: 'local', title: 'Local', issuer, clientId: 'rollcall', clientSecret: SECRET, redirectUris: [BACK] };
  writeFileSync(file, JSON.stringify([entry]), { mode: 0o600 });
  const probe = createServer();
  await new Promise((listening) => probe.listen(0, '127.0.0.1', listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  const env = {
    ENVIRONMENT: 'development', DATABASE_URL, LISTEN_ADDR: `127.0.0.1:${port}`, OIDC_PROVIDERS: file,
    LOG_LEVEL: 'warn', ...(REDIS_URL && { REDIS_URL }),
  };
  // No .env of the developer's, and no other variable: an empty folder, a bare environment.
  const options = { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] };
  execFileSync(program, ['migrate'], options);
  execFileSync(program, ['seed', '--students', '20', '--days', '1', '--password', 'correct horse battery'], options);
  served = spawn(program, ['serve'], options);
  url = `http://127.0.0.1:${port}/graphql`;
  for (let tries = 0; tries < 300; tries += 1) {
    expect(served.exitCode === null, `the service ended with ${served.exitCode}`);
    if (await fetch(`http://127.0.0.1:${port}/health/ready`).then(({ ok }) => ok, () => false)) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error('the service does not start');
}

async function end(status) {
  if (served?.exitCode === null) {
    const ended = new Promise((exit) => served.once('exit', exit));
    served.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  process.exit(status);
}

async function fail(error) {
  console.error(`openid: FAILED: ${error.message}`);
  await end(1);
}

async function step(name, work) {
  try {
    await work();
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
  console.log(`openid: ${name}`);
}

function expect(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}
