// An example of how a front end makes types from these schemas, with graphql-codegen: copy it into your app.
//
//   npm install --save-dev @graphql-codegen/cli typescript
//   npm install @graphql-typed-document-node/core
//   npx graphql-codegen --config schema/codegen.ts
import type { CodegenConfig } from "@graphql-codegen/cli";

/**
 * Each scalar by the type that it has in JSON; String, Int, Float and Boolean are what they are called. One that a
 * schema declares and that is missing here stops the build.
 */
const scalars = {
  /** Opaque: send it back as it came. */
  ID: "string",
  /** ISO 8601 with its offset, such as 2025-03-01T09:30:00+00:00: make a Date of it where you show it. */
  DateTime: "string",
};

/** The types of one BFF's operations, and their manifest, which `bff operations add` reads. */
const typesOf = (bff: string): CodegenConfig["generates"] => ({
  [`generated/${bff}/`]: {
    // While a BFF runs: "http://127.0.0.1:8000/schema.graphql".
    schema: `schema/${bff}.graphql`,
    documents: `schema/operations/${bff}/*.graphql`,
    preset: "client",
    presetConfig: {
      fragmentMasking: false,
      persistedDocuments: { hashAlgorithm: "sha256" },
    },
    config: { scalars, strictScalars: true, useTypeImports: true },
  },
});

const config: CodegenConfig = {
  generates: { ...typesOf("web"), ...typesOf("mobile") },
};

export default config;
