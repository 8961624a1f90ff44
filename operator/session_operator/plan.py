"""What the operator would make of a SessionStore, and whether pods would restart, without changing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from session_operator.cluster import Cluster
from session_operator.errors import ApiError
from session_operator.installable import served
from session_operator.kinds import CONFIG_MAPS, DEPLOYMENTS, SECRETS, STORES, Kind
from session_operator.last_good import render_found
from session_operator.manifest import Refused
from session_operator.objects import BEFORE_PODS, Objects
from session_operator.ownership import drift, is_applied
from session_operator.printable import printable
from session_operator.render import render
from session_operator.resource import KIND, MANAGER, Key, Malformed, Object, SessionStore
from session_operator.schema import with_defaults
from session_operator.sources import Resolution, key_version, missing_key, resolve

_PLACEHOLDER = "postgresql://not-read"
_PRIVATE = (".env[", ".annotations.")
"""Fields whose values are not printed: users may have written something secret there."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object: `+` made, `~` changed, `-` deleted, `=` left; `fields` say what changes."""

    sign: str
    kind: str
    name: str
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Plan:
    """What would be done about one store. `restarts` is the number of pods, None where no cluster was asked."""

    key: Key
    changes: list[Change] = field(default_factory=list)
    resolutions: Sequence[Resolution] = ()
    blocked: list[str] = field(default_factory=list)
    restarts: int | None = None
    paused: bool = False
    absent: str = ""


def offline(body: Object) -> Plan:
    """The plan of a new store, without a cluster, by the definition of this version: DSNs are not read."""
    from session_operator.verdict import mistakes  # with libraries that the operator itself has no use for

    if wrong := mistakes(body):
        raise Refused("\n".join(map(str, wrong)))
    try:
        store = SessionStore.parse(
            {"metadata": {"uid": "", "generation": 1} | body["metadata"], "spec": with_defaults(body["spec"])}
        )
    except Malformed as wrong_form:
        raise Refused(str(wrong_form)) from None
    dsns = {database.id: _PLACEHOLDER for database in store.databases}
    replicas = {database.id: _PLACEHOLDER for database in store.databases if database.read_only_source}
    plan = Plan(store.key, paused=store.paused)
    for each in render(store, dsns, read_only_dsns=replicas):
        secret = each["kind"] == SECRETS.name
        name = f"{store.key.name}-dsn-map-…" if secret else each["metadata"]["name"]
        plan.changes.append(Change("+", each["kind"], name))
    return plan


async def against(cluster: Cluster, body: Object) -> Plan:
    """The plan of a store in a cluster, which checks it and fills in defaults as if it were applied."""
    try:
        applied = await _applied(cluster, body)
    except ApiError as error:
        if error.status in (400, 422):
            raise Refused(error.message) from None
        raise
    try:
        store = SessionStore.parse(applied)
    except Malformed as wrong:  # the definition in the cluster is of another day
        raise Refused(str(wrong)) from None
    secrets = {name: await cluster.get(SECRETS, store.key.namespace, name) for name in sorted(store.secrets)}
    config_maps = {name: await cluster.get(CONFIG_MAPS, store.key.namespace, name) for name in store.config_maps}
    plan = Plan(store.key, resolutions=resolve(store, secrets), restarts=0, paused=store.paused)
    plan.blocked = [f"database {each.database.id}: {each.message}" for each in plan.resolutions if not each.resolved]
    if lack := missing_key(store, secrets, config_maps):
        plan.blocked.append(f"auth: {lack.message}")
    version = key_version(store, secrets)
    objects = await Objects.read(cluster, store, version)
    kept = await objects.kept(plan.resolutions)
    if lack or kept is None or plan.paused:
        return plan
    rendered = render_found(store, plan.resolutions, version, kept)
    del secrets
    wanted, absent = await served(cluster, rendered)
    plan.absent = absent.message if absent else ""
    for kind, bare in wanted:
        await _change(cluster, objects, plan, kind, bare)
        if kind in BEFORE_PODS and not any(change.kind == kind.name for change in plan.changes):  # the name is taken
            plan.changes.clear()
            return plan
    plan.changes += [Change("-", kind.name, item["metadata"]["name"]) for kind, item in objects.unwanted(wanted)]
    return plan


