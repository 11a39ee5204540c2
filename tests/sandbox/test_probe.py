# SPDX-License-Identifier: ISC
"""What a hostile plugin tries, and what must still work beside it.

One process for each attempt, because the right answer is often death. Every
row says what happens without a sandbox, with Landlock alone, with seccomp
alone and with both: a layer that is silently inactive fails its column, a
sandbox that forbids everything fails the twins.
"""
import pytest

MODES = ("off", "landlock", "seccomp", "both")

# act, then the outcome in each of MODES; "|" separates what kernels differ
# in (a feature may be compiled out or need more than an ordinary user).
FORBIDDEN = """
exec /bin/true      | exit 0       | EACCES       | SIGSYS | SIGSYS
memfd_exec x        | exit 0       | EACCES       | SIGSYS | SIGSYS
fork                | ok           | ok           | SIGSYS | SIGSYS
open /etc/passwd    | ok           | EACCES       | EACCES | EACCES
open /etc/shadow    | EACCES       | EACCES       | EACCES | EACCES
stat /etc/passwd    | ok           | ok           | ENOENT | ENOENT
create @dir         | ok           | EACCES       | EACCES | EACCES
mkdir @dir          | ok           | EACCES       | SIGSYS | SIGSYS
unlink /nonexistent | ENOENT       | ENOENT       | SIGSYS | SIGSYS
ptrace @parent      | ok           | EPERM        | SIGSYS | SIGSYS
ptrace @sibling     | ok           | EPERM        | SIGSYS | SIGSYS
kill @parent        | ok           | EPERM        | SIGSYS | SIGSYS
kill @sibling       | ok           | EPERM        | SIGSYS | SIGSYS
tgkill @parent      | ok           | EPERM        | SIGSYS | SIGSYS
vm_read @parent     | ok           | EPERM        | SIGSYS | SIGSYS
pidfd @parent       | ok           | ok           | SIGSYS | SIGSYS
setown @parent      | ok           | ok           | SIGSYS | SIGSYS
tcp @other          | ok           | EACCES       | ok     | EACCES
tcp6 @other         | ok           | EACCES       | ok     | EACCES
tfo @other          | ok           | ok EACCES    | SIGSYS | SIGSYS
tfo_msg @other      | ok           | ok EACCES    | SIGSYS | SIGSYS
mptcp @other        | ok NOPROTO   | ok NOPROTO EACCES | SIGSYS | SIGSYS
udp @udp            | ok           | ok           | SIGSYS | SIGSYS
unix @unix          | ok           | ok           | EACCES | EACCES
abstract @abstract  | ok           | EPERM        | EACCES | EACCES
netlink             | ok           | ok           | EACCES | EACCES
bind                | ok           | EACCES       | SIGSYS | SIGSYS
map_rwx             | ok           | ok           | SIGSYS | SIGSYS
map_w_then_x        | ok           | ok           | SIGSYS | SIGSYS
memfd               | ok           | ok           | SIGSYS | SIGSYS
io_uring            | ok ENOSYS EPERM | ok ENOSYS EPERM | SIGSYS | SIGSYS
setuid              | ok           | ok           | SIGSYS | SIGSYS
keyctl              | ok ENOSYS    | ok ENOSYS    | SIGSYS | SIGSYS
mount               | EPERM        | EPERM        | SIGSYS | SIGSYS
bpf | EINVAL EPERM ENOSYS | EINVAL EPERM ENOSYS | SIGSYS | SIGSYS
userfaultfd         | ok EPERM ENOSYS | ok EPERM ENOSYS | SIGSYS | SIGSYS
perf | EFAULT EACCES ENOSYS | EFAULT EACCES ENOSYS | SIGSYS | SIGSYS
dumpable            | ok           | ok           | SIGSYS | SIGSYS
landlock            | ok           | ok           | SIGSYS | SIGSYS
"""

ALLOWED = """
thread tgkill_self socketpair map_rw epoll getuid getrandom set_name
tcp@listed tcp6@listed write_fd@1
"""


