"""What a SessionStore may hold has an end in every field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from session_operator.kinds import STORES
from session_operator.resource import Malformed, Object, SessionStore
from session_operator.schema import malformed
from session_operator.verdict import mistakes

from .api import Api
from .definition import Field, leaves, spec_schema, spec_with
from .stores import body

DATABASES = [{"id": "main", "dsn": {"secretKeyRef": {"name": "chat-main", "key": "dsn"}}}]
TEXTS = [
    field
    for field in leaves(spec_schema())
    if field.schema.get("type", "string") == "string" and "enum" not in field.schema
]


def collections(part: Any, path: tuple[str, ...] = ()) -> Iterator[Field]:
    """Every list and every map of the spec."""
    if "items" in part or "additionalProperties" in part:
        yield Field(path, part, frozenset())
    for step, below in (
        *part.get("properties", {}).items(),
        ("[]", part.get("items")),
        ("{}", part.get("additionalProperties")),
    ):
        if below:
            yield from collections(below, (*path, step))


LISTS = [each for each in collections(spec_schema()) if "items" in each.schema]
MAPS = [each for each in collections(spec_schema()) if "additionalProperties" in each.schema]


async def refusal(api: Api, spec: Any) -> str:
    """What the API server says of it."""
    store = {"apiVersion": STORES.api_version, "kind": STORES.name, "metadata": {"name": "chat"}, "spec": spec}
    with pytest.raises(RuntimeError) as refused:
        await api.call("POST", STORES.path(api.namespace) + "?dryRun=All", store)
    return str(refused.value)


async def test_every_text_has_a_longest(api: Api) -> None:
    assert len(TEXTS) > 80
    assert [str(field) for field in TEXTS if "maxLength" not in field.schema] == []
    for field in TEXTS:
        longest = field.schema["maxLength"]
        said = await refusal(api, spec_with(field, "a" * (longest + 1)))
        assert f"Too long: may not be more than {longest} " in said, (str(field), said[:300])


def test_every_list_and_every_map_has_a_most() -> None:
    assert [str(each) for each in LISTS if "maxItems" not in each.schema] == []
    assert [str(each) for each in MAPS if "maxProperties" not in each.schema] == []


async def test_every_key_of_a_map_has_a_longest(api: Api) -> None:
    assert len(MAPS) > 10
    for field in MAPS:
        example = 1 if "type" not in field.schema["additionalProperties"] else "a"
        said = await refusal(api, spec_with(field, {"k" * 262_145: example}))
        assert "Kubernetes lets one have" in said or "in all" in said, (str(field), said[:300])


@pytest.mark.parametrize(
    ("field", "most"),
    [("service", 262_144), ("ingress", 262_144), ("podTemplate.metadata", 262_144)],
)
async def test_annotations_are_256_kib_in_all_of_bytes(api: Api, field: str, most: int) -> None:
    def spec(size: int, letter: str = "a") -> Object:
        annotations = {f"a{number}": letter * (size // 4 - 2) for number in range(4)}
        if field == "podTemplate.metadata":
            return {"databases": DATABASES, "podTemplate": {"metadata": {"annotations": annotations}}}
        return {
            "databases": DATABASES,
            field: {"annotations": annotations} | ({"host": "a"} if field == "ingress" else {}),
        }

    await api.apply(STORES, "chat", {"spec": spec(most)})
    assert "256 KiB" in await refusal(api, spec(most + 4))
    assert "256 KiB" in await refusal(api, spec(most // 2 + 8, "é"))


async def test_values_of_env_are_256_kib_in_all(api: Api) -> None:
    def spec(count: int) -> Object:
        env = [{"name": f"A{number}", "value": "a" * 32768} for number in range(count)]
        return {"databases": DATABASES, "podTemplate": {"env": env}}

    await api.apply(STORES, "chat", {"spec": spec(8)})
    assert "256 KiB" in await refusal(api, spec(9))


NOT_NORMAL = (
    "/etc//session-service",
    "//etc/session-service",
    "/etc/./session-service",
    "/./etc/session-service",
    "/etc/x/../session-service",
    "/../etc/session-service",
    "/etc/session-service/.",
    "/data/..",
    "/data//",
    "/",
    "etc/session-service",
    "/a:b",
)


def mount(**where: str) -> Object:
    mounts = [{"name": "scratch"} | where]
    return {
        "databases": DATABASES,
        "podTemplate": {"volumes": [{"name": "scratch", "emptyDir": {}}], "volumeMounts": mounts},
    }


@pytest.mark.parametrize("path", NOT_NORMAL)
async def test_a_mount_path_that_is_not_normal_is_refused(api: Api, path: str) -> None:
    assert "mountPath in body should match" in await refusal(api, mount(mountPath=path))
    with pytest.raises(Malformed, match="mountPath: must match"):  # as an older definition let it through
        SessionStore.parse(body(**mount(mountPath=path)))


@pytest.mark.parametrize("path", ["", "-tls", "-jwks", "/", "/x", "-tls/main/ca.crt"])
async def test_a_mount_path_of_the_operator_is_refused(api: Api, path: str) -> None:
    assert "hold the operator's own volumes" in await refusal(api, mount(mountPath=f"/etc/session-service{path}"))


@pytest.mark.parametrize(
    "path", ["/data", "/data/", "/etc/session-service-extra", "/.cache", "/..a/...", "/etc", "/a b"]
)
async def test_another_mount_path_is_taken(api: Api, path: str) -> None:
    await api.apply(STORES, "chat", {"spec": mount(mountPath=path, subPath="a/.b/..c")})


@pytest.mark.parametrize("path", ["..", ".", "../x", "a/../b", "/a", "a//b", "a/.", "a/.."])
async def test_a_path_in_a_volume_leads_nowhere_else(api: Api, path: str) -> None:
    assert "subPath in body should match" in await refusal(api, mount(mountPath="/data", subPath=path))
    items = [{"key": "a", "path": path}]
    for volume in ({"configMap": {"name": "a", "items": items}}, {"secret": {"secretName": "a", "items": items}}):
        spec = {"databases": DATABASES, "podTemplate": {"volumes": [{"name": "a"} | volume]}}
        assert "path in body should match" in await refusal(api, spec)


def test_a_plan_without_a_cluster_knows_the_lengths() -> None:
    field = next(each for each in TEXTS if each.name == "image")

    assert [str(each) for each in mistakes(body(**spec_with(field, "a" * 1025)))] == [
        "spec.image: must have at most 1024 characters"
    ]
    assert "must have at most" in str(mistakes(body(imagePullSecrets=[{"name": "a"}] * 17))[0])
    pull_secrets = [*[{"name": "a"}] * 17, {"name": "../x"}]
    with pytest.raises(Malformed, match=r"imagePullSecrets\[17\]\.name: must match"):  # each item of a long list counts
        SessionStore.parse(body(imagePullSecrets=pull_secrets))
    annotations = {f"a{number}": "a" for number in range(65)}
    assert "must have at most" in str(mistakes(body(service={"annotations": annotations}))[0])


def test_a_text_from_before_the_limits_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("session_operator.schema._pattern", lambda _: pytest.fail("it is"))
    secret = {"secretKeyRef": {"name": "a." * 300_000 + "a", "key": "a" * 20_000}}

    wrong = malformed({"databases": [{"id": "a" * 20_000, "dsn": secret}]})

    assert {each.keyword for each in wrong} == {"pattern"}
    assert len(wrong) == 3
