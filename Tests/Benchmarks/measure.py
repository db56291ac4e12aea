"""What a process costs, by what the kernel says of it."""

import os
import re
from pathlib import Path


def process_cpu(pid):
    """Microseconds on a CPU so far, of all threads of a process."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    return total / 1000


def process_memory(pid, field="Rss"):
    """Bytes of resident (`Rss`) or written (`Anonymous`) memory of a process."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", rollup, re.M).group(1)) * 1024
