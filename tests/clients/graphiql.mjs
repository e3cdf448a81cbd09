// The fetcher that GraphiQL and other pages are built with. Arguments: endpoint, token.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { buildClientSchema, getIntrospectionQuery } from "graphql";

const [url, token] = process.argv.slice(2);
// A page need not name fetch: there it is the window's.
const fetcher = createGraphiQLFetcher({ url, fetch });

// With @defer an answer comes in parts; these come whole, or as a stream of one.
const whole = async (answer) => {
  const result = await answer;
  if (!result[Symbol.asyncIterator]) return { parts: 0, ...result };
  const parts = [];
  for await (const part of result) parts.push(part);
  return { parts: parts.length, ...parts.at(-1) };
};
const ask = (query, operationName, variables) =>
  whole(fetcher({ query, operationName, variables }, { headers: { authorization: `Bearer ${token}` } }));

const described = await ask(getIntrospectionQuery(), "IntrospectionQuery");
const PRODUCT = "query FetcherProduct($id: ID!) { product(id: $id) { name stock { status } } }";
process.stdout.write(
  JSON.stringify({
    fields: Object.keys(buildClientSchema(described.data).getQueryType().getFields()),
    answer: await ask(PRODUCT, "FetcherProduct", { id: "UHJvZHVjdDox" }),
  }),
);
