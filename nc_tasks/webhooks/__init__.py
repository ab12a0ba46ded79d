"""Tells callback addresses that a submission has ended: signed, and to no address inside the network.

The body is JSON, the headers are those of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`,
an HMAC-SHA256 under the owner's secret. A receiver that checks them knows who sent it, that it is no old message, and
whether it has seen it before. A name is resolved here,
once, and the connection goes to the address that was looked at: a name that changes its mind meanwhile leads nowhere
else. Redirects are not followed.
"""

from nc_tasks.webhooks.addresses import check_url
from nc_tasks.webhooks.delivering import Callbacks

__all__ = ["Callbacks", "check_url"]
