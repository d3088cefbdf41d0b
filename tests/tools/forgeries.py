"""A change of each column that receipts and checkpoints cover, as SQL expressions over the value before."""

INVOCATIONS = {
    "tool_name": "'other'",
    "tool_etag": "'0000000000000000'",
    "input_params": """'{"message":"forged"}'""",
    "input_salt": "set_byte(input_salt, 0, get_byte(input_salt, 0) # 1)",
    "input_digest": "set_byte(input_digest, 31, get_byte(input_digest, 31) # 128)",
    "principal": "'somebody'",
    "correlation_id": "correlation_id || ' '",
    "idempotency_key": "'forged'",
    "begun_as": "'pending'",
    "refused": "NOT refused",
    "replica": "gen_random_uuid()",
    "created_at": "created_at + interval '1 microsecond'",
    "task_id": "'0199a0f2-0000-7000-8000-000000000000'",
    "fencing_token": "fencing_token + 1",
    "grant_id": "'0199a0f2-0000-7000-8000-000000000000'",
    "id": "gen_random_uuid()",
}
OUTCOMES = {
    "status": "'cancelled'",
    "result": """'"forged"'""",
    "error": "'forged'",
    "error_reason": "'TOOL_TIMEOUT'",
    "result_salt": "set_byte(result_salt, 0, get_byte(result_salt, 0) # 1)",
    "result_digest": "set_byte(result_digest, 0, get_byte(result_digest, 0) # 1)",
    "completed_at": "completed_at - interval '1 microsecond'",
    "chain_id": "gen_random_uuid()",
    "sequence": "sequence + 1000",
    "previous_digest": "set_byte(previous_digest, 0, get_byte(previous_digest, 0) # 1)",
    "digest": "set_byte(digest, 0, get_byte(digest, 0) # 1)",
    "invocation_id": "gen_random_uuid()",
    "tool_name": "'other'",
    "principal": "'somebody'",
    "created_at": "created_at + interval '1 microsecond'",
}
APPROVALS = {
    "human_request_id": "'invocation-forged'",
    "invocation_id": "gen_random_uuid()",
}
DECISIONS = {
    "status": "'cancelled'",
    "decided_by": "array_append(decided_by, 'mallory')",
    "decided_at": "decided_at + interval '1 microsecond'",
    "comment": "comment || '.'",
    "edited_arguments": """'{"key":"forged"}'""",
    "digest": "set_byte(digest, 0, get_byte(digest, 0) # 1)",
    "replica": "gen_random_uuid()",
    "grant_id": "'0199a0f2-0000-7000-8000-000000000000'",
    "invocation_id": "gen_random_uuid()",
}
CHECKPOINTS = {
    "sequence": "sequence + 1000",
    "signed_at": "signed_at + interval '1 second'",
    "content": "replace(content, '1', '2')",
    "signature": "set_byte(signature, 0, get_byte(signature, 0) # 1)",
    "key_id": "'0000000000000000'",
}
