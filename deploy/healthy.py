"""Says whether a process is well: exit code 0 when the address answers 2xx within 2 seconds, else 1.

    python deploy/healthy.py http://127.0.0.1:8000/readyz

For health checks inside an image that has neither curl nor wget. Standard library only, and blind to the
proxy variables of the environment, which a container may inherit and which would send this call elsewhere.
"""

import http.client
import sys
import urllib.request

TIMEOUT_S = 2.0


def main(url: str) -> int:
    """Ask once; the exit code."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_S):
            return 0
    except (OSError, http.client.HTTPException) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
