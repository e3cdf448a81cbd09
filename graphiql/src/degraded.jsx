// What the shown answer lacks or shows old: `extensions.degraded` of the open tab, worded for a reader.
import { useGraphiQL } from '@graphiql/react';

import { degradedLines } from './degraded.js';

/** Stands above the answer itself, so that its coming and going moves nothing that a visitor may be clicking. */
export function Degraded() {
  const response = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.response);
  const lines = degradedLines(response);
  if (!lines.length) return null;
  return (
    <ul className="degraded" role="status" aria-label="Degraded">
      {lines.map((line) => (
        <li key={line}>
          <strong>Degraded:</strong> {line}
        </li>
      ))}
    </ul>
  );
}
