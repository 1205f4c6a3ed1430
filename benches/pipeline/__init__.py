"""What the pipeline's benchmarks share: writing load, watching it arrive, auditing it, reporting it.

Python's standard library and the clients of tests/end-to-end, so that a measurement never runs the code it measures.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "end-to-end"))