async def _applied(cluster: Cluster, body: Object) -> Object:
    """The store as it would be: what its last applier left out goes, what others set stays."""
    identity = {name: body["metadata"][name] for name in ("namespace", "name")}
    live = await cluster.get(STORES, identity["namespace"], identity["name"], whole=True)
    entries = live["metadata"].get("managedFields", ()) if live else ()
    appliers = [
        each["manager"]
        for each in entries
        if each["operation"] == "Apply"
        and "subresource" not in each
        and "f:spec" in each["fieldsV1"]
        and "manager" in each
    ]
    if live is not None and not appliers:  # by kubectl apply or edit, which keep no such record
        return await cluster.replace(STORES, live | {"spec": body["spec"]}, dry_run=True)
    manager = appliers[0] if appliers else f"{MANAGER}-plan"
    wanted = {"apiVersion": STORES.api_version, "kind": KIND, "metadata": identity, "spec": body["spec"]}
    return await cluster.apply(STORES, wanted, manager=manager, dry_run=True)


async def _change(cluster: Cluster, objects: Objects, plan: Plan, kind: Kind, bare: Object) -> None:
    name = bare["metadata"]["name"]
    there = await objects.find(kind, name)
    target = objects.target(bare, there)
    if there is None:
        plan.changes.append(Change("+", kind.name, name))
        return
    if taken := objects.taken(kind, there):
        plan.blocked.append(taken.message)
        return
    if kind is SECRETS or (is_applied(target, there) and not drift(target, there)):
        plan.changes.append(Change("=", kind.name, name))
        return
    before = await cluster.get(kind, plan.key.namespace, name, whole=True) or {}
    after = await cluster.apply(kind, target, dry_run=True)
    if kind is DEPLOYMENTS and before["spec"]["template"] != after["spec"]["template"]:
        plan.restarts = before["spec"]["replicas"]
    plan.changes.append(Change("~", kind.name, name, tuple(_differences(_told(before), _told(after), ""))))


def _told(body: Object) -> Object:
    """What of an object is worth telling when it changes."""
    metadata = {name: body["metadata"].get(name, {}) for name in ("labels", "ownerReferences")}
    return {"metadata": metadata} | {k: v for k, v in body.items() if k not in ("metadata", "status")}


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    before, after = _named(before), _named(after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(each for each in after if each not in before)]:
            yield from _differences(before.get(name), after.get(name), path + _step(name))
    elif any(each in f"{path}." for each in _PRIVATE):
        yield path.removeprefix(".")
    else:
        yield f"{path.removeprefix('.')}: {_short(before)} -> {_short(after)}"


def _named(value: Any) -> Any:
    """A list of named things as a mapping, so that they are compared by name."""
    if isinstance(value, list) and value and all(isinstance(each, dict) and "name" in each for each in value):
        return {f"[{each['name']}]": each for each in value}
    return value


def _step(name: str) -> str:
    return name if name.startswith("[") else f".{name}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _sources(resolution: Resolution) -> str:
    sources = (resolution.database.source, resolution.database.read_only_source)
    return " and ".join(f"Secret {each.secret}" for each in sources if each)


def text(plan: Plan) -> str:
    """The plan for people."""
    lines = [f"SessionStore {plan.key}"]
    lines += [f"  database {each.database.id}: {_sources(each)}, {each.state}" for each in plan.resolutions]
    for change in plan.changes:
        lines.append(f"  {change.sign} {change.kind} {change.name}")
        lines += [f"      {each}" for each in change.fields]
    if plan.absent:
        lines.append(f"  not made: {plan.absent}")
    if plan.paused:
        lines.append("Nothing is applied: spec.reconciliation is Paused.")
    elif plan.blocked:
        goes_on = (
            "Everything else goes on, but mend this:" if plan.changes else "Nothing is rolled out until this is mended:"
        )
        lines += [goes_on, *(f"  {each}" for each in plan.blocked)]
    elif plan.restarts is None:
        lines.append("No cluster was asked: this is what a new store would get; DSNs were not looked at.")
    elif any(change.sign == "+" and change.kind == DEPLOYMENTS.name for change in plan.changes):
        lines.append("Pods are started; there are none to restart.")
    elif plan.restarts:
        lines.append(f"{plan.restarts} pods are restarted, one after the other, while the others serve.")
    elif all(change.sign == "=" for change in plan.changes):
        lines.append("Nothing changes.")
    else:
        lines.append("No pod is restarted.")
    return "\n".join(map(printable, lines))
