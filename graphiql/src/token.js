// A token from the BFF, and its place in the text of the Headers editor.

/** Asks the BFF for a token; what went wrong comes back as one sentence, never as an exception. */
export async function requestToken(url, user) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
    });
    const { token, error } = await response.json();
    if (token) return { state: 'signed-in', token };
    return { state: 'failed', token: null, message: error ?? `No token: HTTP ${response.status}.` };
  } catch (error) {
    return { state: 'failed', token: null, message: `No token: ${error.message}.` };
  }
}

/**
 * The text of the Headers editor with this token (null: with none). An Authorization that the visitor typed stays,
 * and so does a text that is no JSON object: only what this page put there, the `issued` tokens, is replaced.
 */
export function withToken(text, token, issued) {
  let headers;
  try {
    headers = text.trim() ? JSON.parse(text) : {};
  } catch {
    return text;
  }
  if (!headers || typeof headers !== 'object' || Array.isArray(headers)) return text;
  const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization');
  if (name && !issued.has(String(headers[name]).replace(/^Bearer /, ''))) return text;
  if (!name && !token) return text;
  if (name) delete headers[name];
  if (token) headers.Authorization = `Bearer ${token}`;
  return Object.keys(headers).length ? JSON.stringify(headers, null, 2) : '';
}
