// Apollo Client with its persisted-query link, as a web app has it. Arguments: endpoint, token, what to do.
import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { tap } from "rxjs";

const [uri, token, what] = process.argv.slice(2);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

// Extensions are seen by a link alone, as the README says.
const notices = [];
const notice = (name, degraded) => degraded && notices.push([name, degraded.map(({ path }) => path)]);
const noticing = new ApolloLink((operation, forward) =>
  forward(operation).pipe(tap(({ extensions }) => notice(operation.operationName, extensions?.degraded))),
);

const client = () =>
  new ApolloClient({
    link: ApolloLink.from([
      noticing,
      new PersistedQueryLink({ sha256, useGETForHashedQueries: true }),
      new HttpLink({ uri, headers: token ? { authorization: `Bearer ${token}` } : {} }),
    ]),
    cache: new InMemoryCache(),
    clientAwareness: { name: "web-app", version: "7.1" },
  });

// What a component gets to see: the data, and of each error its message and code.
const seen = ({ data, error }) => ({ data, error: error && complaint(error) });
const complaint = (error) =>
  CombinedGraphQLErrors.is(error)
    ? error.errors.map(({ message, path, extensions }) => ({ message, path, code: extensions?.code }))
    : String(error);

// Each deed has a document of its own, which the BFF has not seen before.
const product = (name) => gql(`query ${name}($id: ID!) { product(id: $id) { name stock { status } } }`);
const ADD = gql`
  mutation ApolloAdd($input: AddToCartInput!, $key: String) {
    addToCart(input: $input, idempotencyKey: $key) {
      __typename
      ... on CartChanged {
        cart {
          items {
            quantity
          }
        }
      }
    }
  }
`;
const variables = { id: "UHJvZHVjdDox" };
const ask = (app, query, errorPolicy) =>
  app.query({ query, variables, errorPolicy, fetchPolicy: "network-only" }).then(seen);

const deeds = {
  // The same query twice, each from the network.
  query: async () => {
    const app = client();
    const query = product("ApolloProduct");
    return [await ask(app, query, "all"), await ask(app, query, "all")];
  },
  // The same answer under both policies. With "none" query() throws, and all of data is gone.
  policies: async () => {
    const app = client();
    const query = product("ApolloPolicies");
    return {
      all: await ask(app, query, "all"),
      none: await ask(app, query, "none").catch((error) => ({ thrown: complaint(error) })),
      notices,
    };
  },
  mutation: async () => {
    const app = client();
    const input = { productId: variables.id, quantity: 2 };
    return seen(await app.mutate({ mutation: ADD, variables: { input, key: "apollo-1" }, errorPolicy: "all" }));
  },
};
process.stdout.write(JSON.stringify(await deeds[what]()));
