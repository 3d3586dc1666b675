# SPDX-License-Identifier: Apache-2.0
"""The error of everything under ovs.db: what is wrong, and the JSON where it stands."""
from typing import Any, Optional

import ovs.json


class Error(Exception):
    """'json' is the offending value or None; 'tag' names the kind of error as RFC 7047 does."""

    def __init__(self, msg: str, json: Any = None, tag: Optional[str] = None) -> None:
        self.msg = msg
        self.json = json
        self.tag = tag or ("ovsdb error" if json is None else "syntax error")
        text = "%s: %s" % (self.tag, msg)
        if json is not None:
            text = 'syntax "%s": %s' % (ovs.json.to_string(json), text)
        super().__init__(text)
