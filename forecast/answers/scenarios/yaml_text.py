"""YAML as JSON: one document of mappings, lists, text and numbers, which says each thing once and in one way."""

from __future__ import annotations

import json
from collections.abc import Hashable

import yaml

from forecast.errors import Fault, InvalidInput, Malformed

_PLAIN = ("str", "int", "float", "bool", "null", "seq", "map")
_LEAST_USED = ("timestamp", "merge", "value")
_DEEPEST = 50


def to_json(text: str) -> str:
    """The same as JSON. Raises ``InvalidInput`` with the line for what JSON has not, or would lose.

    That is a key twice or that is no text, an anchor, a tag, or more than one document. A day stays the text it is.
    """
    try:
        return json.dumps(yaml.load(text, _Loader))
    except yaml.MarkedYAMLError as error:
        mark, what = error.problem_mark or error.context_mark, error.problem or error.context
        raise Malformed(Fault("text", what, "YAML, one document", line=mark.line + 1 if mark else None)) from None
    except yaml.YAMLError as error:
        raise Malformed(Fault("text", " ".join(str(error).split())[:200], "YAML")) from None


class _Loader(yaml.SafeLoader):
    """Of plain things only."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in rules if tag.rpartition(":")[2] not in _LEAST_USED]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: build
        for tag, build in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in _PLAIN
    }
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        coming: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        line = coming.start_mark.line + 1 if coming.start_mark else None
        if isinstance(coming, yaml.AliasEvent):
            # An alias of aliases of aliases is a small file and a large question.
            raise InvalidInput(Fault("text", f"*{coming.anchor}", "the thing itself, not an alias", line=line))
        if self._depth == _DEEPEST:
            raise InvalidInput(Fault("text", f"more than {_DEEPEST} levels", "no such depth", line=line))
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Hashable, object]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "a mapping is keys with values", node.start_mark)
        seen: set[str] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            line = key.start_mark.line + 1
            if not isinstance(name, str):
                raise InvalidInput(Fault("key", str(name)[:100], "text as a key", line=line))
            if name in seen:
                raise InvalidInput(Fault("key", name[:100], "each key once", line=line))
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError) as error:  # a number of too many digits, a tag that its text does not keep
            if isinstance(error, InvalidInput):
                raise
            what = f"not what its tag {node.tag.rpartition(':')[2]} says" if isinstance(error, KeyError) else str(error)
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None
