"""A result in the forms that other tools read: SARIF for code scanning, a signed in-toto attestation."""
