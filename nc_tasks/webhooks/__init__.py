"""Tells callback addresses that a submission has ended: signed, and to no address inside the network.

The body is JSON. `Cleanse-Signature: t=SECONDS,v1=HEX` holds the time and the HMAC-SHA256 of "SECONDS.BODY" under the
owner's secret: a receiver that compares both knows who sent it and that it is no old message. A name is resolved here,
once, and the connection goes to the address that was looked at: a name that changes its mind meanwhile leads nowhere
else. Redirects are not followed.
"""

from nc_tasks.webhooks.addresses import check_url
from nc_tasks.webhooks.delivering import Callbacks

__all__ = ["Callbacks", "check_url"]
