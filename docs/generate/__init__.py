"""Makes the pages of the site: those written by hand, and the reference from code and stored figures."""
