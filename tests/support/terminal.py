#!/usr/bin/env python3
"""Runs a program in a terminal of its own and plays the person there.

usage: terminal.py PROMPT ANSWER PROGRAM [ARGUMENT...]

Types ANSWER ("\\x03" is Ctrl-C) once PROMPT has been shown, $TERMINAL_PAUSE seconds later. Prints a line "EXIT CODE, echo on|off,
SECONDS after the answer" (a signal's code is negative) and then what the terminal showed. Gives up
after 20 seconds.
"""
import os
import pty
import select
import signal
import sys
import termios
import time

prompt = sys.argv[1].encode()
answer = sys.argv[2].encode().decode("unicode_escape").encode()
pause = float(os.environ.get("TERMINAL_PAUSE", "0"))
deadline = time.monotonic() + 20
master, inside = pty.openpty()
pid = os.fork()
if pid == 0:
    os.close(master)
    os.login_tty(inside)
    os.execvp(sys.argv[3], sys.argv[3:])
shown, asked, answered, status = b"", None, None, None
while time.monotonic() < deadline:
    if select.select([master], [], [], 0.02)[0]:
        shown += os.read(master, 65536)
        continue
    if asked is None and prompt in shown:
        asked = time.monotonic()
    if answered is None and asked is not None and time.monotonic() - asked >= pause:
        os.write(master, answer)
        answered = time.monotonic()
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        break
else:
    os.kill(pid, signal.SIGKILL)
    sys.exit("it did not end; it showed: %r" % shown)
while select.select([master], [], [], 0)[0]:
    shown += os.read(master, 65536)
echo = termios.tcgetattr(inside)[3] & termios.ECHO
print("%d, echo %s, %.1f" % (os.waitstatus_to_exitcode(status), "on" if echo else "off",
                             time.monotonic() - (answered or deadline)))
print(shown.decode())
