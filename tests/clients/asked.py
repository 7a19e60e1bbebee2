"""The second scenario: a client that can fill forms, with a token that wants its user asked (`orkestra token create --elicit`).

An adapter that runs with ELICIT=1 declares elicitation. A call then brings the answer to the form that may come of it, and says
what was seen meanwhile:
    {"call": {...}, "form": {"action": "accept", "content": {...}}, "waitMs": 0, "abandonMs": null}
    {"result": {...}, "asked": [{"message": "...", "schema": {...}}], "told": 0}       or "error", or {"abandoned": true}
One that can drive the rounds of the newest protocol by hand takes {"round": {"name": ..., "arguments": ..., "requestState": ...,
"inputResponses": ...}} as well, and says whatever comes.
"""

import json
import random
import string

from scenario import VERSIONS

APPLY = {"action": "accept", "content": {"decision": "apply"}}
# Longer than the first word of progress takes (src/mcp/progress.rs).
LONG_MS = 700


class Asked:
    """The steps, in order; each is one check."""

    def __init__(self, client, mode, rounds, plain):
        """`rounds` says whether the adapter can drive the rounds by hand; `plain` starts one with a token that asks for nothing."""
        self.client, self.mode, self.rounds, self.plain = client, mode, rounds, plain
        self.key = "E" + "".join(random.choices(string.ascii_uppercase, k=6))

    def call(self, tool, form=None, wait_ms=0, abandon_ms=None, **arguments):
        request = {"call": {"name": tool, "arguments": arguments}, "form": form, "waitMs": wait_ms, "abandonMs": abandon_ms}
        return self.client.ask(request)

    def proposes(self, letter, **more):
        key = self.key + letter
        return key, self.call("create_project", name=f"Asked {key}", key=key, **more)

    def outcome(self, said):
        assert "result" in said, f"{said}"
        return said["result"]["structuredContent"]

    def exists(self, key):
        return not self.call("get_project", project=key)["result"].get("isError")

    def negotiates(self):
        wanted = VERSIONS[self.mode]
        assert self.client.protocol == wanted, f"negotiated {self.client.protocol} instead of {wanted}"
        # From here on the client checks every answer against the output schemas.
        assert self.client.ask({"list": True})["tools"]

    def is_not_asked_for_a_read(self):
        said = self.call("get_me", form=APPLY)
        assert not said["asked"] and not said["result"].get("isError"), f"{said}"

    def applies_what_is_accepted(self):
        key, said = self.proposes("A", form=APPLY)
        assert len(said["asked"]) == 1, f"asked {len(said['asked'])} times: {said}"
        asked = said["asked"][0]
        assert key in asked["message"], f"the question does not say what for: {asked}"
        choice = asked["schema"]["properties"]["decision"]
        assert "apply" in json.dumps(choice) and "discard" in json.dumps(choice), f"no choice: {choice}"
        receipt = self.outcome(said)
        assert receipt["status"] == "succeeded", f"{receipt}"
        assert self.exists(key), "it was accepted and is not there"

    def drops_the_rest(self):
        answers = {
            "B": {"action": "decline"},
            "C": {"action": "cancel"},
            "D": {"action": "accept", "content": {"decision": "discard"}},
        }
        for letter, form in answers.items():
            key, said = self.proposes(letter, form=form)
            assert len(said["asked"]) == 1, f"{form}: {said}"
            outcome = self.outcome(said)
            assert outcome["status"] == "cancelled", f"{form}: {outcome}"
            assert not self.exists(key), f"{form}: it is there all the same"
            shown = self.outcome(self.call("get_pending_action", actionId=outcome["actionId"]))
            assert shown["item"]["status"] == "cancelled", f"{form}: {shown}"

    def is_told_of_while_it_waits(self):
        key, said = self.proposes("F", form=APPLY, wait_ms=LONG_MS)
        assert self.outcome(said)["status"] == "succeeded" and self.exists(key), f"{said}"
        if self.mode == "legacy":
            # On the newest protocol the call is over while the form is open, and there is nothing to tell.
            assert said["told"] >= 1, f"no progress in {LONG_MS} ms: {said}"

    def leaves_pending_what_is_abandoned(self):
        key, said = self.proposes("G", form=APPLY, wait_ms=3 * LONG_MS, abandon_ms=LONG_MS)
        assert said.get("abandoned"), f"the client waited to the end: {said}"
        listed = self.outcome(self.call("list_pending_actions"))["items"]
        mine = [item for item in listed if key in json.dumps(item)]
        assert len(mine) == 1, f"the action is not listed: {listed}"
        assert not self.exists(key), "nobody answered and it is there"
        ended = self.outcome(self.call("cancel_action", actionId=mine[0]["id"]))
        assert ended["status"] == "cancelled", f"{ended}"

    def refuses_what_was_tampered_with(self):
        key = self.key + "H"
        call = {"name": "create_project", "arguments": {"name": f"Asked {key}", "key": key}}
        first = self.client.ask({"round": call})["result"]
        assert first["resultType"] == "input_required", f"{first}"
        state, answers = first["requestState"], {"confirmation": APPLY}
        changed = state[:-6] + ("A" if state[-6] != "A" else "B") + state[-5:]
        other = {**call, "arguments": {"name": "Another", "key": key}}
        for forged in ({**call, "requestState": changed}, {**other, "requestState": state}):
            said = self.client.ask({"round": {**forged, "inputResponses": answers}})
            assert said.get("error", {}).get("code") == -32602, f"{said}"
        assert not self.exists(key), "a forged state did it"
        good = {"round": {**call, "requestState": state, "inputResponses": answers}}
        once, twice = (self.client.ask(good)["result"]["structuredContent"] for _ in range(2))
        assert once["status"] == "succeeded" and not once["alreadyConfirmed"], f"{once}"
        assert twice["alreadyConfirmed"] and twice["result"] == once["result"], f"{twice}"

    def is_not_asked_with_a_plain_token(self):
        client = self.plain()
        said = client.ask({"call": {"name": "create_project", "arguments": {"name": self.key, "key": self.key}}, "form": APPLY})
        offer = self.outcome(said)
        assert not said["asked"] and offer["status"] == "pending" and offer["confirmToken"], f"{said}"
        client.close()

    def steps(self):
        by_hand = [Asked.refuses_what_was_tampered_with] if self.rounds else []
        return [
            Asked.negotiates, Asked.is_not_asked_for_a_read, Asked.applies_what_is_accepted, Asked.drops_the_rest,
            Asked.is_told_of_while_it_waits, Asked.leaves_pending_what_is_abandoned, *by_hand,
            Asked.is_not_asked_with_a_plain_token,
        ]  # fmt: skip
