"""JSON documents, as tests take them apart."""

from typing import Any, TypeAlias

#: A part of a document that is read as the test knows it to be: what is not there, or not so, fails it.
Json: TypeAlias = Any
