"""Finds unknown variables that look like ours, because a misspelt one of authentication leaves the service open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from session_service.variables import AUTHENTICATION, VARIABLES, BadSetting

# Variables of agno 1 to 3, of its command line and of its sandbox, which often share an environment with ours.
AGNOS_OWN = frozenset(
    {
        "AGNO_ADMIN_TOKEN",
        "AGNO_ALPHA_FEATURES",
        "AGNO_API_KEY",
        "AGNO_API_RUNTIME",
        "AGNO_API_URL",
        "AGNO_APP_NAME",
        "AGNO_APP_VERSION",
        "AGNO_AUTH_HEADER",
        "AGNO_BACKGROUND_MAX_CONCURRENCY",
        "AGNO_DEBUG",
        "AGNO_DEBUG_LEVEL",
        "AGNO_ENCRYPTION_KEY",
        "AGNO_GIT_TOKEN",
        "AGNO_LOG_TRACEBACKS",
        "AGNO_MONITOR",
        "AGNO_RUNTIME",
        "AGNO_SANDBOX",
        "AGNO_SANDBOX_RUNTIME_DIR",
        "AGNO_SANDBOX_RUNTIME_PORT",
        "AGNO_SANDBOX_RUNTIME_TOKEN",
        "AGNO_SANDBOX_TEST_RUNTIME",
        "AGNO_SANDBOX_WORKSPACE",
        "AGNO_TELEMETRY",
        "AGNO_TELEMETRY_SHUTDOWN_TIMEOUT",
        "AGNO_TELEMETRY_TIMEOUT",
    }
)

# "Almost the same": one letter in seven is another, missing, or in another place.
_CLOSE = 0.85
# a name of ours with one of these words, and one of anybody's that begins with what stands before keys of tokens
_guards = re.compile(
    r"(JWT|JWKS)_|AGNO_(\w+_)?(AUTH[A-Z]*|JWT|JWKS|OIDC|ISSUER|AUDIENCE|ISOLATION|SECURITY)(_|$)", re.ASCII
).match
_KNOWN = frozenset(variable.name for variable in VARIABLES)
_AUTHENTICATION = frozenset(variable.name for variable in AUTHENTICATION)

# https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
_link = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)", re.ASCII
).fullmatch
_link_address = re.compile(r"(tcp|udp|sctp)://(?P<host>.*):\d+").fullmatch


def doubtful(environment: Mapping[str, str]) -> tuple[str, ...]:
    """One line for each unknown variable that is set, with the most similar known one.

    Raises BadSetting if it may be one of authentication, because ignoring it would leave the service open.
    """
    _refuse_links_of_agno(environment)
    found = []
    for name, text in environment.items():
        if not text or name in _KNOWN or name in AGNOS_OWN or _is_link(name, text):
            continue
        if _guards(name) or _close(name, _AUTHENTICATION):
            meant = _nearest(name, _AUTHENTICATION)
            raise BadSetting(f"{name} is not a variable of this service: unset it, or correct its name: {meant}?")
        if name.startswith("AGNO_") or _close(name, _KNOWN):
            found.append(f"{name} is not a variable of this service and is ignored; is {_nearest(name, _KNOWN)} meant?")
    return tuple(found)


def _refuse_links_of_agno(environment: Mapping[str, str]) -> None:
    """Reject values that Kubernetes sets: a Service named agno causes two variables with our names in every pod."""
    link = _link_address(environment.get("AGNO_PORT", ""))
    if link and link["host"].strip("[]") == environment.get("AGNO_SERVICE_HOST"):
        raise BadSetting(
            "AGNO_SERVICE_HOST is that of a Kubernetes Service named agno: set enableServiceLinks: false of the pod"
        )


def _is_link(name: str, text: str) -> bool:
    return bool(_link(name) or (name.endswith("_PORT") and _link_address(text)))


def _close(name: str, known: Iterable[str]) -> bool:
    """Whether the name is almost a known one, in another case, or under another of the two prefixes."""
    if get_close_matches(name.upper(), known, 1, _CLOSE):
        return True
    return _stem(name) != name and bool(get_close_matches(_stem(name), map(_stem, known), 1, _CLOSE))


def _stem(name: str) -> str:
    return re.sub("^(AGNO|OS)_", "", name.upper())


def _nearest(name: str, known: Iterable[str]) -> str:
    return max(sorted(known), key=lambda each: SequenceMatcher(None, _stem(name), _stem(each)).ratio())
