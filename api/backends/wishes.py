"""What an order wants, checked as the HTTP service checks it."""

from pydantic import ValidationError

from api.backends.backend import Order
from api.service.models.wishes import Wishes
from nc_core.errors import OptionRefused
from nc_tasks.request.options import scan_options
from nc_tasks.settings import Settings
from nc_tasks.webhooks import check_url


def wishes_of(order: Order, settings: Settings) -> Wishes:
    """The order's wishes; raises OptionRefused with one line per wrong value."""
    options = scan_options(**order.options)
    names = ("priority", "tags", "callback_url", "force")
    try:
        wishes = Wishes(options=options, **{name: getattr(order, name) for name in names})
    except ValidationError as error:
        from api.service.problems import line_of

        raise OptionRefused("; ".join(line_of(entry) for entry in error.errors())) from None
    if wishes.callback_url is not None:
        check_url(wishes.callback_url, allow_private=settings.callback_private)
    return wishes
