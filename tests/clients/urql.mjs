// urql with its persisted exchange, as its documentation sets it up. Arguments: endpoint, token, what to do.
import { Client, fetchExchange, gql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const [url, token, what] = process.argv.slice(2);
const client = new Client({
  url,
  exchanges: [persistedExchange({ enableForMutation: true }), fetchExchange],
  fetchOptions: { headers: token ? { authorization: `Bearer ${token}` } : {} },
  requestPolicy: "network-only",
});

const seen = ({ data, error, extensions, hasNext }) => ({
  data,
  error: error && {
    network: error.networkError ? String(error.networkError) : null,
    codes: error.graphQLErrors.map((one) => one.extensions?.code),
  },
  degraded: extensions?.degraded,
  hasNext,
});

// Each deed has a document of its own, which the BFF has not seen before.
const product = (name) => gql(`query ${name}($id: ID!) { product(id: $id) { name stock { status } } }`);
const ADD = gql`
  mutation UrqlAdd($input: AddToCartInput!, $key: String) {
    addToCart(input: $input, idempotencyKey: $key) {
      __typename
    }
  }
`;
const id = "UHJvZHVjdDox";
const deeds = {
  query: async () => {
    const query = product("UrqlProduct");
    return [seen(await client.query(query, { id })), seen(await client.query(query, { id }))];
  },
  degraded: async () => seen(await client.query(product("UrqlDegraded"), { id })),
  mutation: async () =>
    seen(await client.mutation(ADD, { input: { productId: id, quantity: 2 }, key: "urql-1" })),
};
process.stdout.write(JSON.stringify(await deeds[what]()));
