"""The code on the guide's pages is the code that the tests run."""

import re

from harness.applications import GUIDE
from harness.proxy import REPOSITORY

PAGES = sorted((REPOSITORY / "Sources" / "waybill" / "Waybill.docc").glob("BackendLogs*.md"))
BLOCK = re.compile(r"`(?P<name>\w+\.(?:py|mjs))`:?\n\n```\w+\n(?P<code>.*?)```\n", re.DOTALL)


def blocks():
    return [match.group("name", "code") for page in PAGES for match in
            BLOCK.finditer(page.read_text())]  # fmt: skip


def test_each_file_is_on_a_page_once_and_whole():
    files = {path.name: path.read_text() for path in GUIDE.iterdir() if path.is_file()}
    shown = blocks()
    assert sorted(name for name, _ in shown) == sorted(files)
    for name, code in shown:
        assert code == files[name], f"{name} is another one on its page"


def test_no_other_code_looks_as_if_it_were_tested():
    """A Python or JavaScript block without a file is introduced as not run by the tests."""
    for page in PAGES:
        for match in re.finditer(r"(?P<before>[^\n]*)\n\n```(?:python|javascript)\n",
                                 page.read_text()):  # fmt: skip
            before = match["before"]
            assert re.search(r"`\w+\.(py|mjs)`:?$", before) or "not tested" in before, before
