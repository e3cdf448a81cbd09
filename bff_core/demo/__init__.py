"""Demo room: the services and BFFs of pyproject's table as separate processes under one supervisor."""
