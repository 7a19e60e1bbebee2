"""The official Python client (mcp 2.x) as a mouth of the scenario: `python_sdk.py MODE http URL` or `python_sdk.py MODE stdio COMMAND…`.

One JSON object a line: requests come on stdin, answers go to stdout (see scenario.py and asked.py). The token is in MCP_TOKEN; with
ELICIT=1 it can be asked.
"""

import asyncio
import json
import os
import sys

import httpx2
import mcp_types as types
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


class Seen:
    """What a client meets while a call goes on, and how it fills the forms."""

    def __init__(self, request: dict):
        self.form, self.wait = request.get("form"), (request.get("waitMs") or 0) / 1000
        self.asked, self.told = [], 0

    async def fill(self, params) -> types.ElicitResult:
        self.asked.append({"message": params.message, "schema": params.requested_schema})
        await asyncio.sleep(self.wait)
        return types.ElicitResult.model_validate(self.form)

    async def progress(self, *_) -> None:
        self.told += 1


seen = Seen({})


async def fill(_, params) -> types.ElicitResult:
    return await seen.fill(params)


def plain(result) -> dict:
    return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}


async def answer(client: Client, request: dict) -> dict:
    global seen
    if "list" in request:
        return {"tools": await tools(client)}
    seen = Seen(request)
    try:
        if "round" in request:
            return plain(await one_round(client, request["round"]))
        call = request["call"]
        calling = client.call_tool(call["name"], call["arguments"], progress_callback=seen.progress)
        patience = request.get("abandonMs")
        result = await asyncio.wait_for(calling, patience and patience / 1000)
    except MCPError as error:
        return {"error": {"code": error.code, "message": error.message}}
    except TimeoutError:
        return {"abandoned": True, "asked": seen.asked, "told": seen.told}
    return {**plain(result), "asked": seen.asked, "told": seen.told}


async def one_round(client: Client, given: dict):
    answers = given.get("inputResponses")
    filled = answers and {key: types.ElicitResult.model_validate(one) for key, one in answers.items()}
    return await client.session.call_tool(
        given["name"], given["arguments"], input_responses=filled, request_state=given.get("requestState"), allow_input_required=True,
    )  # fmt: skip


async def main(mode: str, kind: str, where: list[str]) -> None:
    asks = {"elicitation_callback": fill} if os.environ.get("ELICIT") else {}
    async with Client(transport(kind, where), mode=mode, **asks) as client:
        say({"connected": client.protocol_version})
        lines = asyncio.get_running_loop()
        while line := await lines.run_in_executor(None, sys.stdin.readline):
            say(await answer(client, json.loads(line)))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
