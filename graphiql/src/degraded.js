// `extensions.degraded` of an answer, worded for a reader.

// By the codes of bff_core/errors.py.
const REASONS = {
  SERVICE_UNREACHABLE: 'cannot be reached',
  SERVICE_TIMEOUT: 'timed out',
  SERVICE_ERROR: 'answered with an error',
  SERVICE_BAD_PAYLOAD: 'sent an answer that cannot be read',
  SERVICE_BUSY: 'has too many calls under way',
  DEADLINE_EXCEEDED: 'did not answer within the time of the request',
  OVERLOADED: 'was not asked: too much is going on',
  AUTH_UNAVAILABLE: 'was not asked: signing in cannot be verified',
  NOT_FOUND: 'does not have it',
};

/** One sentence an entry; none for an answer that is whole, is no JSON, or has not come yet. */
export function degradedLines(response) {
  if (!response?.includes('"degraded"')) return []; // most answers: not worth parsing on every change
  try {
    return (JSON.parse(response).extensions?.degraded ?? []).map(line);
  } catch {
    return [];
  }
}

function line({ path, service, source, reason, count, ageMs }) {
  const name = Array.isArray(path) ? path.join('.') : String(path ?? 'a part');
  const places = count > 1 ? `${name} (${count} places)` : name;
  return `${places} ${shown(source, ageMs)} — ${why(service, reason)}`;
}

function shown(source, ageMs) {
  if (source === 'stale') return ageMs == null ? 'shown from an older answer' : `shown as of ${age(ageMs)} ago`;
  if (source === 'fallback') return 'replaced by its fallback';
  return source ?? 'omitted';
}

function age(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** A known code in words; any other as it came. */
function why(service, reason = 'unknown reason') {
  const words = REASONS[reason];
  return words ? `${service ?? 'its service'} ${words}` : `${service ?? 'its service'}: ${reason}`;
}
