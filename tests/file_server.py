"""A local web server that misbehaves as a test asks."""

import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Resource:
    """What one address holds, and how it misbehaves."""

    def __init__(self, body, *, etag='"1"', ranges=True, cuts=(), statuses=(), **headers):
        self.body = body
        self.etag = etag  # If-Range is compared with it
        self.ranges = ranges
        self.cuts = list(cuts)  # each answer in turn ends after so many bytes; None: never
        self.statuses = list(statuses)  # of the first answers
        self.length = True  # whether the whole length is announced
        self.status = 200
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class FileServer:
    """Serves `resources` by path and keeps a record of the requests."""

    def __init__(self):
        self.resources = {}
        self.requests = []  # (path, Range, If-Range)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, path, body, **options):
        """Put a body at a path; return its address."""
        self.resources[path] = Resource(body, **options)
        return f"{self.address}/{path}"

    def redirect(self, path, url):
        """Send who asks for a path to another address; return the first."""
        address = self.add(path, b"", Location=url)
        self.resources[path].status = 302
        return address

    @property
    def ranges(self):
        """The ranges that were asked for, one an answer."""
        return [wanted for _, wanted, _ in self.requests]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def run_server():
    """Yield a server for a test: ``server = pytest.fixture(run_server)``."""
    server = FileServer()
    yield server
    server.close()


def _make_handler(server):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            path = self.path.lstrip("/")
            wanted, edition = self.headers.get("Range"), self.headers.get("If-Range")
            server.requests.append((path, wanted, edition))
            resource = server.resources.get(path)
            if resource is None:
                self.send_error(404)
            elif resource.statuses:
                self.send_error(resource.statuses.pop(0))
            else:
                self._send(resource, wanted, edition)

        def _send(self, resource, wanted, edition):
            start, n_bytes = 0, len(resource.body)
            follows = resource.ranges and wanted and edition in (None, resource.etag)
            if follows:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            if start >= n_bytes and follows:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{n_bytes}")
                self.end_headers()
                return
            self.send_response(206 if follows else resource.status)
            if follows:
                self.send_header("Content-Range", f"bytes {start}-{n_bytes - 1}/{n_bytes}")
            if resource.etag:
                self.send_header("ETag", resource.etag)
            if resource.length:
                self.send_header("Content-Length", str(n_bytes - start))
            for name, value in resource.headers.items():
                self.send_header(name, value)
            self.end_headers()
            cut = resource.cuts.pop(0) if resource.cuts else None
            self.wfile.write(resource.body[start:][:cut])

    return Handler
