"""What kafka-python's tests have as test/service.py, which its archive on PyPI leaves out: here brokers only are found, not started."""


class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def stop(self):
        pass


class SpawnedService:
    def __init__(self, *arguments, **named):
        raise RuntimeError("this suite starts no broker")
