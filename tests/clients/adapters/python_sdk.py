"""The official Python client (mcp 2.x) as a mouth of the scenario: `python_sdk.py MODE http URL` or `python_sdk.py MODE stdio COMMAND…`.

One JSON object a line: requests come on stdin, answers go to stdout (see scenario.py). The token is in MCP_TOKEN.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


def transport(kind: str, where: list[str]):
    token = os.environ["MCP_TOKEN"]
    if kind == "stdio":
        return StdioServerParameters(command=where[0], args=where[1:], env={"MCP_TOKEN": token})
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return streamable_http_client(where[0], http_client=http)


def say(message: dict) -> None:
    print(json.dumps(message), flush=True)


async def tools(client: Client) -> list:
    """Every page; the client gives one at a time."""
    found, cursor = [], None
    while True:
        page = await client.list_tools(cursor=cursor)
        found += [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def answer(client: Client, request: dict) -> dict:
    if "list" in request:
        return {"tools": await tools(client)}
    try:
        result = await client.call_tool(request["call"]["name"], request["call"]["arguments"])
    except MCPError as error:
        return {"error": {"code": error.code, "message": error.message}}
    return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}


async def main(mode: str, kind: str, where: list[str]) -> None:
    async with Client(transport(kind, where), mode=mode) as client:
        say({"connected": client.protocol_version})
        lines = asyncio.get_running_loop()
        while line := await lines.run_in_executor(None, sys.stdin.readline):
            say(await answer(client, json.loads(line)))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
