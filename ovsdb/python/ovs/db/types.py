# SPDX-License-Identifier: Apache-2.0
"""What a column may hold: atomic types, their constraints, and how many of them."""
import sys
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import ovs.db.data
from ovs.db import error
from ovs.db.parser import Parser

# Strings of a length and sets of a size without a limit have this one.
UNLIMITED = sys.maxsize
_UINT32_MAX = 0xffffffff
REAL_PYTHON_TYPES = (int, float)

Text = Callable[[str], str]


def returnUnchanged(x: str) -> str:
    return x


def commafy(x: int) -> str:
    """With commas between thousands."""
    return "{:,}".format(x)


class AtomicType:
    """One of the constants below; compared by identity."""

    def __init__(self, name: str, default: Any, python_types: Tuple[type, ...]) -> None:
        self.name = name
        self.default = default
        self.python_types = python_types

    @staticmethod
    def from_string(s: str) -> "AtomicType":
        for type_ in ATOMIC_TYPES:
            if type_ is not VoidType and type_.name == s:
                return type_
        raise error.Error('"%s" is not an atomic-type' % s, s)

    @staticmethod
    def from_json(json: Any) -> "AtomicType":
        if not isinstance(json, str):
            raise error.Error("atomic-type expected", json)
        return AtomicType.from_string(json)

    def __str__(self) -> str:
        return self.name

    def to_string(self) -> str:
        return self.name

    def to_json(self) -> str:
        return self.name

    def default_atom(self) -> "ovs.db.data.Atom":
        return ovs.db.data.Atom(self, self.default)


VoidType = AtomicType("void", None, ())
IntegerType = AtomicType("integer", 0, (int,))
RealType = AtomicType("real", 0.0, REAL_PYTHON_TYPES)
BooleanType = AtomicType("boolean", False, (bool,))
StringType = AtomicType("string", "", (str,))
UuidType = AtomicType("uuid", uuid.UUID(int=0), (uuid.UUID,))
ATOMIC_TYPES = [VoidType, IntegerType, RealType, BooleanType, StringType, UuidType]


def _length_from_json(parser: Parser, name: str, default: int) -> int:
    value = parser.get_optional(name, [int])
    if value is None:
        return default
    if not 0 <= value <= _UINT32_MAX:
        raise error.Error("%s out of valid range 0 to %d" % (name, _UINT32_MAX), value)
    return int(value)


