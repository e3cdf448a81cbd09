"""A small process that stands in for a service or a BFF; started by path, standard library only.

    standin.py HOST PORT [--not-ready] [--ignore-term] [--worker] [--exit CODE]

It answers /readyz, hands out a token at POST /tokens, keeps fault switches at /_faults, and ends with a code
of your choice on POST /exit/CODE.
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS: dict[str, dict[str, object]] = {}


class Handler(BaseHTTPRequestHandler):
    """The routes named in the module's docstring."""

    def do_GET(self) -> None:
        if self.path == "/readyz":
            self.reply(503 if "--not-ready" in sys.argv else 200, {})
        elif self.path == "/env":
            self.reply(200, dict(os.environ))
        elif self.path == "/_faults":
            self.reply(200, {"faults": list(FAULTS.values())})
        else:
            self.reply(404, {"title": "Not found", "detail": "There is no such thing."})

    def do_PUT(self) -> None:
        fault = self.body()
        if fault["route"] == "GET /nosuch":
            self.reply(422, {"title": "Invalid body", "detail": "No such route."})
        else:
            FAULTS[str(fault["route"])] = fault
            self.reply(200, {})

    def do_DELETE(self) -> None:
        FAULTS.clear()
        self.reply(204, None)

    def do_POST(self) -> None:
        if self.path == "/tokens":
            asked = self.body()
            if asked["user_id"] == "nobody":
                self.reply(404, {"title": "Not found", "detail": "There is no user 'nobody'."})
            else:
                self.reply(200, {"access_token": "token-of-{user_id}-for-{ttl_s}".format(**asked)})
        elif self.path.startswith("/exit/"):
            self.reply(200, {})
            print("leaving", flush=True)
            os._exit(int(self.path.rsplit("/", 1)[1]))

    def body(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        return content

    def reply(self, status: int, body: object) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        if self.path != "/readyz":
            print(self.command, self.path, flush=True)


def main() -> None:
    if "--exit" in sys.argv:
        print("cannot go on: the table is missing", file=sys.stderr, flush=True)
        sys.exit(int(sys.argv[sys.argv.index("--exit") + 1]))
    if "--ignore-term" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--worker" in sys.argv:
        deaf, says = os.pipe()
        worker = (
            "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(60); "
            f"os.write({says}, b'.'); signal.pause()"
        )
        subprocess.Popen([sys.executable, "-I", "-S", "-c", worker], pass_fds=[says])
        os.read(deaf, 1)  # from now on it ignores SIGTERM
    with ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler) as server:
        print("serving", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
