// What a front end may write with the types that schema/codegen.ts makes, and what it may not: for tsc to read.
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { MeScreenDocument } from "./generated/mobile/graphql";
import { AddToCartDocument, ProductPageDocument } from "./generated/web/graphql";
import type { ProductPageQuery, ProductPageQueryVariables } from "./generated/web/graphql";

// True only for the very same type: neither any nor unknown passes for string.
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

type Product = NonNullable<ProductPageQuery["product"]>;
type Review = NonNullable<Product["reviews"]>["edges"][number]["node"];
export const asked: Same<ProductPageQueryVariables["id"], string> = true;
export const id: Same<Product["id"], string> = true;
export const createdAt: Same<Review["createdAt"], string> = true;

const client = new ApolloClient({ link: new HttpLink({ uri: "/graphql" }), cache: new InMemoryCache() });

export async function page(): Promise<string | undefined> {
  const { data } = await client.query({ query: ProductPageDocument, variables: { id: "1" }, errorPolicy: "all" });
  // @ts-expect-error A product can be null, whatever stands beside it.
  data?.product.name;
  // @ts-expect-error There is no such field in this operation.
  data?.product?.sold;
  return data?.product?.price.amount;
}

export async function add(): Promise<number | undefined> {
  // @ts-expect-error A variable of this operation is missing.
  await client.query({ query: ProductPageDocument, variables: {} });
  const input = { productId: "1", quantity: 2 };
  const { data } = await client.mutate({ mutation: AddToCartDocument, variables: { input } });
  // @ts-expect-error Whether it came to a cart is said by __typename alone.
  data?.addToCart?.cart;
  return data?.addToCart?.__typename === "CartChanged" ? data.addToCart.cart?.items.length : undefined;
}

export const me = () => client.query({ query: MeScreenDocument });
