"""The GraphQL side: links, views, schema and firewall, call plan, ledger of degradations, executor."""
