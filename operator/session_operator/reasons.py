"""The reasons of conditions, and findings: a reason with its message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

CONDITIONS = ("Ready", "Progressing", "Degraded", "DatabasesResolved", "Paused", "Applied")
"""The type of each condition, in the order of the status."""


class Reason(StrEnum):
    """Every reason of a condition; each has a section in docs/reference/conditions.md."""

    PODS_READY = "PodsReady"
    PODS_NOT_READY = "PodsNotReady"
    SCALED_TO_ZERO = "ScaledToZero"
    NOT_DEPLOYED = "NotDeployed"
    RECONCILING = "Reconciling"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    ROLLOUT_COMPLETE = "RolloutComplete"
    ROLLOUT_STALLED = "RolloutStalled"
    ROTATION_DELAYED = "RotationDelayed"
    DATABASE_REFUSED = "DatabaseRefused"
    DATABASE_UNREACHABLE = "DatabaseUnreachable"
    AS_EXPECTED = "AsExpected"
    ALL_RESOLVED = "AllResolved"
    SECRET_MISSING = "SecretMissing"  # noqa: S105
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105
    SECRET_INVALID = "SecretInvalid"  # noqa: S105
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    CONFIG_MAP_KEY_MISSING = "ConfigMapKeyMissing"
    NAME_TAKEN = "NameTaken"
    APPLY_REFUSED = "ApplyRefused"
    SPEC_REFUSED = "SpecRefused"
    GATEWAY_API_MISSING = "GatewayApiMissing"
    PROMETHEUS_OPERATOR_MISSING = "PrometheusOperatorMissing"
    RECONCILIATION_PAUSED = "ReconciliationPaused"
    RECONCILIATION_ACTIVE = "ReconciliationActive"
    SPEC_APPLIED = "SpecApplied"
    NOT_APPLIED = "NotApplied"


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason, and a message for people."""

    reason: Reason
    message: str
