"""What the rows of the store say: plan, verdict, result, comparison, estimate. Reads alone, nothing is written."""
