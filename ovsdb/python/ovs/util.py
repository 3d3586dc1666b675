# SPDX-License-Identifier: Apache-2.0
"""What programs say of errors, and names of files."""
import os
import sys
from typing import Any, Optional

PROGRAM_NAME = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""
EOF = -1


def abs_file_name(dir_: Optional[str], file_name: str) -> str:
    """'file_name' as it stands in 'dir_', or in the current directory if there is none."""
    if file_name.startswith("/"):
        return file_name
    return os.path.join(dir_ or os.getcwd(), file_name)


def ovs_retval_to_string(retval: int) -> str:
    """Of 0, an errno or EOF."""
    if not retval:
        return ""
    if retval > 0:
        return os.strerror(retval)
    return "End of file" if retval == EOF else "***unknown return value: %s***" % retval


def ovs_error(err_no: int, message: str, vlog: Any = None) -> None:
    """Prints 'message' on standard error, with the text of 'err_no' unless that is 0, and logs it with 'vlog'."""
    text = "%s: %s" % (PROGRAM_NAME, message)
    if err_no:
        text += " (%s)" % ovs_retval_to_string(err_no)
    sys.stderr.write(text + "\n")
    if vlog is not None:
        vlog.err(text)


def ovs_fatal(err_no: int, message: str, vlog: Any = None) -> None:
    ovs_error(err_no, message, vlog)
    sys.exit(1)
