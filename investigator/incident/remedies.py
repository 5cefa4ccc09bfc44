"""What to do about a sort of failure, by the type of its error."""

from __future__ import annotations

from investigator.readings.faults import Fault

_ADVICE = {
    Fault.TIMEOUT: "Find out why {component} is slow; give it a time-out and bounded retries.",
    Fault.RATE_LIMIT: "Spread or cut the calls of {component}, honour Retry-After.",
    Fault.AUTH: "Check the credentials and permissions of {component}.",
    Fault.NOT_FOUND: "Check which names and paths {component} is asked for; they do not exist.",
    Fault.CONNECTION: "Check the network path to {component} and its health.",
    Fault.PARSE_ERROR: "Make the output that feeds {component} structured, and validate it.",
    Fault.SCHEMA_MISMATCH: "Bring the schema of {component} and what it is given into line.",
    Fault.BAD_ARGUMENTS: "State the arguments of {component} more exactly in its definition.",
    Fault.UNKNOWN_TOOL: "Give the agent the tool it asks for as {component}, or name those it has.",
    Fault.EMPTY_RETRIEVAL: "Check the index and the queries behind {component}.",
    Fault.LOW_SCORE_RETRIEVAL: "Check the index and the queries behind {component}.",
    Fault.REPEATED_CALL: "Bound the retries of {component} and tell the agent when to give up.",
    Fault.FAILED_CODE: "Look at the code that {component} was given; limit what it may import.",
    Fault.FORMAT_VIOLATION: "Enforce the output format of {component} outside the prompt.",
    Fault.TRUNCATED_OUTPUT: "Raise the output limit of {component} or ask it for less at once.",
    Fault.RESOURCE_EXHAUSTED: "Raise or share out the resources of {component}.",
}

_FOR_A_MEASURE = {
    "latency": "Find out what {component} spends its time on.",
    "time of a model call": "Compare model calls of both levels: model, output, provider.",
    "tokens": "Compare the prompts and outputs of both levels: what fills them now.",
    "output tokens": "Compare the outputs of both levels: what fills them now.",
    "cost": "Compare the calls of both levels: number, model and tokens.",
    "calls": "Compare the steps of both levels: which calls are new, and which repeat.",
    "empty answers": "Look at the last model call of a run with an empty answer.",
    "answers that say they do not know": "Check what runs find before they say so.",
    "runs with an empty result": "Check the index and the queries behind the look-ups.",
}


def action_for(signature: str) -> str:
    """One line of advice on a signature in its text form (`service | component | error type`)."""
    *_, component, error_type = ["?", "?", *signature.split(" | ")]
    known = next((text for fault, text in _ADVICE.items() if fault.value == error_type), None)
    if known is not None:
        return known.format(component=component)
    measure = error_type.removesuffix(" shifted")
    if measure != error_type:
        return _FOR_A_MEASURE.get(measure, f"Compare runs of both levels: {measure}.").format(
            component=component
        )
    if error_type == "slow":
        return f"Find out what {component} spends its time on."
    return f"Look at {component}: {error_type.replace('_', ' ')}."
