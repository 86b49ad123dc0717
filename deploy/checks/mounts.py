"""Whether the pods that the chart renders have what they name: each mount a volume, each volume a mount, and each path of a container's
files of settings and of its variables within a mount, or the image's own.

usage: mounts.py RENDERED.yaml
"""

import sys

import yaml

IMAGE = "/opt/lyne"  # where the image has the programs and the examples


def pod(document):
    template = document.get("spec", {}).get("template", {})
    return template.get("spec") if "containers" in template.get("spec", {}) else None


def paths(value):
    """All strings of settings that are absolute paths."""
    if isinstance(value, dict):
        return [path for each in value.values() for path in paths(each)]
    if isinstance(value, list):
        return [path for each in value for path in paths(each)]
    return [value] if isinstance(value, str) and value.startswith("/") else []


def settings(spec, container, maps):
    """The paths that a container is told: in the configuration that it mounts, and in its variables."""
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    for volume in spec.get("volumes", []):
        if volume["name"] in mounted and "configMap" in volume:
            for text in maps.get(volume["configMap"]["name"], {}).values():
                yield from paths(yaml.safe_load(text))
    for variable in container.get("env", []):
        yield from paths(variable.get("value"))


def wrong(document, spec, maps):
    who = f"{document['kind']} {document['metadata']['name']}"
    claims = {claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", [])}
    volumes = {volume["name"] for volume in spec.get("volumes", [])} | claims
    containers = spec["containers"] + spec.get("initContainers", [])
    mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", [])}
    for name in sorted(mounted - volumes):
        yield f"{who}: mount {name} (expected: a volume of that name among {sorted(volumes)})"
    for name in sorted(volumes - mounted):
        yield f"{who}: volume {name} (expected: a container that mounts it; mounted are {sorted(mounted)})"
    for container in containers:
        places = [IMAGE] + [mount["mountPath"] for mount in container.get("volumeMounts", [])]
        for path in settings(spec, container, maps):
            if not any(path == place or path.startswith(place + "/") for place in places):
                yield f"{who}: {container['name']} is told {path} (expected: within one of {places})"


def main(path):
    with open(path) as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    maps = {document["metadata"]["name"]: document.get("data", {}) for document in documents if document["kind"] == "ConfigMap"}
    pods = [(document, spec) for document in documents if (spec := pod(document))]
    if not pods:
        print(f"{path}: no pod (expected: at least one)", file=sys.stderr)
        return 1
    found = [line for document, spec in pods for line in wrong(document, spec, maps)]
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
