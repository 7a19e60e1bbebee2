#!/usr/bin/env python3
"""The official Python SDK plans and runs a project: lists the tools, creates a project and ten tasks, moves one, is refused an
illegal move, undoes one action. usage: python_sdk.py URL TOKEN [auto|legacy]; prints one closing line."""
import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def done(client, tool, args):
    pending = (await client.call_tool(tool, args)).structured_content
    assert pending["status"] == "pending", pending
    confirm = {"actionId": pending["actionId"], "confirmToken": pending["confirmToken"]}
    receipt = (await client.call_tool("confirm_action", confirm)).structured_content
    assert receipt["status"] == "succeeded", receipt
    return receipt


async def main(url, token, mode):
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"})
    key = "AUTO" if mode == "auto" else "LEGACY"
    async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) > 30 and all(tool.annotations and tool.output_schema for tool in tools), len(tools)
        await done(client, "create_project", {"name": f"Project {key}", "key": key})
        for number in range(10):
            await done(client, "create_task", {"project": key, "title": f"Task {number}"})
        moved = await done(client, "move_task", {"task": f"{key}-1", "to": "In progress"})
        refused = await client.call_tool("move_task", {"task": f"{key}-2", "to": "Done"})
        error = refused.structured_content["error"]
        assert refused.is_error and error["code"] == "transition_not_allowed" and error["allowed"], error
        await done(client, "undo_action", {"actionId": moved["actionId"]})
        task = (await client.call_tool("get_task", {"task": f"{key}-1"})).structured_content
        assert task["item"]["state"] == "Backlog", task
    print("1 passed, 0 failed")


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "auto"))
