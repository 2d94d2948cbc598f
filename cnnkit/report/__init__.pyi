from .page import write as write
from .views import Views as Views, look as look