class BaseType:
    """An atomic type with constraints: an enum, or bounds, or lengths, or the table that a UUID points to."""

    def __init__(self, type_: AtomicType, enum: Optional["ovs.db.data.Datum"] = None, min: Any = None,
                 max: Any = None, min_length: int = 0, max_length: int = UNLIMITED,
                 ref_table_name: Optional[str] = None) -> None:
        assert isinstance(type_, AtomicType)
        self.type = type_
        self.enum = enum
        self.min = min
        self.max = max
        self.min_length = min_length
        self.max_length = max_length
        self.ref_table_name = ref_table_name
        # "strong" or "weak" if this is a reference.
        self.ref_type = "strong" if ref_table_name else None
        # Set by the schema that this type belongs to.
        self.ref_table: Any = None

    def _facts(self) -> Tuple[Any, ...]:
        return (self.type, self.enum, self.min, self.max, self.min_length, self.max_length, self.ref_table_name)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, BaseType):
            return NotImplemented
        return self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> "BaseType":
        new = BaseType(self.type, self.enum and self.enum.copy(), self.min, self.max, self.min_length,
                       self.max_length, self.ref_table_name)
        new.ref_type = self.ref_type
        new.ref_table = self.ref_table
        return new

    def default(self) -> "ovs.db.data.Atom":
        return self.type.default_atom()

    def is_valid(self) -> bool:
        if self.type in (VoidType, BooleanType, UuidType):
            return True
        if self.type is StringType:
            return self.min_length <= self.max_length
        return self.min is None or self.max is None or self.min <= self.max

    def has_constraints(self) -> bool:
        return (self.enum is not None or self.min is not None or self.max is not None or self.min_length != 0
                or self.max_length != UNLIMITED or self.ref_table_name is not None)

    def without_constraints(self) -> "BaseType":
        return BaseType(self.type)

    @staticmethod
    def get_enum_type(atomic_type: AtomicType) -> "Type":
        """The type of the set of values that an enum of 'atomic_type' has."""
        return Type(BaseType(atomic_type), None, 1, UNLIMITED)

    def is_ref(self) -> bool:
        return self.type is UuidType and self.ref_table_name is not None

    def is_strong_ref(self) -> bool:
        return self.is_ref() and self.ref_type == "strong"

    def is_weak_ref(self) -> bool:
        return self.is_ref() and self.ref_type == "weak"

    @staticmethod
    def from_json(json: Any) -> "BaseType":
        if isinstance(json, str):
            return BaseType(AtomicType.from_json(json))
        parser = Parser(json, "ovsdb type")
        base = BaseType(AtomicType.from_json(parser.get("type", [str])))
        enum = parser.get_optional("enum", [int, float, bool, str, list, dict])
        if enum is not None:
            base.enum = ovs.db.data.Datum.from_json(BaseType.get_enum_type(base.type), enum)
        elif base.type in (IntegerType, RealType):
            base._bounds_from_json(parser)
        elif base.type is StringType:
            base.min_length = _length_from_json(parser, "minLength", 0)
            base.max_length = _length_from_json(parser, "maxLength", UNLIMITED)
            if base.min_length > base.max_length:
                raise error.Error("minLength exceeds maxLength", json)
        elif base.type is UuidType:
            base._reference_from_json(parser)
        parser.finish()
        return base

    def _bounds_from_json(self, parser: Parser) -> None:
        names = ("minInteger", "maxInteger") if self.type is IntegerType else ("minReal", "maxReal")
        types = list(self.type.python_types)
        self.min = parser.get_optional(names[0], types)
        self.max = parser.get_optional(names[1], types)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise error.Error("%s exceeds %s" % names, parser.json)

    def _reference_from_json(self, parser: Parser) -> None:
        self.ref_table_name = parser.get_optional("refTable", ["id"])
        if self.ref_table_name:
            self.ref_type = parser.get_optional("refType", [str], "strong")
            if self.ref_type not in ("strong", "weak"):
                raise error.Error('refType must be "strong" or "weak" (not "%s")' % self.ref_type)

    def to_json(self) -> Union[str, Dict[str, Any]]:
        if not self.has_constraints():
            return self.type.to_json()
        json: Dict[str, Any] = {"type": self.type.to_json()}
        if self.enum is not None:
            json["enum"] = self.enum.to_json()
        suffix = "Integer" if self.type is IntegerType else "Real"
        if self.type in (IntegerType, RealType):
            if self.min is not None:
                json["min" + suffix] = self.min
            if self.max is not None:
                json["max" + suffix] = self.max
        elif self.type is StringType:
            if self.min_length:
                json["minLength"] = self.min_length
            if self.max_length != UNLIMITED:
                json["maxLength"] = self.max_length
        elif self.ref_table_name:
            json["refTable"] = self.ref_table_name
            if self.ref_type != "strong":
                json["refType"] = self.ref_type
        return json

    def toEnglish(self, escapeLiteral: Text = returnUnchanged) -> str:
        """For documentation: the type in words, as "string" or "weak reference to Port"."""
        if self.ref_table_name:
            name = escapeLiteral(self.ref_table_name)
            return name if self.ref_type == "strong" else "weak reference to " + name
        return self.type.to_string()

    def constraintsToEnglish(self, escapeLiteral: Text = returnUnchanged,
                             escapeNumber: Text = returnUnchanged) -> Optional[str]:
        """For documentation: the constraints in words, or None."""
        if self.enum is not None:
            literals = sorted(value.toEnglish(escapeLiteral) for value in self.enum.values)
            if len(literals) == 1:
                return "must be " + literals[0]
            if len(literals) == 2:
                return "either %s or %s" % tuple(literals)
            return "one of %s, or %s" % (", ".join(literals[:-1]), literals[-1])
        if self.type in (IntegerType, RealType):
            return self._bounds_to_english(escapeNumber)
        if self.min_length or self.max_length != UNLIMITED:
            return self._lengths_to_english()
        return None

    def _bounds_to_english(self, escape: Text) -> Optional[str]:
        def number(x: Any) -> str:
            return escape(commafy(x) if self.type is IntegerType else "%g" % x)

        if self.min is not None and self.max is not None:
            return "in range %s to %s" % (number(self.min), number(self.max))
        if self.min is not None:
            return "at least " + number(self.min)
        if self.max is not None:
            return "at most " + number(self.max)
        return None

    def _lengths_to_english(self) -> str:
        if self.min_length == 0:
            length = "at most %d" % self.max_length
        elif self.max_length == UNLIMITED:
            length = "at least %d" % self.min_length
        elif self.min_length == self.max_length:
            length = "exactly %d" % self.min_length
        else:
            length = "between %d and %d" % (self.min_length, self.max_length)
        return length + " characters long"


def _count_from_json(json: Any, default: int) -> int:
    if json is None:
        return default
    if isinstance(json, int) and 0 <= json < UNLIMITED:
        return json
    raise error.Error("bad min or max value", json)


