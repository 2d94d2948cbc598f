"""Prints how readable README and the how-to pages are; fails where sentences are too long.

Flesch's score: 60 to 70 is plain English, and less is harder. Only sentences count: code, tables and
headings are left out.
"""

import re
import sys
from pathlib import Path

import textstat

ROOT = Path(__file__).parents[1]
LONGEST = 18  # words of a sentence, on average over a page


def prose(markdown: str) -> str:
    """Return the sentences of a page of Markdown."""
    text = re.sub(r"^(```|~~~).*?^\1$", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"!\[.*?\]\(.*?\)", "", text)
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", "code", text)  # a command is one word to the reader
    lines = [re.sub(r"^\s*([-*]|\d+\.) ", "", line).strip("* ") for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("#", "|", ">"))]
    return "\n".join(line if line[-1] in ".?!" else f"{line.rstrip(':')}." for line in lines)


def main() -> None:
    """Print a row for each page."""
    index = (ROOT / "docs/index.md").read_text()
    how_to = re.search(r":caption: How-to\n.*?\n\n(.*?)```", index, re.DOTALL)[1].split()
    pages = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in how_to)]
    print("words a sentence  Flesch  page")
    too_long = []
    for page in pages:
        text = prose(page.read_text())
        words, flesch = textstat.words_per_sentence(text), textstat.flesch_reading_ease(text)
        print(f"{words:16.1f}  {flesch:6.0f}  {page.relative_to(ROOT)}")
        if words > LONGEST:
            too_long.append(str(page.relative_to(ROOT)))
    if too_long:
        sys.exit(f"Sentences of more than {LONGEST} words on average: {', '.join(too_long)}")


if __name__ == "__main__":
    main()
