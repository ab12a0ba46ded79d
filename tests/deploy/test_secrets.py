"""Who holds which secret."""

import json
import re
from pathlib import Path
from typing import Any

from tests.deploy.conftest import DEPLOY, GUIDE, pods


def test_each_process_has_the_secrets_that_it_needs_alone(
    compose: dict[str, Any], objects: list[dict[str, Any]]
) -> None:
    # Flower looks into broker and database, and has no business in the bucket; who makes the bucket none elsewhere.
    def secrets(name: str) -> set[str]:
        given = json.dumps(compose["services"][name]["environment"])
        return set(re.findall(r"\$\{(\w+?)(?::|\})", given))

    stores, bucket = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}, {"S3_ACCESS_KEY", "S3_SECRET_KEY"}
    assert secrets("flower") == stores
    assert secrets("bucket") == bucket
    for name in ("api", "sweeper", "labels-cpu", "control-gpu"):
        assert secrets(name) == stores | bucket
    held = {
        pod["containers"][0]["name"]: {
            entry["secretRef"]["name"] for entry in pod["containers"][0]["envFrom"] if "secretRef" in entry
        }
        for pod in pods(objects)
    }
    assert held.pop("flower") == {"cleanse-stores"}
    assert all(names == {"cleanse-stores", "cleanse-bucket"} for names in held.values())
    # KEDA reads with a user of its own.
    (scaling,) = (found for found in objects if found["kind"] == "TriggerAuthentication")
    assert {entry["name"] for entry in scaling["spec"]["secretTargetRef"]} == {"cleanse-scaling"}
    shown = {found["metadata"]["name"] for found in objects if found["kind"] == "Secret"}
    assert shown == {"cleanse-stores", "cleanse-bucket", "cleanse-scaling"}


def test_the_key_of_attestations_is_one_and_outlives_its_containers(
    compose: dict[str, Any], objects: list[dict[str, Any]]
) -> None:
    # In compose it lies under the home of the image, in a volume that its user may write.
    mounted = dict(volume.split(":")[:2] for volume in compose["services"]["api"]["volumes"])
    assert mounted["keys"] == "/var/lib/cleanse/keys"
    assert f"--mode=0700 {mounted['keys']}" in (DEPLOY / "docker" / "api.Dockerfile").read_text()
    # On Kubernetes every process is told one place, and every api has a secret there that its group alone may read.
    (settings,) = (found["data"] for found in objects if found["kind"] == "ConfigMap")
    place = Path(settings["CLEANSE_SIGNING_KEY"])
    (pod,) = (pod for pod in pods(objects) if pod["containers"][0]["name"] == "api")
    (mount,) = (one for one in pod["containers"][0]["volumeMounts"] if one["mountPath"] == str(place.parent))
    (volume,) = (one for one in pod["volumes"] if one["name"] == mount["name"])
    assert volume["secret"]["defaultMode"] == 0o440
    guide = GUIDE.read_text()
    assert f"generic {volume['secret']['secretName']} --namespace cleanse --from-file={place.name}" in guide
