"""Random conf files of nginx's directives, given to nginx and to Waybill: a few fixed seeds.

`Tests/NginxComparison/run` does the same with as many as you like, and shows each difference.
"""

from __future__ import annotations

import os
import sys

import pytest

from harness.proxy import REPOSITORY, binary

sys.path.append(str(REPOSITORY / "Tests/NginxComparison"))

from comparison.command import Campaign  # noqa: E402
from comparison.twins import Twins  # noqa: E402

FIRST, END = (int(n) for n in os.environ.get("WAYBILL_CONF_SEEDS", "1:41").split(":"))


@pytest.mark.timeout(300)
def test_random_conf_files_mean_what_they_mean_in_nginx(capsys) -> None:
    twins = Twins(binary())
    try:
        campaign = Campaign(twins, each=1)
        campaign.run(range(FIRST, END), batch=20)
        assert campaign.report() == 0, capsys.readouterr().out
    finally:
        twins.close()
    assert campaign.confs > (END - FIRST) * 0.8
