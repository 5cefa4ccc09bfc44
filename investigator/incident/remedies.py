"""What to do about a sort of failure, by the type of its error: each fault has its own advice."""

from __future__ import annotations

from collections.abc import Mapping

from investigator.readings.faults import Fault

REMEDIES: Mapping[Fault, str] = {
    Fault.EXCEPTION: "Reproduce what {component} raised with the input it had, and mend it.",
    Fault.TIMEOUT: "Find out why {component} is slow; give it a time-out and bounded retries.",
    Fault.TOOL_TIMEOUT: "Make the work of {component} smaller, or raise its own time limit.",
    Fault.RATE_LIMIT: "Spread or cut the calls of {component}, honour Retry-After.",
    Fault.AUTH: "Check the credentials and permissions of {component}.",
    Fault.NOT_FOUND: "Check which names and paths {component} is asked for; they do not exist.",
    Fault.HTTP_ERROR: "Read in the log of the service behind {component} why it refused.",
    Fault.REJECTED_REQUEST: "Mend what {component} is sent: the same request is refused again.",
    Fault.MISCONFIGURED: "Correct the configuration that {component} is called with.",
    Fault.CONNECTION: "Check the network path to {component} and its health.",
    Fault.PARSE_ERROR: "Make the output that feeds {component} structured, and validate it.",
    Fault.SCHEMA_MISMATCH: "Bring the schema of {component} and what it is given into line.",
    Fault.EMPTY_RETRIEVAL: "Check the index and the queries behind {component}.",
    Fault.LOW_SCORE_RETRIEVAL: "Check the index and the queries behind {component}.",
    Fault.FAILED_RETRIEVAL: "Widen the queries of {component}, or give it another source.",
    Fault.STALE_RETRIEVAL: "Bring the index behind {component} up to date.",
    Fault.CUT_RETRIEVAL: "Have whole passages indexed for {component}.",
    Fault.DROPPED_RETRIEVAL: "Check the filter of {component}: it threw away all that was found.",
    Fault.OFF_TOPIC_RETRIEVAL: "Check which collection {component} searches, and its embeddings.",
    Fault.WRONG_SUBJECT: "Check the key and the filter with which {component} looks up.",
    Fault.MISMATCHED_EMBEDDING: "Embed the queries of {component} with the model of its index.",
    Fault.REPEATED_CALL: "Bound the retries of {component} and tell the agent when to give up.",
    Fault.REPEATED_ACT: "Give each act of {component} a key by which a repeat is known.",
    Fault.UNKNOWN_TOOL: "Give the agent the tool it asks for as {component}, or name those it has.",
    Fault.AMBIGUOUS_TOOL: "Give the tools that {component} offers names of their own.",
    Fault.MISSING_TOOL: "Check what builds the list of tools that {component} is offered.",
    Fault.BAD_ARGUMENTS: "State the arguments of {component} more exactly in its definition.",
    Fault.WRONG_QUERY: "Show the real names of tables and columns before {component} is asked.",
    Fault.FAILED_CODE: "Read the code that {component} was given; limit what it may import.",
    Fault.MISSING_CAPABILITY: "Install or allow what {component} lacks, or say that it is missing.",
    Fault.UNSUPPORTED_INPUT: "Convert what {component} is given, or offer a tool that can read it.",
    Fault.IGNORED_TOOL_ERROR: "Require that {component} names a failed call and its consequence.",
    Fault.FORMAT_VIOLATION: "Enforce the output format of {component} outside the prompt.",
    Fault.IGNORED_INSTRUCTION: "Check in code what {component} was instructed to do.",
    Fault.PARTIAL_READ: "Have {component} return all of it, or a total, and follow its cursor.",
    Fault.OFF_TASK_ANSWER: "Compare what {component} answers with what was asked.",
    Fault.UNSUPPORTED_CLAIM: "Require a source for each figure that {component} states.",
    Fault.UNSUPPORTED_ANSWER: "Require the look-up before an answer of {component} is accepted.",
    Fault.TRUNCATED_OUTPUT: "Raise the output limit of {component} or ask it for less at once.",
    Fault.RESOURCE_EXHAUSTED: "Raise or share out the resources of {component}.",
    Fault.INCOMPLETE_RUN: "Find what held {component} up before it stopped without an answer.",
    Fault.BLOCKED_OUTPUT: "Find the text that tripped the filter of {component}.",
    Fault.EMPTY_OUTPUT: "Treat an empty answer of {component} as a failure, and ask once more.",
    Fault.MALFORMED_CALL: "Simplify the schema of the calls that {component} writes.",
    Fault.UNANSWERED_CALL: "Have every call of {component} carried out and answered.",
    Fault.MISMATCHED_RESULT: "Give each call of {component} an id, and each result its call's.",
    Fault.LOST_CONTEXT: "Keep what {component} needs when its history is cut or summarised.",
    Fault.WRITTEN_CALL: "Have the server read the calls that {component} writes as text.",
    Fault.UNMADE_CALL: "Show {component} a call in its instructions: it printed what to ask.",
    Fault.CLAIMED_ACT: "Accept what {component} claims only beside the call that bears it out.",
    Fault.INVENTED_OBSERVATION: "Stop {component} at the end of its call, before the result.",
    Fault.LOOP: "Say who owns the case at {component}, and end the run at the second round.",
    Fault.CONTRADICTION: "Check what {component} says against the results that it had.",
    Fault.STALE_READ: "Drop what {component} caches when something is written.",
    Fault.MISREAD_REQUEST: "Check what {component} is asked for against the request.",
    Fault.BROKEN_RULE: "Keep the rule in every request of {component}, and check it in code.",
    Fault.POLICY_BREACH: "Check the rule in code before {component} acts.",
    Fault.DEPARTED_ACT: "Compare what {component} did with the good run.",
    Fault.DEPARTED_RESULT: "Find out what changed behind {component} since the good run.",
    Fault.DEPARTED_RETRIEVAL: "Compare index, filter and query of {component} with the good run.",
    Fault.DEPARTED_SETUP: "Restore what {component} was set up with in the good run.",
    Fault.UNEXPLAINED: "Read what {component} did against what the task asked.",
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

_BY_TYPE: Mapping[str, str] = {
    "slow": "Find out what {component} spends its time on.",
    "known_failure": "Read the runs of {component} that are known to have failed, step by step.",
}
_STATUS = "Read in the log of the service behind {component} why it answered {error_type}."
_RAISED = (
    "Reproduce the {error_type} of {component} with the input it had, and mend what raised it."
)


def action_for(signature: str) -> str:
    """One line of advice on a signature in its text form (`service | component | error type`)."""
    *_, component, error_type = ["?", "?", *signature.split(" | ")]
    measure = error_type.removesuffix(" shifted")
    if measure != error_type:
        text = _FOR_A_MEASURE.get(measure, f"Compare runs of both levels: {measure}.")
        return text.format(component=component)
    known = next((text for fault, text in REMEDIES.items() if fault.value == error_type), None)
    other = _STATUS if error_type.startswith("HTTP ") else _RAISED
    text = known or _BY_TYPE.get(error_type) or other
    return text.format(component=component, error_type=error_type)
