"""All of DVC's words: its Python API, its commands and what they print, its status and its lock file.

No other package imports DVC or knows how it puts things; what leaves this one is in slimline's words.
"""

from tasks.versioning.dvc.lock import content_digest, locked_outputs
from tasks.versioning.dvc.mending import mend
from tasks.versioning.dvc.remotes import Gone, pull, pull_file, push, remote_urls, share_remotes
from tasks.versioning.dvc.repro import ERROR, Progress, exit_code, is_chatter, progress_of, repro_command
from tasks.versioning.dvc.states import Change, File, StageState, needed_stages, read_states

__all__ = [
    "ERROR",
    "Change",
    "File",
    "Gone",
    "Progress",
    "StageState",
    "content_digest",
    "exit_code",
    "is_chatter",
    "locked_outputs",
    "mend",
    "needed_stages",
    "progress_of",
    "pull",
    "pull_file",
    "push",
    "read_states",
    "remote_urls",
    "repro_command",
    "share_remotes",
]