class Type:
    """The type of a column: a scalar, an optional value, a set, or a map when there is a 'value'."""
    DEFAULT_MIN = 1
    DEFAULT_MAX = 1

    def __init__(self, key: BaseType, value: Optional[BaseType] = None, n_min: int = DEFAULT_MIN,
                 n_max: int = DEFAULT_MAX) -> None:
        self.key = key
        self.value = value
        self.n_min = n_min
        self.n_max = n_max

    def copy(self) -> "Type":
        return Type(self.key.copy(), self.value and self.value.copy(), self.n_min, self.n_max)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, Type):
            return NotImplemented
        return (self.key == other.key and self.value == other.value and self.n_min == other.n_min
                and self.n_max == other.n_max)

    __hash__ = None  # type: ignore[assignment]

    def is_valid(self) -> bool:
        return (self.key.type is not VoidType and self.key.is_valid()
                and (self.value is None or (self.value.type is not VoidType and self.value.is_valid()))
                and self.n_min in (0, 1) and max(self.n_min, 1) <= self.n_max)

    def is_scalar(self) -> bool:
        return self.n_min == 1 and self.n_max == 1 and self.value is None

    def is_optional(self) -> bool:
        return self.n_min == 0 and self.n_max == 1

    def is_composite(self) -> bool:
        return self.n_max > 1

    def is_set(self) -> bool:
        return self.value is None and (self.n_min != 1 or self.n_max != 1)

    def is_map(self) -> bool:
        return self.value is not None

    def is_smap(self) -> bool:
        return self.value is not None and self.key.type is StringType and self.value.type is StringType

    def is_optional_pointer(self) -> bool:
        return self.is_optional() and self.value is None and (self.key.type is StringType or self.key.is_ref())

    @staticmethod
    def from_json(json: Any) -> "Type":
        if isinstance(json, str):
            return Type(BaseType.from_json(json))
        parser = Parser(json, "ovsdb type")
        key = parser.get("key", [dict, str])
        value = parser.get_optional("value", [dict, str])
        n_min = parser.get_optional("min", [int])
        n_max = parser.get_optional("max", [int, str])
        parser.finish()
        type_ = Type(BaseType.from_json(key), BaseType.from_json(value) if value is not None else None,
                     _count_from_json(n_min, Type.DEFAULT_MIN),
                     UNLIMITED if n_max == "unlimited" else _count_from_json(n_max, Type.DEFAULT_MAX))
        if not type_.is_valid():
            raise error.Error("ovsdb type fails constraint checks", json)
        return type_

    def to_json(self) -> Union[str, Dict[str, Any]]:
        if self.is_scalar() and not self.key.has_constraints():
            return self.key.to_json()
        json: Dict[str, Any] = {"key": self.key.to_json()}
        if self.value is not None:
            json["value"] = self.value.to_json()
        if self.n_min != Type.DEFAULT_MIN:
            json["min"] = self.n_min
        if self.n_max == UNLIMITED:
            json["max"] = "unlimited"
        elif self.n_max != Type.DEFAULT_MAX:
            json["max"] = self.n_max
        return json

    def toEnglish(self, escapeLiteral: Text = returnUnchanged) -> str:
        """For documentation: the type in words, as "set of up to 3 strings"."""
        key = self.key.toEnglish(escapeLiteral)
        if self.is_scalar():
            return key
        if self.is_optional():
            return ("optional %s" % key if self.value is None
                    else "optional %s-%s pair" % (key, self.value.toEnglish(escapeLiteral)))
        if self.n_max != UNLIMITED:
            amount = "up to %s" % commafy(self.n_max) if not self.n_min else \
                "%s to %s" % (commafy(self.n_min), commafy(self.n_max))
        else:
            amount = "%s or more" % commafy(self.n_min) if self.n_min else ""
        words: List[str] = ["set" if self.value is None else "map", "of"]
        if amount:
            words.append(amount)
        words.append(key + "s" if self.value is None else
                     "%s-%s pairs" % (key, self.value.toEnglish(escapeLiteral)))
        return " ".join(words)

    def constraintsToEnglish(self, escapeLiteral: Text = returnUnchanged,
                             escapeNumber: Text = returnUnchanged) -> str:
        """For documentation: the constraints of key and value in words, or ""."""
        key = self.key.constraintsToEnglish(escapeLiteral, escapeNumber)
        if self.value is None:
            return key or ""
        value = self.value.constraintsToEnglish(escapeLiteral, escapeNumber)
        parts = ["%s %s" % (what, text) for what, text in (("key", key), ("value", value)) if text]
        return ", ".join(parts)
