"""Packages from npm, in the versions of a lock file and without install scripts, with a Node.js that is new enough.

What is fetched stays in the folder CACHE. It needs npm; a Node.js that is too old is replaced by one from npm.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

NODE = "22.23.3"
OLDEST_NODE = (22, 15)
PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
NPM = ("npm", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline", "--ignore-scripts")


class Refused(Exception):
    """Why a step cannot go on, in one sentence."""


def run(command, otherwise, environment=None):
    """Runs a command to its end; says `otherwise` where it fails."""
    try:
        code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        raise Refused(f"{otherwise} ({error.strerror}: {command[0]})") from None
    if code != 0:
        raise Refused(otherwise)


def node_version(node):
    """The version of a Node.js as numbers; nothing where there is none."""
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        return tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return ()


def environment_with_node(cache):
    """The environment whose `node` is new enough, with one from npm where the machine's is not."""
    if shutil.which("npm") is None:
        raise Refused("npm is not installed: install Debian's package npm, or Node.js, which has it")
    environment = {**os.environ, "npm_config_cache": str(cache / "npm")}
    if node_version("node") >= OLDEST_NODE:
        return environment
    processor = PROCESSORS.get(platform.machine().lower())
    if sys.platform != "linux" or processor is None:
        raise Refused(f"Node.js {OLDEST_NODE[0]}.{OLDEST_NODE[1]} or newer is not installed")
    package = f"node-linux-{processor}"
    folder = cache / "tools" / f"node-{NODE}"
    binaries = folder / "node_modules" / package / "bin"
    if not node_version(binaries / "node"):
        command = [*NPM, "install", "--prefix", str(folder), "--no-save", f"{package}@{NODE}"]
        run(command, f"Node.js {NODE} could not be fetched with npm, and the machine's is too old", environment)
    if node_version(binaries / "node") < OLDEST_NODE:
        raise Refused(f"the Node.js {NODE} from npm does not run on this machine")
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"
    return environment


def install(folder, environment):
    """Installs what a lock file names, unless exactly that is there."""
    lock = Path(folder, "package-lock.json").read_bytes()
    stamp = Path(folder, "node_modules", ".installed")
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    run([*NPM, "ci", "--prefix", folder], f"the packages of {folder} could not be fetched with npm", environment)
    stamp.write_bytes(lock)
