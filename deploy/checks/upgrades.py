"""Whether Kubernetes would take one revision of a release after another: what it renders for each, field by field of what it lets nobody change.

usage: upgrades.py BEFORE.yaml AFTER.yaml [KIND…]
With kinds, also that each of them changed: the other revision's is another object, by its name.
"""

import sys

import yaml

# What of a spec may change in place (the API's own validation of updates); everything else may not.
MUTABLE = {
    "Job": {("parallelism",), ("suspend",), ("activeDeadlineSeconds",), ("ttlSecondsAfterFinished",)},
    "StatefulSet": {("replicas",), ("ordinals",), ("template",), ("updateStrategy",), ("persistentVolumeClaimRetentionPolicy",), ("minReadySeconds",)},
    "PersistentVolumeClaim": {("resources",)},
}
# Of these, only that may not change.
FIXED = {"Deployment": [("selector",)], "Service": [("clusterIP",)]}


def objects(path):
    with open(path) as file:
        return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(file) if d}


def without(spec, paths):
    return {key: value for key, value in spec.items() if (key,) not in paths}


def refused(kind, before, after):
    """The fields that the API server would refuse to change."""
    if kind in MUTABLE:
        one, other = (without(d["spec"], MUTABLE[kind]) for d in (before, after))
        return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
    return [path[0] for path in FIXED.get(kind, []) if before["spec"].get(path[0]) != after["spec"].get(path[0])]


def main(before_path, after_path, *kinds):
    before, after = objects(before_path), objects(after_path)
    wrong = []
    for kind, name in sorted({*before} & {*after}):
        for field in refused(kind, before[kind, name], after[kind, name]):
            wrong.append(f"{kind} {name}: spec.{field} differs (expected: as it was, or another name)")
    for kind in kinds:
        names = [{name for of, name in revision if of == kind} for revision in (before, after)]
        if not names[0] or not names[1] or names[0] & names[1]:
            wrong.append(f"{kind}: {sorted(names[0])}, then {sorted(names[1])} (expected: one of another name)")
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
