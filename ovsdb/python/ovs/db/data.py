# SPDX-License-Identifier: Apache-2.0
"""Values: an Atom is one value of an atomic type, a Datum what a column holds."""
import functools
import math
import re
import uuid
from typing import Any, Callable, Dict, Iterable, List, Optional

import ovs.db.parser
import ovs.db.types
import ovs.json
import ovs.ovsuuid
from ovs.db import error

Symtab = Optional[Dict[str, uuid.UUID]]
# Strings that stand in text without quotes.
_BARE = re.compile(r"(?!true|false)[_a-zA-Z][-._a-zA-Z]*\Z")


def _is_of(type_: "ovs.db.types.AtomicType", value: Any) -> bool:
    # True is an int in Python and no number in JSON.
    return isinstance(value, type_.python_types) and (
        not isinstance(value, bool) or type_ is ovs.db.types.BooleanType)


class ConstraintViolation(error.Error):
    def __init__(self, msg: str, json: Any = None) -> None:
        super().__init__(msg, json, tag="constraint violation")


@functools.total_ordering
class Atom:
    """'value' is an int, float, bool, str or uuid.UUID as 'type' says."""
    __slots__ = ("value", "type")

    def __init__(self, type_: "ovs.db.types.AtomicType", value: Any = None) -> None:
        self.type = type_
        self.value = type_.default if value is None else value

    @staticmethod
    def new(x: Any) -> "Atom":
        """The atom of a Python value, its type chosen by that of 'x'."""
        if isinstance(x, Atom):
            return x
        # bool is an int in Python: it is asked for first.
        for type_ in (ovs.db.types.BooleanType, ovs.db.types.IntegerType, ovs.db.types.RealType,
                      ovs.db.types.StringType, ovs.db.types.UuidType):
            if isinstance(x, type_.python_types):
                return Atom(type_, x)
        raise TypeError("no atom can hold a %s" % type(x).__name__)

    @staticmethod
    def default(type_: "ovs.db.types.AtomicType") -> "Atom":
        return type_.default_atom()

    def is_default(self) -> bool:
        return bool(self == self.type.default_atom())

    @staticmethod
    def from_json(base: "ovs.db.types.BaseType", json: Any, symtab: Symtab = None) -> "Atom":
        """Raises Error if 'json' has not the type of 'base', ConstraintViolation if it is not allowed by it."""
        value = ovs.db.parser.float_to_int(json)
        if base.type is ovs.db.types.UuidType:
            value = ovs.ovsuuid.from_json(value, symtab)
        elif not _is_of(base.type, value):
            raise error.Error("expected %s" % base.type.to_string(), value)
        atom = Atom(base.type, value)
        atom.check_constraints(base)
        return atom

    @staticmethod
    def from_python(base: "ovs.db.types.BaseType", value: Any) -> "Atom":
        value = ovs.db.parser.float_to_int(value)
        if not _is_of(base.type, value):
            raise error.Error("expected %s, got %s" % (base.type, type(value)))
        if isinstance(value, float) and not math.isfinite(value):
            raise error.Error("expected %s, got %s, which JSON has not" % (base.type, value))
        atom = Atom(base.type, value)
        atom.check_constraints(base)
        return atom

    def check_constraints(self, base: "ovs.db.types.BaseType") -> None:
        assert base.type is self.type
        if base.enum is not None:
            if self not in base.enum:
                raise ConstraintViolation("%s is not one of the allowed values (%s)"
                                          % (self.to_string(), base.enum.to_string()))
        elif self.type in (ovs.db.types.IntegerType, ovs.db.types.RealType):
            self._check_bounds(base)
        elif self.type is ovs.db.types.StringType:
            length = len(self.value)
            if length < base.min_length:
                raise ConstraintViolation('"%s" length %d is less than minimum allowed length %d'
                                          % (self.value, length, base.min_length))
            if length > base.max_length:
                raise ConstraintViolation('"%s" length %d is greater than maximum allowed length %d'
                                          % (self.value, length, base.max_length))

    def _check_bounds(self, base: "ovs.db.types.BaseType") -> None:
        low = base.min is not None and self.value < base.min
        if not low and (base.max is None or self.value <= base.max):
            return
        if base.min is not None and base.max is not None:
            raise ConstraintViolation("%s is not in the valid range %.15g to %.15g (inclusive)"
                                      % (self.to_string(), base.min, base.max))
        if low:
            raise ConstraintViolation("%s is less than minimum allowed value %.15g"
                                      % (self.to_string(), base.min))
        raise ConstraintViolation("%s is greater than maximum allowed value %.15g" % (self.to_string(), base.max))

    def to_json(self) -> Any:
        return ovs.ovsuuid.to_json(self.value) if self.type is ovs.db.types.UuidType else self.value

    def to_string(self) -> str:
        """As ovs-vsctl prints it."""
        if self.type is ovs.db.types.BooleanType:
            return "true" if self.value else "false"
        if self.type is ovs.db.types.RealType:
            return "%.15g" % self.value
        if self.type is ovs.db.types.StringType and not _BARE.match(self.value):
            return str(ovs.json.to_string(self.value))
        return str(self.value)

    def toEnglish(self, escapeLiteral: Callable[[str], str] = lambda x: x) -> str:
        return escapeLiteral(self.value) if self.type is ovs.db.types.StringType else self.to_string()

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Atom) or self.type is not other.type:
            return NotImplemented
        return self.value == other.value

    def __lt__(self, other: object) -> Any:
        if not isinstance(other, Atom) or self.type is not other.type:
            return NotImplemented
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)


