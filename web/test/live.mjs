// Subscriptions by the clients that apps have: graphql-ws' own, Apollo Client and graphql-sse's, from Node, over two instances of
// the service.
//
//   DATABASE_URL=postgres://… REDIS_URL=… node web/test/live.mjs <rollcall>
//
// The database must be empty. The program is migrated, filled and served twice by this script, on free ports; what is done at
// the one instance is heard at the other, by way of the queue and Redis. Exits with 0 if all holds, with 1 otherwise; never
// runs longer than two minutes.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloClient, InMemoryCache, gql } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient as createEventsClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [program] = process.argv.slice(2);
const { DATABASE_URL, REDIS_URL } = process.env;
if (!program || !DATABASE_URL || !REDIS_URL) {
  console.error('usage: DATABASE_URL=postgres://… REDIS_URL=… node web/test/live.mjs <rollcall>');
  process.exit(2);
}
setTimeout(() => fail(new Error('not done within two minutes')), 120_000).unref();

const PASSWORD = 'correct horse battery';
const PUBLISHED = 'subscription ($after: String) { noticePublished(after: $after) { cursor notice { title } } }';
const folder = mkdtempSync(join(tmpdir(), 'rollcall-live-'));
const served = [];
const clients = [];

try {
  const [here, there] = await serveTwo();
  const admin = await signIn(here, 'admin@example.org');
  const parent = await signIn(there, 'parent@example.org');
  let cursor;

  await step("graphql-ws' client hears at one instance what is published at the other", async () => {
    const heard = subscribe(client(there, parent), { query: PUBLISHED });
    await publish(here, admin, 'For parents', 'PARENT');
    const { noticePublished } = await heard.next();
    expect(noticePublished.notice.title === 'For parents', JSON.stringify(noticePublished));
    cursor = noticePublished.cursor;
    heard.end();
  });

  await step('and nothing of what is for others', async () => {
    const heard = subscribe(client(there, parent), { query: PUBLISHED });
    await publish(here, admin, 'For teachers', 'STAFF');
    await publish(here, admin, 'For parents again', 'PARENT');
    const { noticePublished } = await heard.next();
    expect(noticePublished.notice.title === 'For parents again', JSON.stringify(noticePublished));
    heard.end();
  });

  await step('what was missed is told to who comes back with a cursor', async () => {
    const heard = subscribe(client(here, parent), { query: PUBLISHED, variables: { after: cursor } });
    const titles = [];
    while (!titles.includes('For parents again')) titles.push((await heard.next()).noticePublished.notice.title);
    expect(!titles.includes('For teachers'), titles.join());
    heard.end();
  });

  await step('Apollo Client hears it as well', async () => {
    const apollo = new ApolloClient({ link: new GraphQLWsLink(client(there, parent)), cache: new InMemoryCache() });
    const heard = queue();
    const observer = { next: ({ data, error }) => (error ? heard.fail(error) : heard.put(data)), error: heard.fail };
    const subscription = apollo.subscribe({ query: gql(PUBLISHED) }).subscribe(observer);
    await publish(here, admin, 'For Apollo', 'PARENT');
    const { noticePublished } = await heard.next();
    expect(noticePublished.notice.title === 'For Apollo', JSON.stringify(noticePublished));
    subscription.unsubscribe();
  });

  await step("graphql-sse's client hears it by server-sent events, and what it missed", async () => {
    const heard = subscribe(eventsClient(there, parent), { query: PUBLISHED });
    await publish(here, admin, 'By events', 'PARENT');
    const { noticePublished } = await heard.next();
    expect(noticePublished.notice.title === 'By events', JSON.stringify(noticePublished));
    heard.end();
    const missed = subscribe(eventsClient(here, parent), { query: PUBLISHED, variables: { after: cursor } });
    const titles = [];
    while (!titles.includes('By events')) titles.push((await missed.next()).noticePublished.notice.title);
    expect(titles.includes('For Apollo') && !titles.includes('For teachers'), titles.join());
    missed.end();
  });

  await step('and is told with which code it is refused', async () => {
    await refused(eventsClient(there, parent));
  });

  await step('a subscription that is not allowed is an error with its code', async () => {
    await refused(client(there, parent));
  });

  await step('nobody is let in without a session, and is told so for good', async () => {
    const closed = await new Promise((resolve) => {
      const stranger = client(there, 'nobody');
      stranger.on('closed', resolve);
      stranger.subscribe({ query: PUBLISHED }, { next() {}, error() {}, complete() {} });
    });
    expect(closed.code === 4403, `closed with ${closed.code}`);
  });
  console.log('live: ok');
  await end(0);
} catch (error) {
  await fail(error);
}

