"""What can go wrong in a run, in terms that hold for any agent framework."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What went wrong, in terms that hold for any agent framework."""

    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    TOOL_TIMEOUT = "tool_timeout"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    HTTP_ERROR = "http_error"
    REJECTED_REQUEST = "rejected_request"
    MISCONFIGURED = "misconfigured"
    CONNECTION = "connection"
    PARSE_ERROR = "parse_error"
    SCHEMA_MISMATCH = "schema_mismatch"
    EMPTY_RETRIEVAL = "empty_retrieval"
    LOW_SCORE_RETRIEVAL = "low_score_retrieval"
    FAILED_RETRIEVAL = "failed_retrieval"
    STALE_RETRIEVAL = "stale_retrieval"
    CUT_RETRIEVAL = "cut_retrieval"
    REPEATED_CALL = "repeated_call"
    UNKNOWN_TOOL = "unknown_tool"
    BAD_ARGUMENTS = "bad_arguments"
    WRONG_QUERY = "wrong_query"
    FAILED_CODE = "failed_code"
    MISSING_CAPABILITY = "missing_capability"
    UNSUPPORTED_INPUT = "unsupported_input"
    IGNORED_TOOL_ERROR = "ignored_tool_error"
    FORMAT_VIOLATION = "format_violation"
    IGNORED_INSTRUCTION = "ignored_instruction"
    OFF_TASK_ANSWER = "off_task_answer"
    UNSUPPORTED_CLAIM = "unsupported_claim"
    UNSUPPORTED_ANSWER = "unsupported_answer"
    TRUNCATED_OUTPUT = "truncated_output"
    RESOURCE_EXHAUSTED = "resource_exhausted"
    INCOMPLETE_RUN = "incomplete_run"
    UNEXPLAINED = "unexplained"
