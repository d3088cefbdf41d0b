"""HTTP/JSON calls of an RPC: the body read strictly, the answer written exactly.

Envoy's transcoder finds the RPC, binds path and query, and hands the body on as it came (gateway/transcoding.py). What
it would drop, round or repair is seen here, where the fields are known; docs/decisions says why and what it costs.
"""
