import { useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL } from 'graphiql';
import { getOperationAST } from 'graphql';
import 'graphiql/style.css';
import './page.css';
import { ask, follow, post } from './client.js';
import { COMPLETE_SIGN_IN, DEFAULT_TABS, SIGN_IN, SIGN_OUT, WHO } from './queries.js';

// In demo mode the server puts its sign-ins into the page: [{ role, identifier, password }].
const demo = JSON.parse(document.getElementById('demo')?.textContent ?? '[]');

/** The signed-in viewer, or null. An error (say, UNAUTHENTICATED) means nobody too. */
async function whoAmI() {
  const { data } = await post({ query: WHO });
  return data?.viewer ?? null;
}

function refuse({ userErrors }) {
  if (userErrors.length) throw new Error(userErrors.map((e) => e.message).join(' '));
}

/** Signs in; resolves to the challenge where a code is to follow, or to null. */
async function signIn(identifier, password) {
  const { signIn } = await ask(SIGN_IN, { input: { identifier, password, session: 'COOKIE' } });
  refuse(signIn);
  return signIn.challenge;
}

async function completeSignIn(challenge, code) {
  const { completeSignIn } = await ask(COMPLETE_SIGN_IN, { input: { challenge, code, session: 'COOKIE' } });
  refuse(completeSignIn);
  return null;
}

function nameOf(viewer) {
  return viewer.account?.email ?? viewer.account?.phone ?? 'this account';
}

function Bar({ viewer, onViewer }) {
  const [identifier, setIdentifier] = useState('');
  const [password, setPassword] = useState('');
  const [challenge, setChallenge] = useState(null); // once the password was right and a code is to follow
  const [code, setCode] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');

  /** Runs one step at a time, then asks the server who is signed in: it decides, not this page. */
  async function run(step) {
    setBusy(true);
    setProblem('');
    try {
      setChallenge((await step()) ?? null);
      setPassword('');
      setCode('');
    } catch (error) {
      setProblem(error.message);
    }
    try {
      onViewer(await whoAmI());
    } catch (error) {
      setProblem(error.message);
      onViewer(viewer ?? null);
    }
    setBusy(false);
  }

  useEffect(() => {
    run(async () => {});
  }, []);

  function chooseDemo(index) {
    const chosen = demo[index];
    if (!chosen) return;
    setIdentifier(chosen.identifier);
    setPassword(chosen.password);
    run(async () => {
      // Do not leave the session of the one before behind.
      if (viewer) await ask(SIGN_OUT);
      return signIn(chosen.identifier, chosen.password);
    });
  }

  return (
    <header className="bar" aria-busy={busy}>
      <h1>Rollcall</h1>
      {demo.length > 0 && (
        <label>
          Sign in as
          {/* Back to the first entry after each choice, so that the same one can be chosen again. */}
          <select id="demo-sign-in" value="" disabled={busy} onChange={(e) => chooseDemo(e.target.value)}>
            <option value="">choose…</option>
            {demo.map(({ role, identifier }, index) => (
              <option key={index} value={index}>{`${role} (${identifier})`}</option>
            ))}
          </select>
        </label>
      )}
      {viewer ? (
        <>
          <p id="who" role="status">
            Signed in as <strong>{nameOf(viewer)}</strong> ({viewer.roles.join(', ')})
          </p>
          <button type="button" disabled={busy} onClick={() => run(async () => void (await ask(SIGN_OUT)))}>Sign out</button>
        </>
      ) : viewer === null && (
        <>
          <form
            onSubmit={(event) => {
              event.preventDefault();
              run(() => (challenge ? completeSignIn(challenge, code) : signIn(identifier, password)));
            }}
          >
            {challenge ? (
              <label>
                Code of your authenticator, or a recovery code
                <input name="code" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false} autoFocus required
                  value={code} onChange={(e) => setCode(e.target.value)} />
              </label>
            ) : (
              <>
                <label>
                  E-mail or phone
                  <input name="identifier" autoComplete="username" autoCapitalize="none" spellCheck={false} required
                    value={identifier} onChange={(e) => setIdentifier(e.target.value)} />
                </label>
                <label>
                  Password
                  <input name="password" type="password" autoComplete="current-password" required
                    value={password} onChange={(e) => setPassword(e.target.value)} />
                </label>
              </>
            )}
            <button disabled={busy}>Sign in</button>
            {challenge && <button type="button" disabled={busy} onClick={() => setChallenge(null)}>Start over</button>}
          </form>
          <p id="who" role="status">Not signed in</p>
        </>
      )}
      {problem && <p className="problem" role="alert">{problem}</p>}
    </header>
  );
}

function Page() {
  const [viewer, setViewer] = useState(); // undefined until the server has said who it is, null for nobody
  const who = viewer ? nameOf(viewer) : '';
  // A new function makes GraphiQL read the schema again, which may depend on who asks.
  const fetcher = useMemo(() => (params, options) => {
    const operation = options?.documentAST && getOperationAST(options.documentAST, params.operationName);
    return (operation?.operation === 'subscription' ? follow : post)(params, options?.headers);
  }, [who]);

  function onViewer(next) {
    // No answer to one person stays on the screen, or in memory, for the next. The queries come
    // back from the browser's storage; answers and headers are never kept there.
    if (viewer && (!next || nameOf(next) !== who)) location.reload();
    else setViewer(next);
  }

  return (
    <>
      <Bar viewer={viewer} onViewer={onViewer} />
      <main>
        <GraphiQL fetcher={fetcher} defaultTabs={DEFAULT_TABS} shouldPersistHeaders={false} showPersistHeadersSettings={false}>
          {/* The bar says whose page this is. */}
          <GraphiQL.Logo>{' '}</GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
