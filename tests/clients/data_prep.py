"""Every method of aepp's dataprep."""

import os
import tempfile

from aepp import dataprep

from flow_service import dataset
from pointed import TENANT, check, done, gone, refused

NONE = "0" * 32


def rules():
    return [
        {"sourceType": "ATTRIBUTE", "source": "first", "destination": "person.name.firstName"},
        {"sourceType": "EXPRESSION", "source": "upper(last)", "destination": "person.name.lastName"},
        {"sourceType": "ATTRIBUTE", "source": "crm", "destination": f"_{TENANT}.crm"},
    ]


def summary(answer):
    """The id of what a call made."""
    members = {"id", "version", "createdDate", "modifiedDate", "createdBy", "modifiedBy"}
    check(isinstance(answer, dict) and set(answer) == members, answer)
    check(len(answer["id"]) == 32 and isinstance(answer["createdDate"], int), answer)
    return answer["id"]


def sets(api, schema_id):
    made = summary(api.createMappingSet(schemaId=schema_id, mappingList=rules(), validate=True))
    whole = {
        "name": "Whole",
        "outputSchema": {"schemaRef": {"id": schema_id}},
        "inputSchema": {"id": NONE, "version": 0},
        "mappings": rules(),
    }
    named = summary(api.createMappingSet(mappingSet=whole))
    refused(api.createMappingSet(schemaId=schema_id, mappingList=[{"source": "a", "destination": "nowhere"}]), 400)
    shown = api.getMappingSet(made)
    check(shown["outputSchema"]["schemaRef"]["id"] == schema_id and shown["version"] == 0, shown)
    check([rule["source"] for rule in shown["mappings"]] == ["first", "upper(last)", "crm"], shown)
    check({made, named} <= {one["id"] for one in api.getMappingSets()}, "all sets")
    for found in (api.getMappingSets(name="Whole"), api.getMappingSets(name="Whole", prop="status==success")):
        check([one["id"] for one in found] == [named], found)
    found = api.getMappingSets(prop=f"xdmSchema=={schema_id}", expand_schema=True)
    check({one["id"] for one in found} == {made, named}, found)
    check(all("person" in one["outputSchema"]["jsonSchema"]["properties"] for one in found), found)
    check(len(api.getMappingSets(limit=1)) == 1, "a page")
    refused(api.getMappingSet(NONE), 404)
    return made, named


def updates(api, made, named, schema_id):
    changed = api.updateMappingSet(named, mappingRules=rules()[:1])
    check(changed["version"] == 1 and len(changed["mappings"]) == 1, changed)
    check(changed["name"] == "Whole" and changed["inputSchema"]["id"] == NONE, changed)
    same = {"schemaRef": {"id": schema_id, "contentType": "application/vnd.adobe.xed-full+json;version=1"}}
    changed = api.updateMappingSet(named, mappingRules=rules(), outputSchema=same)
    check(changed["version"] == 2 and len(changed["mappings"]) == 3, changed)
    refused(api.updateMappingSet(made, mappingRules=[{"source": "upper(", "destination": "person.name.lastName"}]), 400)
    check(api.getMappingSet(made)["version"] == 0, "nothing of a refused update stays")


def older_form(api, schema_id):
    """The tutorial's set goes through the client's own update, which sends the newer form."""
    old = {
        "version": 0,
        "xdmSchema": schema_id,
        "xdmVersion": "1.0",
        "id": None,
        "mappings": [
            {
                "destinationXdmPath": path,
                "sourceAttribute": name,
                "identity": False,
                "identityGroup": None,
                "namespaceCode": None,
                "version": 0,
            }
            for path, name in (("person.name.firstName", "firstName"), ("person.name.lastName", "lastName"))
        ],
    }
    made = summary(api.createMappingSet(mappingSet=old))
    before = api.getMappingSet(made)
    rules_only = api.getMappingSet(made, mappingRulesOnly=True)
    check([set(rule) for rule in rules_only] == [{"sourceType", "source", "destination"}] * 2, rules_only)
    after = api.updateMappingSet(made, mappingRules=rules_only)
    check(after["version"] == 1 and after["xdmSchema"] == before["xdmSchema"] == schema_id, after)
    for old_rule, before_rule, after_rule in zip(old["mappings"], before["mappings"], after["mappings"]):
        for rule in (before_rule, after_rule):
            check(rule["source"] == rule["sourceAttribute"] == old_rule["sourceAttribute"], rule)
            check(rule["destination"] == rule["destinationXdmPath"] == old_rule["destinationXdmPath"], rule)
            check(rule["sourceType"] == "text/x.schema-path", rule)
        check(before_rule["id"] != after_rule["id"], "an update makes new mappings")
    check(api.deleteMappingSet(made) == 204, "its deletion")


def copies(api, made):
    shown = api.getMappingSet(made)
    for copied in (api.copyMappingRules(shown, tenantId="other"), api.copyMappingRules(shown["mappings"], "_other")):
        check(copied[2]["destination"] == "_other.crm" and copied[0]["source"] == "first", copied)
    clean = api.cleanMappingRules(shown)
    check(clean == api.cleanMappingRules(shown["mappings"]), clean)
    check([rule["destination"] for rule in clean] == [rule["destination"] for rule in rules()], clean)
    changed = api.updateMappingSet(made, mappingRules=clean)
    check(api.cleanMappingRules(changed) == clean, "a copy says the same")
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)
        try:
            api.getMappingSet(made, save=True, saveMappingRules=True)
            names = [name for _, _, files in os.walk(folder) for name in files]
        finally:
            os.chdir(here)
    check({f"mapping_{made}.json", f"mapping_rules_{made}.json"} <= set(names), names)


