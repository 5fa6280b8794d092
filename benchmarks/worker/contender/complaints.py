"""What a library logs as a warning: a backend that can't run says so, and what runs instead must not be timed."""

import logging


class Complaints(logging.Handler):
    """Collects the warnings of the loggers below ``name``, for as long as the process lives."""

    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
