// The bar above GraphiQL: which BFF this is, and who is signed in.
import { useEffect, useRef, useState } from 'react';
import { useGraphiQL } from '@graphiql/react';

import { requestToken, withToken } from './token.js';

const ANONYMOUS = '';
const OTHER = 'other';

export function Bar({ config }) {
  return (
    <header className="bar">
      <h1>{config.title}</h1>
      <code className="bar-endpoint">{config.endpoint}</code>
      {config.tokenUrl && <SignedInAs config={config} />}
    </header>
  );
}

/** Chooses the user whose token stands in the Headers editor. */
function SignedInAs({ config }) {
  const [choice, setChoice] = useState(config.defaultUser ?? ANONYMOUS);
  const [typed, setTyped] = useState('');
  const [signedIn, setSignedIn] = useState({ state: 'anonymous', token: null });
  const latest = useRef(0);
  useAuthorization(signedIn.token);

  async function signIn(user) {
    const turn = ++latest.current;
    if (user === ANONYMOUS) {
      setSignedIn({ state: 'anonymous', token: null });
      return;
    }
    setSignedIn({ state: 'waiting', token: null });
    const answer = await requestToken(config.tokenUrl, user);
    // A slow answer for the user before must not sign them in again.
    if (turn === latest.current) setSignedIn(answer);
  }

  useEffect(() => {
    signIn(choice);
  }, []);

  function choose(event) {
    setChoice(event.target.value);
    if (event.target.value !== OTHER) signIn(event.target.value);
  }

  function submitTyped(event) {
    event.preventDefault();
    if (typed.trim()) signIn(typed.trim());
  }

  return (
    <form className="bar-user" onSubmit={submitTyped} data-state={signedIn.state}>
      <span className={`bar-note ${signedIn.state}`} role="status">
        {note(signedIn)}
      </span>
      <label>
        Signed in as{' '}
        <select value={choice} onChange={choose}>
          <option value={ANONYMOUS}>Anonymous</option>
          {config.users.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
          <option value={OTHER}>Another user…</option>
        </select>
      </label>
      {choice === OTHER && (
        <>
          <input
            autoFocus
            size="8"
            placeholder="user id"
            aria-label="User id"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <button type="submit">Sign in</button>
        </>
      )}
    </form>
  );
}

function note({ state, message }) {
  if (state === 'waiting') return 'Asking for a token…';
  if (state === 'signed-in') return 'Token is in Headers';
  return message ?? '';
}

/** Keeps the Authorization line of the Headers editor true, in whichever tab is open. */
function useAuthorization(token) {
  const headerEditor = useGraphiQL((state) => state.headerEditor);
  const issued = useRef(new Set());
  useEffect(() => {
    if (!headerEditor) return undefined;
    if (token) issued.current.add(token);
    function write() {
      const before = headerEditor.getValue();
      const after = withToken(before, token, issued.current);
      if (after !== before) headerEditor.setValue(after);
    }
    write();
    // Flushed: replaced as a whole, by a change of tab or from the history. What a visitor types is left alone.
    const listening = headerEditor.onDidChangeModelContent(({ isFlush }) => isFlush && queueMicrotask(write));
    return () => listening.dispose();
  }, [headerEditor, token]);
}
