# SPDX-License-Identifier: Apache-2.0
"""How processes end."""
import os
import signal


def _signal_text(what: str, number: int) -> str:
    text = "%s by signal %d" % (what, number)
    try:
        return "%s (%s)" % (text, signal.Signals(number).name)
    except ValueError:
        return text


def status_msg(status: int) -> str:
    """A status of os.waitpid() in words."""
    if os.WIFEXITED(status):
        text = "exit status %d" % os.WEXITSTATUS(status)
    elif os.WIFSIGNALED(status):
        text = _signal_text("killed", os.WTERMSIG(status))
    elif os.WIFSTOPPED(status):
        text = _signal_text("stopped", os.WSTOPSIG(status))
    else:
        text = "terminated abnormally (%x)" % status
    if os.WCOREDUMP(status) and not os.WIFSTOPPED(status):
        text += ", core dumped"
    return text
