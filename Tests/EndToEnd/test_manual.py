"""The manual page and the shell completions: both come from the definitions of the commands."""

import shutil
import subprocess

import pytest

from harness.proxy import REPOSITORY, binary, command, environment

MANUAL = REPOSITORY / "Sources/waybill/Manual"
COMMANDS = ["run", "logs", "trace", "requests", "errors", "upstreams", "status", "explain", "why"]


def test_the_page_is_up_to_date():
    result = subprocess.run(
        [MANUAL / "generate", binary(), "--check"], capture_output=True, text=True,
        env=environment(),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not there")
def test_the_page_is_well_formed():
    result = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-ww", MANUAL / "waybill.8"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0 and result.stderr == "", result.stderr
    for name in COMMANDS:
        assert f"waybill {name}" in result.stdout
    assert "--abort" in result.stdout and "--generate-completion-script" in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_command(shell):
    result = command("--generate-completion-script", shell)
    assert result.returncode == 0, result.stderr
    assert all(name in result.stdout for name in [*COMMANDS, "abort", "min-duration"])
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=result.stdout, capture_output=True, text=True)
        assert checked.returncode == 0 and checked.stderr == "", checked.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("waybill re", "requests"), ("waybill requests --ab", "--abort"),
     ("waybill expl", "explain"), ("waybill logs --min", "--min-duration")],
)  # fmt: skip
def test_bash_completes(tmp_path, typed, offered):
    script = tmp_path / "completion"
    script.write_text(command("--generate-completion-script", "bash").stdout)
    words = typed.split()
    commands = f"""
source {script}
COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
COMP_LINE='{typed}'; COMP_POINT={len(typed)}
_waybill waybill '{words[-1]}' '{words[-2]}'
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    result = subprocess.run(["bash", "-c", commands], capture_output=True, text=True)
    assert offered in [word.strip() for word in result.stdout.split("\n")], result
