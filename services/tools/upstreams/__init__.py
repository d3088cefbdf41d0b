"""How the servers behind tools are reached: authorities, certificates and proxies by name, and connections by these."""
