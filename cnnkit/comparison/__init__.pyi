from .comparison import Comparison as Comparison, Line as Line, compare_rows as compare_rows
from .frame import compare as compare, comparison_of as comparison_of
from .groups import Group as Group
from .page import comparison_page as comparison_page, histories_of as histories_of
from .pictures import pictures_of as pictures_of
from .selection import select as select
