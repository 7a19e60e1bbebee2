"""The one scenario that every client plays: an agent plans and runs a project, and is refused what is not allowed.

A client is driven through its adapter, a process that holds one connection and speaks one JSON object a line:
    it says      {"connected": "2026-07-28"}
    it is asked  {"list": true}                                 and says  {"tools": [...]}
    it is asked  {"call": {"name": "...", "arguments": {...}}}  and says  {"result": {...}} or {"error": {"code": ..., "message": "..."}}
"""

import json
import random
import string
import subprocess
import threading

import jsonschema

VERSIONS = {"auto": "2026-07-28", "modern": "2026-07-28", "legacy": "2025-11-25"}
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
INVALID_PARAMS = -32602
PATIENCE_SECS = 60


class Gone(Exception):
    """The client ended, or did not answer in time and was ended."""


class Adapter:
    """A client behind its adapter."""

    def __init__(self, command, environment):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.errors = []
        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True).start()
        self.protocol = self.read()["connected"]
        self.schemas = {}

    def read(self):
        timer = threading.Timer(PATIENCE_SECS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise Gone(f"the client ended with {self.process.wait()}: " + "".join(self.errors[-12:]).strip())
        return json.loads(line)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()

    def call(self, tool, **arguments):
        """A result that is no error, checked against the tool's output schema."""
        result = self.result(tool, **arguments)
        assert not result.get("isError"), f"{tool} refused: {result['structuredContent']}"
        answer = result["structuredContent"]
        if tool in self.schemas:
            jsonschema.validate(answer, self.schemas[tool])
        assert json.loads(result["content"][0]["text"]) == answer, f"{tool}: text and structured content differ"
        return answer

    def result(self, tool, **arguments):
        answer = self.ask({"call": {"name": tool, "arguments": arguments}})
        assert "result" in answer, f"{tool}: {answer}"
        return answer["result"]

    def refusal(self, tool, code, **arguments):
        """The error that a tool answers with."""
        result = self.result(tool, **arguments)
        assert result.get("isError"), f"{tool} did not refuse: {result}"
        error = result["structuredContent"]["error"]
        assert error["code"] == code, f"{tool}: {error['code']} instead of {code}: {error}"
        assert error["message"] and (error.get("hint") or error.get("nextTool")), f"{tool}: no message or way on: {error}"
        return error

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("the client did not end when its connection was closed")


class Scenario:
    """The steps, in order; each is one check."""

    def __init__(self, client, mode, tasks):
        self.client, self.mode, self.count = client, mode, tasks
        self.key = "C" + "".join(random.choices(string.ascii_uppercase, k=7))
        self.tasks = []
        self.moved = None

    def write(self, tool, **arguments):
        """A write from proposal to receipt."""
        offer = self.client.call(tool, **arguments)
        assert offer["status"] == "pending", f"{tool}: {offer['status']} instead of pending"
        assert offer["preview"]["summary"], f"{tool}: a preview without a summary"
        receipt = self.confirm(offer)
        assert receipt["status"] == "succeeded", f"{tool}: {receipt['status']} instead of succeeded"
        return receipt

    def confirm(self, offer):
        return self.client.call("confirm_action", actionId=offer["actionId"], confirmToken=offer["confirmToken"])

    def task(self, key, *expand):
        more = {"expand": list(expand)} if expand else {}
        return self.client.call("get_task", task=key, **more)["item"]

    def state(self, key):
        return named(self.task(key)["state"])

    def negotiates(self):
        wanted = VERSIONS[self.mode]
        assert self.client.protocol == wanted, f"negotiated {self.client.protocol} instead of {wanted}"

    def lists_tools(self):
        tools = self.client.ask({"list": True})["tools"]
        names = [tool["name"] for tool in tools]
        assert len(names) == len(set(names)), "a tool is listed twice"
        for tool in tools:
            name, hints = tool["name"], tool.get("annotations", {})
            missing = [hint for hint in HINTS if not isinstance(hints.get(hint), bool)]
            assert not missing, f"{name} lacks {missing}"
            assert tool.get("description"), f"{name} has no description"
            for schema in ("inputSchema", "outputSchema"):
                assert tool.get(schema, {}).get("type") == "object", f"{name}: {schema} is no object schema"
                jsonschema.Draft202012Validator.check_schema(tool[schema])
            self.client.schemas[name] = tool["outputSchema"]
        for needed in ("get_me", "create_project", "create_task", "move_task", "confirm_action", "undo_action"):
            assert needed in names, f"{needed} is not listed"

    def knows_the_caller(self):
        assert self.client.call("get_me"), "get_me answers nothing"

    def drops_what_hosts_inject(self):
        self.client.call("get_me", toolCallId="call_0123456789")

    def previews_before_it_writes(self):
        offer = self.client.call("create_project", name=f"Clients {self.key}", key=self.key)
        assert offer["status"] == "pending", f"{offer['status']} instead of pending"
        self.client.refusal("get_project", "not_found", project=self.key)
        first, again = self.confirm(offer), self.confirm(offer)
        assert first["status"] == again["status"] == "succeeded", f"{first['status']}, then {again['status']}"
        assert first["result"] == again["result"], "a second confirm gave another receipt"
        self.client.call("get_project", project=self.key)

    def creates_tasks(self):
        for number in range(1, self.count + 1):
            receipt = self.write("create_task", project=self.key, title=f"Task {number} of {self.key}")
            self.tasks.append(find(receipt["result"], "key"))
        listed = self.client.call("list_tasks", project=self.key, limit=100)["items"]
        assert len(listed) == self.count, f"{len(listed)} tasks instead of {self.count}"

    def shows_transitions(self):
        item = self.task(self.tasks[0], "transitions")
        assert "In progress" in json.dumps(item["transitions"]), f"no way to work: {item['transitions']}"

    def moves_a_task(self):
        self.moved = self.write("move_task", task=self.tasks[0], to="In progress")
        assert self.state(self.tasks[0]) == "In progress", "the task was not moved"

    def refuses_an_illegal_move(self):
        error = self.client.refusal("move_task", "transition_not_allowed", task=self.tasks[1], to="Done")
        assert "In progress" in json.dumps(error["allowed"]), f"allowed targets are missing: {error}"
        assert self.state(self.tasks[1]) == "Backlog", "the task was moved all the same"

    def comments_and_assigns(self):
        me = find(self.client.call("get_me"), "handle")
        self.write("add_task_comment", task=self.tasks[0], body="Half of it is done.")
        said = self.client.call("list_comments", target=self.tasks[0])["items"]
        assert "Half of it is done." in json.dumps(said), f"the comment is missing: {said}"
        self.write("assign_task", task=self.tasks[0], assignees={"add": [me]})
        assert me in json.dumps(self.task(self.tasks[0])["assignees"]), "the task has no assignee"

    def drops_what_is_cancelled(self):
        offer = self.client.call("create_task", project=self.key, title="Never to be")
        self.client.call("cancel_action", actionId=offer["actionId"], reason="changed my mind")
        self.client.refusal("confirm_action", "not_pending", actionId=offer["actionId"], confirmToken=offer["confirmToken"])

    def takes_a_move_back(self):
        self.write("undo_action", actionId=self.moved["actionId"])
        assert self.state(self.tasks[0]) == "Backlog", "the move was not taken back"

    def refuses_an_unknown_tool(self):
        answer = self.client.ask({"call": {"name": "make_coffee", "arguments": {}}})
        # The Inspector looks the name up in the list and does not even ask.
        assert answer.get("error", {}).get("code") in (INVALID_PARAMS, "tool_not_found"), f"{answer}"

    def refuses_wrong_arguments(self):
        error = self.client.refusal("create_task", "validation_failed", title="", priority="soon")
        said = json.dumps(error)
        assert all(field in said for field in ("project", "title", "priority")), f"not every wrong field is named: {error}"

    def steps(self):
        return self.STEPS

    STEPS = (
        negotiates, lists_tools, knows_the_caller, drops_what_hosts_inject, previews_before_it_writes, creates_tasks,
        shows_transitions, moves_a_task, refuses_an_illegal_move, comments_and_assigns, drops_what_is_cancelled,
        takes_a_move_back, refuses_an_unknown_tool, refuses_wrong_arguments,
    )  # fmt: skip


def named(value):
    """The name of something that is shown as a name or as an object with one."""
    return value["name"] if isinstance(value, dict) else value


def find(value, name):
    """The first member called `name`, at any depth."""
    if isinstance(value, dict):
        if name in value:
            return value[name]
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        found = find(inner, name)
        if found is not None:
            return found
    return None


def play(command, environment, make):
    """Plays what `make` makes of a client: the negotiated protocol, the names of the checks that passed, and those that failed with
    the reason."""
    passed, failed, protocol = [], {}, None
    try:
        client = Adapter(command, environment)
    except Gone as reason:
        return protocol, passed, {"connects": str(reason)}
    scenario = make(client)
    for step in [*scenario.steps(), lambda _: client.close()]:
        name = getattr(step, "__name__", "").replace("<lambda>", "closes")
        try:
            step(scenario)
            passed.append(name)
        except Gone as reason:
            failed[name] = str(reason)
            break
        except Exception as reason:  # noqa: BLE001 - whatever a step meets, the next one is still worth trying
            failed[name] = f"{type(reason).__name__}: {reason}"[:1500]
    return client.protocol, passed, failed
