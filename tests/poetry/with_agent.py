#!/usr/bin/env python3
"""Runs a command beside an agent of its own, on a private bus with a real keyring.

The command finds the agent's socket in CREDENTIAL_HELPER_TEST_SOCKET, and the program in
CREDENTIAL_HELPER_TEST_HELPER.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from pathlib import Path

from agent_side import Agent
from agent_side import Places
from service import Bus


def main() -> int:
    helper, command = Path(sys.argv[1]).resolve(), sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="agent-") as name:
        folder = Path(name).resolve()
        Places(folder)
        with Bus(folder / "bus") as bus:
            with Agent(helper.with_name("helperd"), folder, bus.environment()) as agent:
                environment = {
                    **agent.environment,
                    "CREDENTIAL_HELPER_TEST_SOCKET": str(agent.path),
                    "CREDENTIAL_HELPER_TEST_HELPER": str(helper),
                }
                return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
