"""`python -m documentation` writes every generated page and figure into `docs/`."""

from __future__ import annotations

from pathlib import Path

from documentation.figures import figures
from documentation.reference import pages

DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    """Write what differs, and say what."""
    for name, text in {**pages(), **figures()}.items():
        path = DOCS / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
