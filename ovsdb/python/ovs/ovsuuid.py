# SPDX-License-Identifier: Apache-2.0
"""UUIDs as OVSDB writes them: ["uuid", "..."], or ["named-uuid", name] for a row of the same transaction."""
import re
import uuid
from typing import Any, Dict, Optional

from ovs.db import error
import ovs.db.parser

uuidRE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


def zero() -> uuid.UUID:
    return uuid.UUID(int=0)


def is_valid_string(s: str) -> bool:
    return uuidRE.match(s) is not None


def from_string(s: str) -> uuid.UUID:
    if not is_valid_string(s):
        raise error.Error("%s is not a valid UUID" % s)
    return uuid.UUID(s)


def from_json(json: Any, symtab: Optional[Dict[str, uuid.UUID]] = None) -> uuid.UUID:
    """'symtab' maps the names of rows of this transaction to UUIDs; a name that is not there yet gets one."""
    if symtab is not None and isinstance(json, (list, tuple)) and len(json) == 2 and json[0] == "named-uuid" \
            and isinstance(json[1], str):
        return symtab.setdefault(json[1], uuid.uuid4())
    text = ovs.db.parser.unwrap_json(json, "uuid", [str], "string")
    if not is_valid_string(text):
        raise error.Error('"%s" is not a valid UUID' % text, json)
    return uuid.UUID(text)


def to_json(uuid_: uuid.UUID) -> Any:
    return ["uuid", str(uuid_)]
