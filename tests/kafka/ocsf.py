"""Validates OCSF events, one JSON object a line on standard input, against the schema 1.8.0 itself; Detection Findings
also with the models of another project. Prints how many events of which class there were; exits with 1 at the first that
is not valid.
"""

import collections
import json
import pathlib
import sys

import ocsf_json_schema
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

source = pathlib.Path(ocsf_json_schema.__file__).parent / "ocsf" / "1.8.0.json"
plain = json.loads(source.read_text(encoding="utf-8"))
schema = OcsfJsonSchemaEmbedded(OcsfJsonSchema(plain))
validators = {}
constraints = {name: kind.get("constraints") or {} for name, kind in plain["objects"].items()}
counts = collections.Counter()


def constrained(value, kind, attributes, at):
    """Constraints ("at least one of") and enumerations that JSON Schema was not told of."""
    one = (kind.get("constraints") or {}).get("at_least_one")
    if one and not any(name in value for name in one):
        sys.exit(f"{at}: none of {one}")
    for name, inner in value.items():
        told = attributes.get(name) or {}
        enum = told.get("enum")
        if enum and told.get("type") == "integer_t" and str(inner) not in enum:
            sys.exit(f"{at}.{name}: {inner} is none of {sorted(enum)}")
        if told.get("type") == "object_t" and told.get("object_type") in plain["objects"]:
            below = plain["objects"][told["object_type"]]
            for item in inner if isinstance(inner, list) else [inner]:
                if told["object_type"] != "object":
                    constrained(item, below, below["attributes"], f"{at}.{name}")


for line in sys.stdin:
    event = json.loads(line)
    name = schema.lookup_class_name_from_uid(event["class_uid"])
    if name not in validators:
        validators[name] = Draft202012Validator(schema.get_class_schema(name))
    wrong = sorted(validators[name].iter_errors(event), key=str)
    if wrong:
        sys.exit(f"{name}: {wrong[0].message} at {list(wrong[0].path)}\n{line}")
    kind = plain["classes"][name.rsplit("/", 1)[-1]]
    constrained(event, kind, kind["attributes"], name)
    if event["class_uid"] == 2004:
        DetectionFinding.model_validate(event)
    counts[name] += 1
print(json.dumps(counts))
