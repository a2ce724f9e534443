"""The line of a series: the run that serves, the champions before it, and what must not take over by itself.

::

    champion        one line: the serving run, the champions before it, newest first, and with a minus those declined
    champion.copy   the same line, read where the other is lost, says nothing, or names a run that is not there
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forecast import names
from forecast.files import no_pipe, write_atomically

LINE, COPY = "champion", "champion.copy"
_DECLINED = "-"  # before the name of a run that must not take over by itself; no name begins with it


@dataclass(frozen=True)
class ChampionLine:
    """Runs by id: ``champions``, the serving one first; ``declined``, the latest last.

    ``fault``: why the file cannot be relied on, else empty; ``copied``: these are the words of the copy.
    """

    champions: tuple[str, ...] = ()
    declined: tuple[str, ...] = ()
    fault: str = ""
    copied: bool = False

    @classmethod
    def read(cls, folder: Path) -> ChampionLine:
        """The line in the folder of a series; one that names nothing where there is none."""
        words, fault = _words(folder / LINE)
        if _names_a_run(words, folder):
            return cls._of(words)
        copy, _ = _words(folder / COPY)
        if words and not _names_a_run(copy, folder):
            return cls._of(words)
        if copy:
            why = "it names a run that is not there" if words else "the file is missing"
            return cls._of(copy, fault or why, copied=True)
        return cls(fault=fault)

    @classmethod
    def _of(cls, words: list[str], fault: str = "", *, copied: bool = False) -> ChampionLine:
        return cls(
            tuple(word for word in words if names.is_run_id(word)),
            tuple(word[1:] for word in words if word.startswith(_DECLINED)),
            fault,
            copied,
        )

    def write(self, folder: Path) -> None:
        """Put the line in its place, then its copy."""
        text = " ".join([*self.champions, *(_DECLINED + name for name in self.declined)]) + "\n"
        for file in (LINE, COPY):
            write_atomically(folder / file, text.encode())


def lost(folder: Path) -> bool:
    """Whether neither of the two files is there."""
    return not ((folder / LINE).exists() or (folder / COPY).exists())


def incomplete(folder: Path) -> bool:
    """Whether one of the two files is missing where the other is there."""
    return (folder / LINE).exists() != (folder / COPY).exists()


def _names_a_run(words: list[str], folder: Path) -> bool:
    """Whether the first of these, the one that serves, is there."""
    return bool(words) and (folder / words[0]).is_dir()


def _words(path: Path) -> tuple[list[str], str]:
    """The names in a file, and what is wrong with it; neither where there is none."""
    try:
        text = no_pipe(path).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return [], ""
    except IsADirectoryError:
        return [], "it is a folder where a file belongs"
    except OSError as error:
        return [], f"it cannot be read ({error.strerror})"
    words = [word for word in text.split() if names.is_run_id(word.removeprefix(_DECLINED))]
    return words, "" if words else "no run is named in it"