def single_mappings(api, made):
    listed = api.getMappingSetMappings(made)
    check(isinstance(listed, list) and len(listed) == 3, listed)
    first = listed[0]["id"]
    check(api.getMappingSetMapping(made, first) == listed[0], "one of them")
    rule = {"sourceType": "ATTRIBUTE", "source": "middle", "destination": "person.name.middleName"}
    added = summary(api.createMappingSetMapping(made, rule))
    check([one["id"] for one in api.getMappingSetMappings(made)][3] == added, "an addition keeps the others")
    changed = api.updateMappingSetMapping(
        made, added, {"sourceType": "EXPRESSION", "source": "trim(middle)", "destination": "person.name.middleName"}
    )
    check(changed["id"] == added and changed["expressionAttributes"] == ["middle"], changed)
    refused(api.createMappingSetMapping(made, {"source": "a", "destination": "nowhere"}), 400)
    check(api.deleteMappingSetMapping(made, added) in (200, 204), "a deletion")
    gone(api.getMappingSetMapping(made, added))
    check(len(api.getMappingSetMappings(made)) == 3, "the others stay")


def previews(api, schema_id):
    mapping_set = {"outputSchema": {"schemaRef": {"id": schema_id}}, "mappings": rules()}
    data = {"first": 7, "last": "Lovelace", "crm": "c1"}
    expected = {"person": {"name": {"firstName": "7", "lastName": "LOVELACE"}}, f"_{TENANT}": {"crm": "c1"}}
    for sent, count in ((data, 1), ([data, data], 2)):
        shown = api.previewDataOutput(data=sent, mappingSet=mapping_set)
        check(shown == [{"data": expected, "errors": None}] * count, shown)
    mapping_set["mappings"].append(
        {"sourceType": "EXPRESSION", "source": "to_integer(last)", "destination": "person.name.middleName"}
    )
    shown = api.previewDataOutput(data=data, mappingSet=mapping_set)
    check(shown[0]["data"] == expected and len(shown[0]["errors"]) == 1, shown)
    check(shown[0]["errors"][0]["destination"] == "person.name.middleName", shown)


def language(api, made):
    functions = api.getMappingSetFunctions()
    names = {one["function"] for one in functions}
    check(len(functions) > 90 and {"upper", "ucase", "coalesce", "to_object", "date_part"} <= names, names)
    members = {"category", "function", "description", "syntax", "returns", "returnType", "params", "since"}
    check(all(members <= set(one) for one in functions), "the members of a function")
    operators = {one["operatorSymbol"]: one["methodName"] for one in api.getMappingSetOperators()}
    check(operators["/"] == "divide" and operators["not"] == "not", operators)
    good = {"validationStatus": "succeeded", "error": "none"}
    check(api.validateExpression("upper(name)") == good, "a good expression")
    check(api.validateExpression("upper(name)", mappingSetId=made) == good, "for a set")
    found = api.validateExpression("upper(name)", sampleData='{"name": "Ada"}', sampleDataType="JSON")
    check(found["validationStatus"] == "succeeded" and found["results"] == ["ADA"], found)
    found = api.validateExpression("upper(")
    check(found["validationStatus"] == "failed" and found["error"] not in ("", "none"), found)


def suggestions(api, dataset_id):
    refused(api.getMappingSuggestions(dataSetId=dataset_id), 400)
    refused(api.getMappingSuggestions(dataSetId=dataset_id, batchId=NONE), 404)
    refused(api.getMappingSuggestions(batchId=NONE, excludeUnmapped=False), 400)


def conversions(api, made):
    for page in (
        api.getXDMBatchConversions(),
        api.getXDMBatchConversions("d", prop="status==success", batchId="b", status="success", limit=5),
        api.getXDMBatchConversionActivities(NONE),
        # It asks by GET.
        api.createXDMConversion(dataSetId="d", batchId="b", mappingId=made),
    ):
        check(page["data"] == [], page)
    refused(api.getXDMBatchConversion(NONE), 404)
    # The client doubles this path.
    refused(api.getXDMBatchConversionRequestActivities(NONE, NONE), 404)


def deletion(api, made, named):
    for one in (made, named):
        check(api.deleteMappingSet(one) == 204, one)
        refused(api.getMappingSet(one), 404)
    check(not {made, named} & {one["id"] for one in api.getMappingSets()}, "they are listed no more")


def main():
    schema_id, dataset_id = dataset()
    api = dataprep.DataPrep()
    made, named = sets(api, schema_id)
    updates(api, made, named, schema_id)
    older_form(api, schema_id)
    copies(api, made)
    single_mappings(api, made)
    previews(api, schema_id)
    language(api, made)
    suggestions(api, dataset_id)
    conversions(api, made)
    deletion(api, made, named)
    done()


if __name__ == "__main__":
    main()
