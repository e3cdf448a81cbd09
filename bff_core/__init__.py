"""The machinery of a Backend-for-Frontend: knows no storefront word and no GraphQL type name."""
