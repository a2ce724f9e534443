"""Files of rows: separated text and workbooks, told by their content, each read as lines of cells of text.

What the cells mean is no matter here, but ``numbers`` reads those that are numbers. A file that cannot be read, or that
would cost more than it may, raises ``InvalidInput`` with its place; a file is opened for each pass, and a pass holds
one chunk in memory.
"""

from forecast.formats.limits import Limits
from forecast.formats.opening import open_file
from forecast.formats.rows import Rows, RowsFile

__all__ = ["Limits", "Rows", "RowsFile", "open_file"]
