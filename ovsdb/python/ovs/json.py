# SPDX-License-Identifier: Apache-2.0
"""JSON as OVSDB speaks it: a parser that is fed piece by piece, and a writer.

Only objects and arrays stand at the top. Numbers that are whole and fit into 64 bits become int, others float. Errors are
returned as text that names the place: line and column count from 0, column and byte in bytes of UTF-8.
"""
import json as _std
import re
import sys
from typing import Any, Dict, List, Optional, TextIO, Tuple

_c: Any
try:
    from ovs import _json as _c  # type: ignore[attr-defined, no-redef]
except ImportError:
    _c = None

PARSER_C = "C"
PARSER_PY = "PYTHON"
SPACES_PER_LEVEL = 2
MAX_HEIGHT = 1000  # how deep arrays and objects may nest

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
_EXPONENT_MAX = (1 << 31) - 1
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([-+]?[0-9]+))?")
# What a token that may go on in the next piece is made of, by its first character.
_RUNS = {**dict.fromkeys("-0123456789", re.compile(r"[-+.0-9eE]*")),
         **dict.fromkeys("abcdefghijklmnopqrstuvwxyz", re.compile("[a-zA-Z]*"))}
_SPACE = re.compile(r"[ \t\r\n]*")
# The inside of a string up to its end, or up to a character that must not stand there.
_IN_STRING = re.compile(r'(?:[^"\\\x00-\x1f]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(r"\\(u[^\\]{0,4}|.)?", re.DOTALL)
_HEX4 = re.compile("u[0-9a-fA-F]{4}")
_PLAIN_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_KEYWORDS = {"true": True, "false": False, "null": None}
# Escapes that the standard library reads and this parser does not.
_ODD_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


class _Bad(Exception):
    """What is wrong with the token at hand."""


def _integer(text: str) -> Any:
    # More digits than any number of 64 bits has are not worth the exact way (and Python refuses very many of them).
    if len(text) > 20:
        return _real(text)
    value = int(text)
    return value if _INT64_MIN <= value <= _INT64_MAX else float(value)


def _check_exponent(text: str) -> None:
    exponent = text.lower().partition("e")[2]
    if exponent and abs(int(exponent[:24])) >= _EXPONENT_MAX:
        raise _Bad("exponent outside valid range")


def _real(text: str) -> Any:
    """A number with a fraction or an exponent: an int where it is whole and fits."""
    _check_exponent(text)
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Bad("number outside valid range")
    if abs(value) > 2.0 ** 63 or not value.is_integer():
        return value
    if abs(value) < 2.0 ** 53:
        return int(value)
    # A float is not exact any more: calculate with the digits.
    sign, whole, fraction, exponent = _NUMBER.fullmatch(text).groups()  # type: ignore[union-attr]
    digits = whole + (fraction or "")
    places = int(exponent or 0) - len(fraction or "")
    exact = digits + "0" * places if places >= 0 else digits[:places]
    if places < 0 and digits[places:].strip("0"):
        return value
    number = int(sign + exact) if len(exact) < 4000 else int(value)
    return number if _INT64_MIN <= number <= _INT64_MAX else value


def _number(text: str) -> Any:
    match = _NUMBER.match(text)
    if match is None:
        raise _Bad("'-' must be followed by digit")
    rest = text[match.end():]
    if match.group(2) == "0" and match.group(3) is None and match.group(4) is None and rest[:1].isdigit():
        raise _Bad("leading zeros not allowed")
    if rest.startswith(".") and match.group(3) is None and match.group(4) is None:
        raise _Bad("decimal point must be followed by digit")
    if rest[:1] in ("e", "E") and match.group(4) is None:
        raise _Bad("exponent must contain at least one digit")
    if rest:
        _check_exponent(match.group())
        raise _Bad("syntax error in number")
    return _integer(text) if match.group(3) is None and match.group(4) is None else _real(text)


def _unescape(text: str) -> str:
    """The inside of a quoted string."""
    parts: List[str] = []
    start = 0
    high: Optional[int] = None
    while True:
        at = text.find("\\", start)
        if high is not None and at != start:
            raise _Bad("malformed escaped surrogate pair")
        if at < 0:
            parts.append(text[start:])
            return "".join(parts)
        parts.append(text[start:at])
        match = _ESCAPE.match(text, at)
        assert match is not None
        escape = match.group(1) or ""
        start = match.end()
        if not escape.startswith("u"):
            if high is not None:
                raise _Bad("malformed escaped surrogate pair")
            if escape not in _PLAIN_ESCAPES:
                raise _Bad("bad escape \\%s" % escape)
            parts.append(_PLAIN_ESCAPES[escape])
            continue
        if len(text) - at < 6:
            raise _Bad("quoted string ends within \\u escape")
        if not _HEX4.fullmatch(escape):
            raise _Bad("malformed \\u escape")
        code = int(escape[1:], 16)
        if high is not None:
            if not 0xdc00 <= code <= 0xdfff:
                raise _Bad("second half of escaped surrogate pair is not trailing surrogate")
            parts.append(chr(0x10000 + ((high - 0xd800) << 10) + code - 0xdc00))
            high = None
        elif 0xd800 <= code <= 0xdbff:
            high = code
        elif 0xdc00 <= code <= 0xdfff:
            raise _Bad("malformed escaped surrogate pair")
        elif code == 0:
            raise _Bad("null bytes not supported in quoted strings")
        else:
            parts.append(chr(code))


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _pairs(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    return {sys.intern(name): value for name, value in pairs}


_whole = _std.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_real,
                          parse_constant=_no_constant)

# What may come next. A key or a value that may also be absent is an "or end" state.
(_START, _VALUE, _VALUE_OR_END, _ARRAY_NEXT, _KEY, _KEY_OR_END, _COLON, _OBJECT_NEXT, _END) = range(9)
_EXPECTED = {_START: "syntax error at beginning of input", _VALUE: "syntax error expecting value",
             _VALUE_OR_END: "syntax error expecting value", _ARRAY_NEXT: "syntax error expecting ']' or ','",
             _KEY: "syntax error parsing object expecting string",
             _KEY_OR_END: "syntax error parsing object expecting string",
             _COLON: "syntax error parsing object expecting ':'",
             _OBJECT_NEXT: "syntax error expecting '}' or ','", _END: "trailing garbage at end of input"}
# What a character of punctuation does: (what may have been expected, what is expected then).
_STEPS = {("]", _VALUE_OR_END), ("]", _ARRAY_NEXT), ("}", _KEY_OR_END), ("}", _OBJECT_NEXT)}
_COMMAS = {_ARRAY_NEXT: _VALUE, _OBJECT_NEXT: _KEY}


class PythonParser:
    """One value. With 'check_trailer' nothing but space may follow it; else what follows is not consumed."""

    def __init__(self, check_trailer: bool = False) -> None:
        self._check_trailer = check_trailer
        self._state = _START
        self._stack: List[Any] = []
        self._keys: List[str] = []  # of the objects on the stack
        self._value: Any = None
        self._error: Optional[str] = None
        self._token = ""  # of a string, number or keyword: what has been read of it
        self._line = self._column = self._byte = 0
        self._failed_at = 0

    def feed(self, s: str) -> int:
        """Reads 's' and returns how many of its characters were consumed."""
        if not isinstance(s, str):
            raise TypeError("a string is needed, not %s" % type(s).__name__)
        if self.is_done() or self._error is not None:
            return 0
        try:
            at = self._feed_tokens(s, self._feed_whole(s))
        except _Bad as e:
            self._advance(s, self._failed_at)
            self._fail(str(e))
            return self._failed_at
        self._advance(s, at)
        return at

    def is_done(self) -> bool:
        """True when nothing more is wanted: the value is there, or an error."""
        return self._error is not None or (self._state == _END and not self._check_trailer)

    def finish(self) -> Any:
        """The value; a string, which is never a value at the top, is the error."""
        if self._error is None and self._token:
            if self._token.startswith('"'):
                self._fail("unexpected end of input in quoted string")
            else:
                try:
                    self._finish_run(self._token)
                except _Bad as e:
                    self._fail(str(e))
                self._token = ""
        if self._error is None and self._state != _END:
            self._fail("empty input stream" if self._state == _START else "unexpected end of input")
        return self._error if self._error is not None else self._value

    def _fail(self, message: str) -> None:
        self._error = "line %d, column %d, byte %d: %s" % (self._line, self._column, self._byte, message)
        self._stack = []
        self._value = None

    def _advance(self, s: str, n: int) -> None:
        """Counts the first 'n' characters of 's'."""
        done = s[:n]
        self._byte += len(done.encode("utf-8", "surrogatepass"))
        newlines = done.count("\n")
        if newlines:
            self._line += newlines
            self._column = 0
            done = done[done.rindex("\n") + 1:]
        self._column += len(done.encode("utf-8", "surrogatepass"))

    def _feed_whole(self, s: str) -> int:
        """A value that stands in 's' from its beginning to its end is read by the standard library, if it is beyond
        doubt. Returns what was consumed."""
        if self._state != _START or self._token or s[-1:] not in ("}", "]", "\n"):
            return 0
        start = _SPACE.match(s).end()  # type: ignore[union-attr]
        if s[start:start + 1] not in ("{", "[") or (s.count("[") + s.count("{") > MAX_HEIGHT
                                                    and sys.getrecursionlimit() > MAX_HEIGHT):
            return 0
        try:
            value, end = _whole.raw_decode(s, start)
        except (ValueError, RecursionError, _Bad):
            return 0
        if _ODD_ESCAPE.search(s, start, end):
            return 0
        self._value = value
        self._state = _END
        return end

    def _feed_tokens(self, s: str, at: int) -> int:
        """Reads on from 'at'; returns where it stopped. When it raises, '_failed_at' tells where."""
        n = len(s)
        if self._token:
            at = self._go_on(s)
        while at < n and not (self._state == _END and not self._check_trailer):
            c = s[at]
            self._failed_at = at
            if c in " \t\r\n":
                at = _SPACE.match(s, at).end()  # type: ignore[union-attr]
            elif c == '"' or c in _RUNS:
                self._token = c
                at = self._go_on(s, at + 1)
            elif c in "[]{}:,":
                self._punctuation(c)
                at += 1
            elif " " < c < "\x7f":
                raise _Bad("invalid character '%s'" % c)
            else:
                raise _Bad("invalid character U+%04x" % ord(c))
        return at

    def _go_on(self, s: str, at: int = 0) -> int:
        """Reads on from 'at' in the token that has begun."""
        if self._token[0] != '"':
            end = _RUNS[self._token[0]].match(s, at).end()  # type: ignore[union-attr]
            token = self._token + s[at:end]
            if end == len(s):
                self._token = token
                return end
            self._token = ""
            self._failed_at = end
            self._finish_run(token)
            return end
        # A backslash at the end of the last piece takes the first character of this one with it.
        if self._open_escape():
            if at == len(s):
                return at
            self._token += s[at]
            at += 1
        end = _IN_STRING.match(s, at).end()  # type: ignore[union-attr]
        self._token += s[at:end]
        if end < len(s) and s[end] == "\\" and end + 1 == len(s):
            self._token += "\\"
            return end + 1
        if end == len(s):
            return end
        self._failed_at = end
        if s[end] != '"':
            raise _Bad("U+%04X must be escaped in quoted string" % ord(s[end]))
        token, self._token = self._token, ""
        self._string(_unescape(token[1:]))
        return end + 1

    def _open_escape(self) -> bool:
        inside = self._token[1:]
        return bool((len(inside) - len(inside.rstrip("\\"))) % 2)

    def _finish_run(self, token: str) -> None:
        if token[0] in "-0123456789":
            self._put(_number(token))
        elif token in _KEYWORDS:
            self._put(_KEYWORDS[token])
        else:
            raise _Bad("invalid keyword '%s'" % token)

    def _string(self, value: str) -> None:
        if self._state in (_KEY, _KEY_OR_END):
            self._keys.append(value)
            self._state = _COLON
        else:
            self._put(value)

    def _put(self, value: Any) -> None:
        """A value that is complete, or an array or object that begins."""
        if self._state not in (_VALUE, _VALUE_OR_END):
            raise _Bad(_EXPECTED[self._state])
        top = self._stack[-1]
        if isinstance(top, list):
            top.append(value)
            self._state = _ARRAY_NEXT
        else:
            top[self._keys.pop()] = value
            self._state = _OBJECT_NEXT

    def _punctuation(self, c: str) -> None:
        if c in "[{":
            new: Any = [] if c == "[" else {}
            if self._state == _START:
                self._value = new
            else:
                self._put(new)
            if len(self._stack) == MAX_HEIGHT:
                raise _Bad("input exceeds maximum nesting depth %d" % MAX_HEIGHT)
            self._stack.append(new)
            self._state = _VALUE_OR_END if c == "[" else _KEY_OR_END
        elif (c, self._state) in _STEPS:
            self._stack.pop()
            self._state = _END
            if self._stack:
                self._state = _ARRAY_NEXT if isinstance(self._stack[-1], list) else _OBJECT_NEXT
        elif c == "," and self._state in _COMMAS:
            self._state = _COMMAS[self._state]
        elif c == ":" and self._state == _COLON:
            self._state = _VALUE
        else:
            raise _Bad(_EXPECTED[self._state])


if _c is not None:
    PARSER = PARSER_C
    Parser: Any = _c.Parser
else:
    PARSER = PARSER_PY
    Parser = PythonParser


def to_string(obj: Any, pretty: bool = False, sort_keys: bool = True) -> str:
    return _std.dumps(obj, indent=SPACES_PER_LEVEL if pretty else None, separators=(",", ":"), sort_keys=sort_keys,
                      allow_nan=False)


def to_stream(obj: Any, stream: TextIO, pretty: bool = False, sort_keys: bool = True) -> None:
    stream.write(to_string(obj, pretty, sort_keys))


def to_file(obj: Any, name: str, pretty: bool = False, sort_keys: bool = True) -> None:
    with open(name, "w", encoding="utf-8") as stream:
        to_stream(obj, stream, pretty, sort_keys)


def from_stream(stream: TextIO) -> Any:
    """The value of all of the stream, or the error as a string."""
    parser = Parser(check_trailer=True)
    while True:
        text = stream.read(65536)
        if not text or parser.feed(text) != len(text):
            return parser.finish()


def from_file(name: str) -> Any:
    with open(name, "r", encoding="utf-8") as stream:
        return from_stream(stream)


def from_string(s: Any) -> Any:
    """The value of 's', a str or UTF-8, or the error as a string."""
    if isinstance(s, (bytes, bytearray)):
        try:
            s = s.decode("utf-8")
        except UnicodeDecodeError as e:
            return "byte %d: not UTF-8" % e.start
    parser = Parser(check_trailer=True)
    parser.feed(s)
    return parser.finish()
