"""Reads the files of a request, within limits on bytes, files and time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import NamedTuple

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from cnnkit.deploy.serve.limits import Limits

FORM = "multipart/form-data"
RETRY_AFTER = {"Retry-After": "1"}  # seconds


class File(NamedTuple):
    """A file of a request.

    Attributes:
        name: As the form says; None for a body that is one file.
        content: Its bytes.
    """

    name: str | None
    content: bytes


class Bodies:
    """Reads bodies, and knows how many requests and bytes are held.

    Args:
        limits: What is allowed.
    """

    def __init__(self, limits: Limits):
        self.limits, self.requests, self.bytes = limits, 0, 0

    @contextlib.contextmanager
    def place(self) -> Iterator["Place"]:
        """Take a place for one request, until it is answered.

        Yields:
            The place, which reads the request's files.

        Raises:
            HTTPException: 503, as there are too many requests.
        """
        if self.requests >= self.limits.max_queue:
            raise overloaded(f"{self.limits.max_queue} requests are being answered")
        self.requests += 1
        place = Place(self)
        try:
            yield place
        finally:
            self.requests -= 1
            self.bytes -= place.bytes


class Place:
    """What one request holds.

    Args:
        bodies: Counts the bytes of all requests.
    """

    def __init__(self, bodies: Bodies):
        self._bodies, self._limits, self.bytes = bodies, bodies.limits, 0

    async def files(self, request: Request) -> list[File]:
        """Read the files of a request: those of a form, or the body as one.

        Args:
            request: Its body is not read yet.

        Returns:
            At least one file.

        Raises:
            HTTPException: 400, 408, 413 or 503, with a sentence.
        """
        seconds = self._limits.timeout
        try:
            async with asyncio.timeout(seconds):
                self._expect_allowed(int(request.headers.get("content-length") or 0))
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind == FORM:
                    return await self._of_form(request)
                return [File(None, b"".join([chunk async for chunk in self._chunks(request)]))]
        except TimeoutError:
            raise HTTPException(408, f"The body did not arrive in {seconds:g} s.") from None
        except ClientDisconnect:
            raise HTTPException(400, "The body ended early.") from None

    async def _of_form(self, request: Request) -> list[File]:
        count = self._limits.max_files
        parser = _Form(request.headers, self._chunks(request), max_files=count, max_fields=count)
        parser.spool_max_size = self._limits.max_bytes  # Starlette writes larger files to the disk
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise HTTPException(400, f"The form cannot be read: {error.message}") from None
        except (ValueError, LookupError) as error:  # a boundary or a name that is no text
            raise HTTPException(400, f"The form cannot be read: {error}.") from None
        try:
            files = []
            for field, part in form.multi_items():
                if not isinstance(part, UploadFile):
                    raise HTTPException(
                        400,
                        f"The form's field {field!r} is no file; a file's part has a filename.",
                    )
                files.append(File(part.filename, await part.read()))
            if not files:
                raise HTTPException(400, "The form has no file.")
            return files
        finally:
            await form.close()

    async def _chunks(self, request: Request) -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            self.bytes += len(chunk)
            self._bodies.bytes += len(chunk)
            self._expect_allowed(self.bytes)
            yield chunk

    def _expect_allowed(self, size: int) -> None:
        most = self._limits.max_bytes
        if size > most:
            raise HTTPException(413, f"The body has more than {most:,} bytes.")
        if self._bodies.bytes > self._limits.max_bytes_held:
            raise overloaded("the bodies of other requests fill the memory set aside for them")


class _Form(MultiPartParser):
    """Refuses a form without its last boundary; Starlette drops the file that it ends in."""

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], **limits: int):
        super().__init__(headers, self._to_the_end(stream), **limits)
        self._ended = False

    def on_end(self) -> None:
        self._ended = True

    async def _to_the_end(self, stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self._ended:
            raise MultiPartException("The last boundary is missing.")


def overloaded(reason: str) -> HTTPException:
    """Return the answer to a request that came when the server had too much to do.

    Args:
        reason: The first half of a sentence.

    Returns:
        Status 503, with a Retry-After header.
    """
    return HTTPException(503, f"Try again in a second: {reason}.", RETRY_AFTER)