// --- The clients ----------------------------------------------------------------------------------

function client(port, token) {
  const made = createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    lazy: true,
    retryAttempts: 0,
  });
  clients.push(made);
  return made;
}

function eventsClient(port, token) {
  const made = createEventsClient({
    url: `http://127.0.0.1:${port}/graphql`,
    headers: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  clients.push(made);
  return made;
}

/** What is heard, in order, to be waited for; `fail` is thrown at whoever waits, or will. */
function queue() {
  const heard = [];
  let failure;
  let wake = () => {};
  return {
    put: (data) => { heard.push(data); wake(); },
    fail: (error) => { failure = { error }; wake(); },
    async next() {
      while (heard.length === 0) {
        if (failure) throw failure.error;
        await new Promise((woken) => { wake = woken; });
      }
      return heard.shift();
    },
  };
}

function subscribe(of, operation) {
  const heard = queue();
  const end = of.subscribe(operation, {
    next: ({ data, errors }) => (errors ? heard.fail(errors) : heard.put(data)),
    error: heard.fail,
    complete() {},
  });
  return Object.assign(heard, { end });
}

/** Asks for what is not there. */
async function refused(of) {
  const heard = subscribe(of, { query: 'subscription { noticePublished { nothing } }' });
  const errors = await heard.next().then(() => [], (thrown) => thrown);
  expect(errors[0]?.extensions?.code === 'BAD_USER_INPUT', JSON.stringify(errors));
}

/** Publishes a notice, once whoever is to hear of it listens: there is no word of that. */
async function publish(port, token, title, role) {
  await new Promise((later) => setTimeout(later, 1000));
  const mutation = `mutation ($input: PublishNoticeInput!) {
    publishNotice(input: $input) { userErrors { message } }
  }`;
  const input = { title, message: title, audience: { roles: [role] } };
  const { publishNotice } = await ask(port, mutation, { input }, token);
  expect(publishNotice.userErrors.length === 0, JSON.stringify(publishNotice));
}

async function ask(port, query, variables, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', headers, body });
  const { data, errors } = await response.json();
  expect(!errors, JSON.stringify(errors));
  return data;
}

async function signIn(port, identifier) {
  const mutation = 'mutation ($input: SignInInput!) { signIn(input: $input) { token userErrors { message } } }';
  const { signIn } = await ask(port, mutation, { input: { identifier, password: PASSWORD } });
  expect(signIn.token, JSON.stringify(signIn));
  return signIn.token;
}

// --- Starting and stopping ------------------------------------------------------------------------

async function freePort() {
  const probe = createServer();
  await new Promise((listening) => probe.listen(0, '127.0.0.1', listening));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  return port;
}

async function serveTwo() {
  // No .env of the developer's, and no other variable: an empty folder, a bare environment.
  const of = (port) => ({
    cwd: folder,
    env: {
      ENVIRONMENT: 'development', DATABASE_URL, REDIS_URL, LISTEN_ADDR: `127.0.0.1:${port}`, LOG_LEVEL: 'warn',
      SECRET_KEY: 'shared by the two instances of this test alone',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ports = [await freePort(), await freePort()];
  execFileSync(program, ['migrate'], of(ports[0]));
  execFileSync(program, ['seed', '--students', '20', '--days', '1', '--password', PASSWORD], of(ports[0]));
  for (const port of ports) {
    const process = spawn(program, ['serve'], of(port));
    served.push(process);
    await ready(process, port);
  }
  return ports;
}

async function ready(process, port) {
  for (let tries = 0; tries < 300; tries += 1) {
    expect(process.exitCode === null, `the service ended with ${process.exitCode}`);
    if (await fetch(`http://127.0.0.1:${port}/health/ready`).then(({ ok }) => ok, () => false)) return;
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error('the service does not start');
}

async function end(status) {
  await Promise.all(clients.map((made) => made.dispose()));
  for (const process of served.filter(({ exitCode }) => exitCode === null)) {
    const ended = new Promise((exit) => process.once('exit', exit));
    process.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  process.exit(status);
}

async function fail(error) {
  console.error(`live: FAILED: ${error.message ?? JSON.stringify(error)}`);
  await end(1);
}

async function step(name, work) {
  try {
    await work();
  } catch (error) {
    throw new Error(`${name}: ${error.message ?? JSON.stringify(error)}`);
  }
  console.log(`live: ${name}`);
}

function expect(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}
