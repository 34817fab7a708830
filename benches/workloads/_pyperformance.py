"""pyperformance's own benchmark files, by their path in the installed package."""

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType


@functools.cache
def load(name: str) -> ModuleType:
    """The module of the benchmark `name`, without running it."""
    package = importlib.util.find_spec("pyperformance")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("pyperformance is not installed here: pip install -r benches/requirements.txt")
    path = Path(package.origin).parent / "data-files" / "benchmarks" / f"bm_{name}" / "run_benchmark.py"
    spec = importlib.util.spec_from_file_location(f"bm_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
