"""How a call travels, whatever service it is for: its path by the contract, retries, deadlines, streams, values."""
