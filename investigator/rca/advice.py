"""What to do about a fault, by the fault: what would have had to be different.

Advice names what a person can change: the key and not a retry for a refused login, the limit for
an output cut off at its length. A taxonomy of a user's own may say otherwise for its categories.
"""

from __future__ import annotations

from collections.abc import Mapping

from investigator.rca.report import Finding, Label
from investigator.rca.taxonomy import Category
from investigator.readings.faults import Fault

ADVICE: Mapping[Fault, str] = {
    Fault.EXCEPTION: (
        "Reproduce the step at span {span_id} with the input it had, mend what raised, and give "
        "{agent} an error that it can act on."
    ),
    Fault.TIMEOUT: (
        "Find out why the service behind span {span_id} didn't answer in time; raise the time "
        "limit or make the request smaller, and check that what was asked has not been done before "
        "it is asked again."
    ),
    Fault.TOOL_TIMEOUT: (
        "The tool at span {span_id} takes longer than its own limit: make its work smaller, or "
        "raise the limit."
    ),
    Fault.RATE_LIMIT: (
        "Ask less often or raise the quota of the service behind span {span_id}; wait as long as "
        "it says before the next try."
    ),
    Fault.AUTH: (
        "Check the key and the permissions with which the call at span {span_id} was made: a "
        "retry is refused like the first."
    ),
    Fault.NOT_FOUND: (
        "What the call at span {span_id} names does not exist: let {agent} look the name up "
        "before it uses it, and check where the name came from."
    ),
    Fault.HTTP_ERROR: (
        "Look up in the log of the service behind span {span_id} why it refused the request; "
        "retry with backoff only what it calls temporary."
    ),
    Fault.REJECTED_REQUEST: (
        "The request at span {span_id} was refused as it was written: mend what the refusal names "
        "in what {agent} sends, since the same request is refused again."
    ),
    Fault.MISCONFIGURED: (
        "The call at span {span_id} names what the service does not have (a model, a deployment, a "
        "region): correct the configuration."
    ),
    Fault.CONNECTION: (
        "The service behind span {span_id} could not be reached: check its address and that it is "
        "up from where the agent runs; retry with backoff."
    ),
    Fault.PARSE_ERROR: (
        "What the step at span {span_id} put out could not be read: fix its format with a schema "
        "and send the parser's error back to {agent} once."
    ),
    Fault.SCHEMA_MISMATCH: (
        "The data at span {span_id} has not the form that the next step expects: show {agent} the "
        "real schema (names of columns and fields), and validate where the data crosses over."
    ),
    Fault.EMPTY_RETRIEVAL: (
        "Check what the index holds and which filters the query at span {span_id} carried; let "
        "{agent} search again with fewer terms, or say that nothing was found."
    ),
    Fault.LOW_SCORE_RETRIEVAL: (
        "What was found at span {span_id} is far from the question: check the query and that it "
        "is embedded by the model of the index; answer only above a threshold."
    ),
    Fault.FAILED_RETRIEVAL: (
        "The search at span {span_id} found nothing that serves: use fewer and more general "
        "terms, or another source."
    ),
    Fault.STALE_RETRIEVAL: (
        "Keep superseded passages out of the index, or filter the search at span {span_id} by the "
        "date for which it asks."
    ),
    Fault.CUT_RETRIEVAL: (
        "The passages at span {span_id} are cut in the middle: store and return whole ones, or "
        "larger chunks that overlap."
    ),
    Fault.DROPPED_RETRIEVAL: (
        "The filter at span {span_id} threw away all that had been found: check its threshold, and "
        "that a missing score is not read as the lowest."
    ),
    Fault.OFF_TOPIC_RETRIEVAL: (
        "Nothing found at span {span_id} is about the question: check the query, the collection "
        "that was searched and its embeddings, and let {agent} say so where nothing fits."
    ),
    Fault.WRONG_SUBJECT: (
        "What came back at span {span_id} is about another than was asked for: check the key and "
        "the filter of the look-up, and compare the two before the data is used."
    ),
    Fault.MISMATCHED_EMBEDDING: (
        "Embed queries (span {span_id}) with the model that the index was built with, or build the "
        "index anew; keep the model's name with the index and refuse another."
    ),
    Fault.REPEATED_CALL: (
        "Give {agent} the earlier result in place of the same call at span {span_id}, and stop a "
        "loop that learns nothing new."
    ),
    Fault.PARTIAL_READ: (
        "At span {span_id} {agent} spoke of the whole and had read a part: let the tool return all "
        "of it or a total, and require that a cursor is followed to its end."
    ),
    Fault.REPEATED_ACT: (
        "Before the act at span {span_id} is repeated, let {agent} look up whether the first try "
        "took effect; give each act a key by which the service knows a repeat."
    ),
    Fault.UNKNOWN_TOOL: (
        "At span {span_id} {agent} called a tool that it was not offered: offer it, or name in the "
        "error those that exist."
    ),
    Fault.AMBIGUOUS_TOOL: (
        "Give the tools of one name that the request at span {span_id} offers names of their own, "
        "for instance with the server's name in front."
    ),
    Fault.MISSING_TOOL: (
        "The request at span {span_id} did not offer a tool that the task needs: check what builds "
        "the list of tools there, and that a hand-over or a retry keeps it."
    ),
    Fault.BAD_ARGUMENTS: (
        "The call at span {span_id} does not fit the tool's schema: state required arguments, "
        "types and allowed values in it, and return what was wrong so that {agent} can correct it."
    ),
    Fault.WRONG_QUERY: (
        "Show {agent} the real names of tables and columns before it writes the query at span "
        "{span_id}, and send the database's error back to it."
    ),
    Fault.FAILED_CODE: (
        "The code that {agent} wrote at span {span_id} fails when it runs: send the error back, "
        "and name in the prompt what the environment has and has not."
    ),
    Fault.MISSING_CAPABILITY: (
        "The environment of span {span_id} lacks what {agent} needs: install or allow it, or tell "
        "{agent} beforehand that it is not there."
    ),
    Fault.UNSUPPORTED_INPUT: (
        "The tool at span {span_id} can't read such input: convert it before, or offer a tool "
        "that can."
    ),
    Fault.IGNORED_TOOL_ERROR: (
        "At span {span_id} {agent} went on as if the failed call had worked: require that the "
        "next step names the error and what follows from it."
    ),
    Fault.FORMAT_VIOLATION: (
        "Validate what {agent} writes at span {span_id} against the demanded format in code, and "
        "ask once for a corrected answer."
    ),
    Fault.IGNORED_INSTRUCTION: (
        "Put the instruction that {agent} broke at span {span_id} next to where it answers, and "
        "check it in code before the answer goes out."
    ),
    Fault.OFF_TASK_ANSWER: (
        "The answer at span {span_id} is about something else: let {agent} restate the question "
        "before it answers, and compare the two."
    ),
    Fault.UNSUPPORTED_CLAIM: (
        "What {agent} states at span {span_id} stands in nothing that it was given: require a "
        "source for each figure, and check it in code."
    ),
    Fault.UNSUPPORTED_ANSWER: (
        "The answer at span {span_id} rests on no observation: require the look-up that the task "
        "needs before an answer is accepted."
    ),
    Fault.TRUNCATED_OUTPUT: (
        "Raise the output limit of the model call at span {span_id} or ask for less at once, and "
        "treat an output that was cut off as a failure."
    ),
    Fault.RESOURCE_EXHAUSTED: (
        "The quota, credit or memory behind span {span_id} was used up: raise it, or let the run "
        "stop before it is."
    ),
    Fault.INCOMPLETE_RUN: (
        "The run stopped at span {span_id} before an answer: find what held it up before the "
        "limit was reached; a higher limit alone rarely mends it."
    ),
    Fault.BLOCKED_OUTPUT: (
        "A filter stopped the answer at span {span_id}: find the text that tripped it in what "
        "{agent} was given or asked for, reword or drop it, or have the filter set for this use."
    ),
    Fault.EMPTY_OUTPUT: (
        "At span {span_id} {agent} ended its turn with nothing said: treat an empty answer as a "
        "failure, ask once more, and look at what the request before it holds that stops the "
        "model."
    ),
    Fault.MALFORMED_CALL: (
        "The call that {agent} wrote at span {span_id} couldn't be read: simplify the tool's "
        "schema, and ask again with the error instead of ending the run."
    ),
    Fault.UNANSWERED_CALL: (
        "A call that {agent} made at span {span_id} never got a result: let the runtime carry out"
        " every call of a turn, and hand back an error for one that it drops."
    ),
    Fault.MISMATCHED_RESULT: (
        "Calls and results at span {span_id} do not pair up: give each call an id of its own, and"
        " each result the id of its call."
    ),
    Fault.LOST_CONTEXT: (
        "What {agent} needed at span {span_id} had been cut from its history: keep calls with "
        "their results, instructions and standing rules when history is trimmed or summarised."
    ),
    Fault.WRITTEN_CALL: (
        "The call stands in the text of {agent} at span {span_id}, so nothing ran: have the "
        "server read the model's own form of calls, and refuse an answer that holds one."
    ),
    Fault.UNMADE_CALL: (
        "At span {span_id} {agent} printed what it meant to ask, and called nobody: show a call of"
        " the tool in the instructions, and answer code that only prints with an error that says"
        " so."
    ),
    Fault.CLAIMED_ACT: (
        "At span {span_id} {agent} claims what no call of it did: accept such a claim only beside"
        " the call that bears it out, and require the call first."
    ),
    Fault.INVENTED_OBSERVATION: (
        "At span {span_id} {agent} wrote a tool's result itself: stop the model at the end of its"
        " call (a stop sequence, or structured calls), and drop what stands behind it."
    ),
    Fault.LOOP: (
        "The run goes in a circle from span {span_id} on: say who owns which part of the case, "
        "forbid handing back without a result, and end the run at the second round."
    ),
    Fault.CONTRADICTION: (
        "What is said at span {span_id} goes against what was observed before it: have values "
        "copied from the result by code, or the answer checked against it."
    ),
    Fault.STALE_READ: (
        "The read at span {span_id} shows the state before the write: drop what is cached when "
        "something is written, and read past the cache to confirm."
    ),
    Fault.MISREAD_REQUEST: (
        "The call at span {span_id} is for another time or thing than was asked for: let {agent} "
        "restate what was asked as arguments, and check them against the request."
    ),
    Fault.BROKEN_RULE: (
        "A standing rule was broken at span {span_id}: keep it in the instructions of every "
        "request, also after history was summarised, and check it in code."
    ),
    Fault.POLICY_BREACH: (
        "Check the rule in code before the act at span {span_id} is carried out, and refuse it "
        "with the rule's words, so that {agent} can tell the user."
    ),
    Fault.DEPARTED_ACT: (
        "At span {span_id} {agent} did something else than in the good run, with the same before "
        "it: compare the two requests, and make what was right there a rule or a check."
    ),
    Fault.DEPARTED_RESULT: (
        "The same call came to something else at span {span_id} than in the good run: find out "
        "what changed behind it, and let {agent} notice a result that it can't work with."
    ),
    Fault.DEPARTED_RETRIEVAL: (
        "The search at span {span_id} found other passages than in the good run: compare index, "
        "filter and query of the two."
    ),
    Fault.DEPARTED_SETUP: (
        "The request at span {span_id} was set up otherwise than in the good run: restore what "
        "differs, or try the change by itself on runs that passed."
    ),
    Fault.UNEXPLAINED: (
        "Read what {agent} did at span {span_id} against what the task asked: nothing in the trace "
        "says what is wrong with it, only that much rests on it."
    ),
}

