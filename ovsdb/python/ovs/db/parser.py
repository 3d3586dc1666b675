# SPDX-License-Identifier: Apache-2.0
"""Reading of JSON objects whose members are known: each is asked for once, and none may be left over."""
import re
from typing import Any, Dict, List, Sequence, Set, Type, Union

from ovs.db import error

# What a member may be: a Python type, None for null, or "id" for a string that is an identifier.
JsonTypes = Sequence[Union[None, str, Type[Any]]]

id_re = re.compile("[_a-zA-Z][_a-zA-Z0-9]*$")
# Whole numbers that stand as floats within these bounds are taken as integers: above, floats are not exact.
_EXACT = 1 << 53
_NAMES = {None: "null", bool: "boolean", dict: "object", list: "array", int: "number", float: "number", str: "string"}


def float_to_int(x: Any) -> Any:
    """A float that is exactly an integer, as int; anything else as it is."""
    if isinstance(x, float) and -_EXACT < x < _EXACT and x.is_integer():
        return int(x)
    return x


def is_identifier(s: Any) -> Any:
    """True in a boolean context if 's' may name a table or a column."""
    return isinstance(s, str) and id_re.match(s)


def json_type_to_string(type_: Any) -> str:
    return _NAMES.get(type_, "<invalid>")


def _is_one_of(value: Any, types: JsonTypes) -> bool:
    for t in types:
        if t is None:
            if value is None:
                return True
        elif isinstance(t, str):
            if is_identifier(value):
                return True
        elif isinstance(value, t):
            return True
    return False


class Parser:
    """Takes the members of the object 'json' apart; 'name' is what errors call it."""

    def __init__(self, json: Any, name: str) -> None:
        self.name = name
        self.json: Dict[str, Any] = json
        self.used: Set[str] = set()
        if not isinstance(json, dict):
            self._fail("Object expected.")

    def get(self, name: str, types: JsonTypes) -> Any:
        if name not in self.json:
            self._fail("Required '%s' member is missing." % name)
        return self.get_optional(name, types)

    def get_optional(self, name: str, types: JsonTypes, default: Any = None) -> Any:
        if name not in self.json:
            return default
        self.used.add(name)
        value = float_to_int(self.json[name])
        if not _is_one_of(value, types):
            self._fail("Type mismatch for member '%s'." % name)
        return value

    def finish(self) -> None:
        """Fails if members are left that nobody has asked for."""
        left = [name for name in sorted(self.json) if name not in self.used]
        if not left:
            return
        if len(left) == 1:
            self._fail("Member '%s' is present but not allowed here" % left[0])
        self._fail("Member '%s' and %d other member%s are present but not allowed here"
                   % (left[0], len(left) - 1, "s" if len(left) > 2 else ""))

    def _fail(self, message: str) -> None:
        raise error.Error("Parsing %s failed: %s" % (self.name, message), self.json)


def parse_json_pair(json: Any) -> List[Any]:
    if not isinstance(json, list) or len(json) != 2:
        raise error.Error("expected 2-element array", json)
    return json


def unwrap_json(json: Any, name: str, types: Any, desc: str) -> Any:
    """The second element of [name, value], which must be one of 'types'; 'desc' is what errors call them."""
    if (not isinstance(json, (list, tuple)) or len(json) != 2 or json[0] != name
            or not isinstance(json[1], tuple(types))):
        raise error.Error('expected ["%s", <%s>]' % (name, desc), json)
    return json[1]