def _atom(x: Any) -> Atom:
    return x if isinstance(x, Atom) else Atom.new(x)


@functools.total_ordering
class Datum:
    """'values' maps atoms to atoms, or to None in a column that is no map."""
    __slots__ = ("type", "values")

    def __init__(self, type_: "ovs.db.types.Type", values: Dict[Atom, Any] = {}) -> None:
        self.type = type_
        self.values = values

    def _items(self) -> List[Any]:
        return sorted(self.values.items()) if self.type.is_map() else sorted(self.values)

    def __eq__(self, other: object) -> Any:
        return self.values == other.values if isinstance(other, Datum) else NotImplemented

    def __lt__(self, other: object) -> Any:
        return self._items() < other._items() if isinstance(other, Datum) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __contains__(self, item: Any) -> bool:
        """'item' is an Atom or a Python value: one of the set, or a key of the map."""
        if item is None:
            return False
        return _atom(item) in self.values

    def __getitem__(self, key: Any) -> Any:
        """The value in a map, as Python has it."""
        atom = _atom(key)
        if not self.type.is_map():
            raise IndexError("not a map")
        if atom not in self.values:
            raise KeyError(key)
        return self.values[atom].value

    def get(self, key: Any, default: Any = None) -> Any:
        value = self.values.get(_atom(key))
        return default if value is None else value.value

    @staticmethod
    def default(type_: "ovs.db.types.Type") -> "Datum":
        if type_.n_min == 0:
            return Datum(type_, {})
        return Datum(type_, {type_.key.default(): type_.value.default() if type_.value is not None else None})

    def is_default(self) -> bool:
        return bool(self == Datum.default(self.type))

    def copy(self) -> "Datum":
        return Datum(self.type, dict(self.values))

    def conforms_to_type(self) -> bool:
        return self.type.n_min <= len(self.values) <= self.type.n_max

    def check_constraints(self) -> None:
        """Raises ConstraintViolation; that the number of values is right is conforms_to_type()'s."""
        for key, value in self.values.items():
            key.check_constraints(self.type.key)
            if value is not None and self.type.value is not None:
                value.check_constraints(self.type.value)

    @staticmethod
    def from_json(type_: "ovs.db.types.Type", json: Any, symtab: Symtab = None) -> "Datum":
        """Raises Error if 'json' does not fit the type, ConstraintViolation if an atom is not allowed by it."""
        wrapped = isinstance(json, list) and len(json) > 0 and json[0] == "set"
        if not type_.is_map() and not wrapped:
            return Datum(type_, {Atom.from_json(type_.key, json, symtab): None})
        name = "map" if type_.is_map() else "set"
        members = ovs.db.parser.unwrap_json(json, name, [list, tuple], "array")
        if not type_.n_min <= len(members) <= type_.n_max:
            raise error.Error("%s must have %d to %d members but %d are present"
                              % (name, type_.n_min, type_.n_max, len(members)), json)
        values: Dict[Atom, Any] = {}
        for member in members:
            value = None
            if type_.value is not None:
                key_json, value_json = ovs.db.parser.parse_json_pair(member)
                key = Atom.from_json(type_.key, key_json, symtab)
                value = Atom.from_json(type_.value, value_json, symtab)
            else:
                key = Atom.from_json(type_.key, member, symtab)
            if key in values:
                raise error.Error("map contains duplicate key" if type_.is_map() else "set contains duplicate")
            values[key] = value
        return Datum(type_, values)

    def to_json(self) -> Any:
        if self.type.is_map():
            return ["map", [[k.to_json(), v.to_json()] for k, v in self._items()]]
        if len(self.values) == 1:
            return next(iter(self.values)).to_json()
        return ["set", [k.to_json() for k in self._items()]]

    def to_string(self) -> str:
        """As ovs-vsctl prints it."""
        is_map = self.type.is_map()
        text = ", ".join("%s=%s" % (k.to_string(), v.to_string()) if is_map else k.to_string()
                         for k, v in sorted(self.values.items(), key=lambda item: item[0]))
        if self.type.n_max == 1 and self.values:
            return text
        return ("{%s}" if is_map else "[%s]") % text

    __str__ = to_string

    def diff(self, datum: "Datum") -> "Datum":
        """What 'datum' changes in self as updates of OVSDB say it: keys that only one has, new values of maps' keys. Of a column
        for one value it is that value."""
        if self.type.n_max == 1:
            return datum.copy()
        values = {k: v for k, v in self.values.items() if k not in datum.values}
        values.update((k, v) for k, v in datum.values.items() if k not in self.values or self.values[k] != v)
        return Datum(self.type, values)

    def as_list(self) -> List[Any]:
        if self.type.is_map():
            return [[k.value, v.value] for k, v in self.values.items()]
        return [k.value for k in self.values]

    def as_dict(self) -> Dict[Any, Any]:
        return dict(self.values)

    def as_scalar(self) -> Any:
        """The only value, or [key, value]; None if there is not just one."""
        return self.as_list()[0] if len(self.values) == 1 else None

    def to_python(self, uuid_to_row: Callable[[Any, "ovs.db.types.BaseType"], Any]) -> Any:
        """A dict, a scalar or a list. 'uuid_to_row' is given the Python value and its base type; values for which it
        answers None are left out."""
        key_base, value_base = self.type.key, self.type.value
        if value_base is not None:
            pairs = {}
            for k, v in self.values.items():
                key, value = uuid_to_row(k.value, key_base), uuid_to_row(v.value, value_base)
                if key is not None and value is not None:
                    pairs[key] = value
            return pairs
        found = [x for x in (uuid_to_row(k.value, key_base) for k in sorted(self.values)) if x is not None]
        if self.type.is_scalar():
            return found[0] if found else key_base.default()
        return found

    @staticmethod
    def from_python(type_: "ovs.db.types.Type", value: Any, row_to_uuid: Callable[[Any], Any]) -> "Datum":
        """From a dict, a list, tuple or set, or a scalar. 'row_to_uuid' turns rows into UUIDs."""
        values: Dict[Atom, Any] = {}
        if isinstance(value, dict):
            for k, v in value.items():
                if type_.value is None:
                    raise error.Error("expected a set of %s, got <class 'dict'>" % type_.key.type)
                values[Atom.from_python(type_.key, row_to_uuid(k))] = Atom.from_python(type_.value, row_to_uuid(v))
        else:
            members: Iterable[Any] = value if isinstance(value, (list, tuple, set, frozenset)) else (value,)
            for k in members:
                values[Atom.from_python(type_.key, row_to_uuid(k))] = None
            if values and type_.value is not None:
                raise error.Error("expected a map, got %s" % type(value))
        datum = Datum(type_, values)
        datum.check_constraints()
        if not datum.conforms_to_type():
            raise error.Error("%d values when type requires between %d and %d"
                              % (len(values), type_.n_min, type_.n_max))
        return datum
