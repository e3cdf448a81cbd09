// GraphiQL for one BFF: its operations as ready tabs, a user to sign in as, and a line for what was degraded.
import './workers.js';
import 'graphiql/style.css';
import './page.css';

import { createRoot } from 'react-dom/client';
import { DOC_EXPLORER_PLUGIN, DocExplorerStore } from '@graphiql/plugin-doc-explorer';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL, GraphiQLInterface } from 'graphiql';

import { Bar } from './bar.jsx';
import { Degraded } from './degraded.jsx';
import { openTab, tabStorage } from './tabs.js';

// Written by the BFF as data, so that the page needs no inline script.
const config = JSON.parse(document.getElementById('config').textContent);

const fetcher = createGraphiQLFetcher({
  url: config.endpoint,
  headers: { 'apollographql-client-name': config.clientName },
  // No @defer yet: without this GraphiQL asks for multipart answers first.
  enableIncrementalDelivery: false,
});
const storage = tabStorage(config.tabsKey);
const first = openTab(storage, config.tabs);
const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

function Page() {
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={storage}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      defaultTabs={config.tabs.length ? config.tabs : undefined}
      initialQuery={first?.query}
      initialVariables={first?.variables}
      defaultTheme="light"
      inputValueDeprecation
      schemaDescription
      // A token has no place in localStorage (see tabStorage): it is asked for anew at each visit.
      shouldPersistHeaders={false}
    >
      <HistoryStore>
        <DocExplorerStore>
          <Bar config={config} />
          <GraphiQLInterface showPersistHeadersSettings={false} defaultEditorToolsVisibility>
            <GraphiQL.Footer>
              <Degraded />
            </GraphiQL.Footer>
          </GraphiQLInterface>
        </DocExplorerStore>
      </HistoryStore>
    </GraphiQLProvider>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
