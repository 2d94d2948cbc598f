from .comparison import Comparison as Comparison, Line as Line, compare_rows as compare_rows
from .frame import compare as compare, comparison_of as comparison_of
from .groups import Group as Group
from .selection import select as select
