// Which tabs a visitor finds: the BFF's operations first, later what they left there.

/**
 * GraphiQL's storage in a drawer of its own for each set of operations: when the operations change, the visitor
 * is offered the new ones instead of the old tabs. No headers go in, since a token may stand there; GraphiQL keeps
 * them out of its tabs but not out of its history.
 */
export function tabStorage(tabsKey) {
  const prefix = `${tabsKey}:`;
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return {
    getItem: (key) => localStorage.getItem(prefix + key),
    setItem: (key, value) => localStorage.setItem(prefix + key, withoutHeaders(key, value)),
    removeItem: (key) => localStorage.removeItem(prefix + key),
    clear: () => keys().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return keys().length;
    },
  };
}

function withoutHeaders(key, value) {
  if (!/:(queries|favorites)$/.test(key)) return value;
  return JSON.stringify(JSON.parse(value), (name, part) => (name === 'headers' ? undefined : part));
}

/**
 * The tab that is open at the start. GraphiQL takes a tab's query from its list of tabs but not its variables,
 * so both are handed to it.
 */
export function openTab(storage, defaults) {
  try {
    const stored = JSON.parse(storage.getItem('graphiql:tabState'));
    return stored.tabs[stored.activeTabIndex] ?? defaults[0];
  } catch {
    return defaults[0]; // a first visit, or a state that GraphiQL will not accept either
  }
}