def forbidden():
    for row in FORBIDDEN.strip().splitlines():
        act, *outcomes = [cell.strip() for cell in row.split("|")]
        for mode, outcome in zip(MODES, outcomes):
            yield act, mode, outcome


def allowed():
    for word in ALLOWED.split():
        name, _, arg = word.partition("@")
        yield name + (" " + arg.replace("listed", "@listed") if arg else "")


def matches(outcome, expected):
    """expected is one outcome of two words, or several of one word."""
    return outcome == expected or outcome in expected.split()


@pytest.mark.parametrize("act,mode,expected", list(forbidden()))
def test_forbidden(probe, act, mode, expected):
    outcome, log = probe.run("deliver", act, mode)
    assert matches(outcome, expected.replace("NOPROTO", "EPROTONOSUPPORT")), \
        log


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("act", list(allowed()))
def test_allowed_twin(probe, act, mode):
    outcome, log = probe.run("deliver", act, mode)
    assert outcome == "ok", log


# A user namespace wants a single thread: tried before the first is made.
@pytest.mark.parametrize("mode,expected", [
    ("off", "ok EPERM ENOSPC"), ("landlock", "ok EPERM ENOSPC"),
    ("seccomp", "SIGSYS"), ("both", "SIGSYS")])
def test_unshare(probe, mode, expected):
    outcome, log = probe.run("open", "unshare", mode)
    assert matches(outcome, expected), log


# The moments of a plugin's life before the last stage: what only stages 2
# and 3 forbid is still allowed there, and nothing else.
EARLY = """
exec /bin/true | SIGSYS
fork           | SIGSYS
open /etc/passwd | EACCES
create @dir    | EACCES
ptrace @parent | SIGSYS
kill @sibling  | SIGSYS
udp @udp       | SIGSYS
mptcp @other   | SIGSYS
unix @unix     | EACCES
bind           | SIGSYS
map_rwx        | SIGSYS
map_w_then_x   | EACCES
io_uring       | SIGSYS
setuid         | SIGSYS
keyctl         | SIGSYS
unshare        | SIGSYS
dumpable       | SIGSYS
open @unix     | ENXIO
thread         | ok
epoll          | ok
"""


@pytest.mark.parametrize("moment", ["constructor", "prepare"])
@pytest.mark.parametrize("row", EARLY.strip().splitlines())
def test_before_stage_2(probe, moment, row):
    act, expected = [cell.strip() for cell in row.split("|")]
    outcome, log = probe.run(moment, act)
    assert outcome == expected, log


LATE = """
exec /bin/true | SIGSYS
fork           | SIGSYS
open /etc/passwd | EACCES
ptrace @parent | SIGSYS
tcp @other     | EACCES
tcp @listed    | ok
tfo @other     | SIGSYS
udp @udp       | SIGSYS
unix @unix     | EACCES
map_rwx        | SIGSYS
landlock       | SIGSYS
epoll          | ok
"""


@pytest.mark.parametrize("moment", ["open", "thread", "closed"])
@pytest.mark.parametrize("row", LATE.strip().splitlines())
def test_after_stage_3(probe, moment, row):
    act, expected = [cell.strip() for cell in row.split("|")]
    outcome, log = probe.run(moment, act)
    assert outcome == expected, log


def test_thread_that_outlives_prepare_is_refused(probe):
    outcome, _ = probe.run("linger", "epoll")
    assert outcome.startswith("refused: stage 2: 2 threads")


def test_trap_names_the_call(probe):
    outcome, log = probe.run("deliver", "udp @udp", action="trap")
    assert outcome == "exit 77"
    assert "sandbox: system call socket number 41 " in log or \
        "sandbox: system call socket number 198 " in log


def test_trap_in_a_thread(probe):
    outcome, log = probe.run("thread", "fork", action="trap")
    assert outcome == "exit 77"
    assert "refused" in log


def test_log_lets_pass(probe):
    """For finding out: the kernel writes it down and goes on."""
    assert probe.run("deliver", "udp @udp", action="log")[0] == "ok"


def test_log_leaves_landlock(probe):
    assert probe.run("deliver", "open /etc/passwd", action="log")[0] == \
        "EACCES"
