"""`qmcp tools`, `invocations`, `receipts`, and what to do when tools refuses."""

ADVICE = {
    "TOOL_DEFINED_BY_SERVER": "`qmcp mcp-servers list` shows the servers.",
    "MCP_SERVER_NOT_FOUND": "`qmcp mcp-servers list` shows those there are.",
    "MCP_SERVER_EXISTS": "Use `--replace` to change it, or choose another name.",
    "COMMAND_NOT_ALLOWED": "Ask an operator to allow it (QMCP_TOOLS_STDIO_COMMANDS_FILE).",
    "TRANSPORT_PROFILE_NOT_FOUND": "Ask an operator to declare it (QMCP_TOOLS_TRANSPORT_PROFILES_FILE).",
    "DOCUMENT_NOT_FETCHED": "Download it, and import the file.",
    "TOOL_NOT_FOUND": "`qmcp tools list` shows the tools there are.",
    "TOOL_EXISTS": "Use `--replace` to change it, or choose another name.",
    "TOOL_DEFINED_BY_CODE": "Change the package that defines it.",
    "ARGUMENTS_INVALID": "`qmcp tools get NAME` shows the schema; a value that is not a string is written key:=value.",
    "INVOCATION_NOT_FOUND": "`qmcp invocations list` shows the newest.",
    "INVOCATION_NOT_ENDED": "Wait for it with `qmcp invocations watch ID`.",
    "INVOCATION_ENDED": "`qmcp invocations get ID` shows how.",
    "TOOL_BUSY": "Try again later.",
}
