"""The services of the shop as the BFFs see them: one file a service; imports only the contract."""
