"""A model that never concludes by itself and always says as much as it may, with its own account.

What it is asked it counts by itself: requests, tokens and their price. So a run's record can be
held against what the endpoint would bill.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from investigator.ground import lazy_re2 as re2
from investigator.ground.canonical_json import compact_json
from investigator.runtime.tokens import estimate_tokens
from investigator.testing.model_server import Answer, Behaviour, ReceivedRequest, Tokens, says

_CHAT_TOKENS = 32
"""What the form of a chat adds, at most."""

_TURN = re2.compile(r"## Turn (\d+)\n")


@dataclass(slots=True)
class Bill:
    """What the model has counted; `most_at_once` requests were waiting for their replies."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    micro_usd: int = 0
    most_at_once: int = 0


class GreedyModel:
    """Decides for a `ModelServer`: `goes_on` until `finalize` alone is offered, then `ends`.

    A reply takes all of its output tokens and half to all of `delay_s` seconds; the prompt counts
    for something between half and all of what it can be. `price` is micro-USD for a token in and
    for one out.
    """

    def __init__(
        self,
        goes_on: Callable[[int], str],
        ends: str,
        *,
        price: tuple[int, int],
        delay_s: float,
        seed: int,
    ) -> None:
        self.bill = Bill()
        self._goes_on = goes_on
        self._ends = ends
        self._price = price
        self._delay_s = delay_s
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._ends_at: list[float] = []

    def __call__(self, request: ReceivedRequest) -> Behaviour:
        """The next reply, with its account."""
        user = request.body["messages"][1]["content"]
        step = int(_TURN.search(user).group(1))
        with self._lock:
            tokens = Tokens(self._counted(request), request.body["max_tokens"])
            self.bill.requests += 1
            self.bill.tokens_in += tokens.tokens_in
            self.bill.tokens_out += tokens.tokens_out
            self.bill.micro_usd += (
                tokens.tokens_in * self._price[0] + tokens.tokens_out * self._price[1]
            )
            delay_s = self._random.uniform(self._delay_s / 2, self._delay_s)
            now = time.monotonic()
            self._ends_at = [*(end for end in self._ends_at if end > now), now + delay_s]
            self.bill.most_at_once = max(self.bill.most_at_once, len(self._ends_at))
        text = self._ends if "offered: finalize\n" in user else self._goes_on(step)
        return _later(says(text, usage=tokens), delay_s)

    def _counted(self, request: ReceivedRequest) -> int:
        """Between half and all of what the prompt and its schema can count for."""
        texts = [message["content"] for message in request.body["messages"]]
        texts.append(compact_json(request.body["response_format"]["json_schema"]["schema"]))
        most = sum(map(estimate_tokens, texts)) + _CHAT_TOKENS
        return self._random.randint(most // 2, most) if self._random.random() < 0.5 else most


def _later(answer: Answer, delay_s: float) -> Answer:
    return Answer(answer.status, answer.body, answer.headers, delay_s)