BY_LABEL: Mapping[Label, str] = {
    Label.RETRIEVAL_FAILURE: (
        "Check the query at span {span_id} and what the index holds for it; let {agent} say so "
        "where nothing fits."
    ),
    Label.TOOL_FAILURE: (
        "Reproduce the call at span {span_id}; state the tool's contract to {agent}, and return "
        "an error that says how to call it."
    ),
    Label.INSTRUCTION_FAILURE: (
        "Compare what {agent} did at span {span_id} with what it was told, and check that in code "
        "before the run goes on."
    ),
    Label.UPSTREAM_DEPENDENCY_FAILURE: (
        "Check the service behind span {span_id}, and give {agent} a way to go on without it."
    ),
    Label.DATA_SCHEMA_MISMATCH: (
        "Validate the data at span {span_id} against the schema that the next step expects."
    ),
}
"""Advice for what a model states and no detector saw: finer than the label nothing is known."""


def advice_on(finding: Finding, category: Category | None) -> str:
    """What to do about a finding."""
    own = None if category is None else category.remediation
    known = None if finding.fault is None else ADVICE.get(finding.fault)
    label = Label.INSTRUCTION_FAILURE if category is None else category.label
    template = own or known or BY_LABEL[label]
    return template.format(agent=finding.agent or "the agent", span_id=finding.span_id)
