"""engine_proxy - stands between Whaley and the engine and can stop time at any call.

    with EngineProxy(engine) as proxy:
        whaley = Whaley(engine=..., env={"DOCKER_HOST": proxy.url})
        gate = proxy.hold("POST", r"/containers/create", when="after")
        ...                      # start something in the background
        gate.wait(30)            # the call has been made (or is about to be: when="before")
        whaley.kill9()
        gate.open()              # let the engine go on

Also refuse(method, path, status, message) answers a call instead of the engine, `times` times.
HTTP/1.1 with Content-Length, chunked and until-close bodies; streams are passed on as they come.
"""
import os
import re
import socket
import tempfile
import threading


class Gate:
    def __init__(self, method, pattern, when):
        self.method, self.pattern, self.when = method, re.compile(pattern), when
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait(self, seconds=30):
        assert self.reached.wait(seconds), f"no {self.method} {self.pattern.pattern} within {seconds} s"

    def open(self):
        self.opened.set()

    def matches(self, method, path):
        return not self.reached.is_set() and method == self.method and self.pattern.search(path)


class Refusal(Gate):
    def __init__(self, method, pattern, status, message, times):
        super().__init__(method, pattern, "instead")
        self.status, self.message, self.times = status, message, times

    def matches(self, method, path):
        return self.times > 0 and method == self.method and self.pattern.search(path)


class Reader:
    """Bytes of a socket, buffered, with the end of a message known."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def more(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return data

    def head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        return head + b"\r\n\r\n"

    def exactly(self, n):
        while len(self.buffer) < n:
            if not self.more():
                raise ConnectionError("cut")
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise ConnectionError("cut")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line + b"\r\n"

    def body(self, head, is_answer, send):
        """Passes the body on piece by piece."""
        fields = {k.strip().lower(): v.strip() for k, _, v in
                  (line.partition(b":") for line in head.split(b"\r\n")[1:])}
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            while True:
                size = self.line()
                n = int(size.split(b";")[0], 16)
                send(size + self.exactly(n + 2))
                if n == 0:
                    return
        elif b"content-length" in fields:
            left = int(fields[b"content-length"])
            while left:
                piece = self.exactly(min(left, 65536))
                left -= len(piece)
                send(piece)
        elif is_answer and head.split(b" ")[1] not in (b"204", b"304"):
            send(self.buffer)
            self.buffer = b""
            while True:
                data = self.sock.recv(65536)
                if not data:
                    raise ConnectionError("end")
                send(data)


class EngineProxy:
    def __init__(self, engine):
        self.target = engine.url.partition("://")[2]
        self.folder = tempfile.mkdtemp(prefix="whaley-proxy-")
        self.path = os.path.join(self.folder, "docker.sock")
        self.url = "unix://" + self.path
        self.gates = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, method, pattern, when="before"):
        gate = Gate(method, pattern, when)
        self.gates.append(gate)
        return gate

    def refuse(self, method, pattern, status=500, message="refused by the test", times=1):
        refusal = Refusal(method, pattern, status, message, times)
        self.gates.append(refusal)
        return refusal

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for gate in self.gates:
            gate.open()
        self.listener.close()
        os.unlink(self.path)
        os.rmdir(self.folder)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        engine = socket.socket(socket.AF_UNIX)
        try:
            engine.connect(self.target)
            reader, answers = Reader(client), Reader(engine)
            while self._one(reader, answers, client, engine):
                pass
        except (OSError, ConnectionError, ValueError):
            pass
        finally:
            client.close()
            engine.close()

    def _one(self, reader, answers, client, engine):
        head = reader.head()
        if head is None:
            return False
        method, path = head.split(b" ")[:2]
        gate = next((g for g in self.gates if g.matches(method.decode(), path.decode())), None)
        if isinstance(gate, Refusal):
            gate.times -= 1
            gate.reached.set()
            reader.body(head, False, lambda data: None)
            body = b'{"message":"%s"}' % gate.message.encode()
            client.sendall(b"HTTP/1.1 %d Refused\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                           % (gate.status, len(body), body))
            return True
        if gate and gate.when == "before":
            gate.reached.set()
            gate.opened.wait(120)
        engine.sendall(head)
        reader.body(head, False, engine.sendall)
        if b"100-continue" in head.lower():
            pass  # the engine answers 100 only when asked for; our client never asks
        answer = answers.head()
        if answer is None:
            return False
        if gate and gate.when == "after":
            gate.reached.set()
            gate.opened.wait(120)
        client.sendall(answer)
        if method != b"HEAD":
            answers.body(answer, True, client.sendall)
        return True
