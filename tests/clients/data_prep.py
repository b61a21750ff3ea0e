"""Every method of aepp's dataprep that concerns mapping sets, and the tutorial's set in its old form."""

from aepp import dataprep

from flow_service import dataset
from pointed import TENANT, check, done, gone

NAME = {"sourceType": "ATTRIBUTE", "source": "first", "destination": "person.name.firstName"}
CRM = {"sourceType": "ATTRIBUTE", "source": "id", "destination": f"_{TENANT}.crm"}
FULL = {
    "sourceType": "EXPRESSION",
    "source": "concat(first, ' ', last)",
    "destination": "person.name.fullName",
}


# What the service answers for the two kinds that a client writes.
KINDS = {"text/x.schema-path": "ATTRIBUTE", "text/x.aep-xl": "EXPRESSION"}


def plain(mappings):
    """Items as a client writes them."""
    names = ("source", "destination")
    return [{"sourceType": KINDS[item["sourceType"]], **{name: item[name] for name in names}} for item in mappings]


def sets(api, schema_id):
    made = api.createMappingSet(schemaId=schema_id, mappingList=[NAME, CRM], validate=True)
    check(made["version"] == 0, made)
    mapping_set = api.getMappingSet(made["id"])
    check(mapping_set["outputSchema"]["schemaRef"]["id"] == schema_id, mapping_set)
    check(plain(mapping_set["mappings"]) == [NAME, CRM], mapping_set)
    check(plain(api.getMappingSet(made["id"], mappingRulesOnly=True)) == [NAME, CRM], "the rules alone")
    check(made["id"] in [one["id"] for one in api.getMappingSets()], "it is listed")
    listed = api.getMappingSets(prop=f"xdmSchema=={schema_id}", limit=5)
    check(made["id"] in [one["id"] for one in listed], listed)
    expanded = api.getMappingSets(expand_schema=True)
    check(expanded[0]["outputSchema"], expanded)
    changed = api.updateMappingSet(made["id"], mappingRules=[NAME, CRM, FULL])
    check(changed["id"] == made["id"] and changed["version"] == 1, changed)
    check(plain(api.getMappingSet(made["id"])["mappings"]) == [NAME, CRM, FULL], changed)
    return made["id"]


def items(api, set_id):
    before = api.getMappingSetMappings(set_id)
    check(plain(before) == [NAME, CRM, FULL], before)
    last = {"sourceType": "ATTRIBUTE", "source": "last", "destination": "person.name.lastName"}
    made = api.createMappingSetMapping(set_id, last)
    check(isinstance(made, dict) and made.get("id"), made)
    one = api.getMappingSetMapping(set_id, made["id"])
    check(plain([one]) == [last], one)
    upper = {"sourceType": "EXPRESSION", "source": "upper(last)", "destination": "person.name.lastName"}
    api.updateMappingSetMapping(set_id, made["id"], upper)
    check(plain([api.getMappingSetMapping(set_id, made["id"])]) == [upper], "it is changed")
    api.deleteMappingSetMapping(set_id, made["id"])
    check(plain(api.getMappingSetMappings(set_id)) == [NAME, CRM, FULL], "it is gone, the others stay")


def preview(api, schema_id):
    reference = {"id": schema_id, "contentType": "application/vnd.adobe.xed-full+json;version=1"}
    mapping_set = {"outputSchema": {"schemaRef": reference}, "mappings": [NAME, CRM, FULL]}
    answer = api.previewDataOutput({"id": "7", "first": "Ada", "last": "Lovelace"}, mapping_set)
    expected = {
        "person": {"name": {"firstName": "Ada", "fullName": "Ada Lovelace"}},
        f"_{TENANT}": {"crm": "7"},
    }
    check(answer[0]["data"] == expected, answer)


def language(api):
    functions = api.getMappingSetFunctions()
    check(len(functions) >= 97, len(functions))
    check("concat" in {one["function"] for one in functions}, functions[0])
    check(api.getMappingSetOperators(), "operators")
    good = api.validateExpression("upper(first)", sampleData='{"first": "Ada"}')
    check(good["validationStatus"] == "succeeded", good)
    bad = api.validateExpression("upper(")
    check(bad["validationStatus"] == "failed" and bad["error"], bad)


def copies(api, set_id):
    rules = api.getMappingSet(set_id)
    check(plain(api.cleanMappingRules(rules)) == [NAME, CRM, FULL], "clean")
    copied = api.copyMappingRules(rules, tenantId="_other")
    check(copied[1]["destination"] == "_other.crm", copied)


def old_form(api, schema_id):
    """The streaming tutorial's set, read back and written again in the new form."""
    made = api.createMappingSet(
        mappingSet={
            "version": 0,
            "xdmSchema": schema_id,
            "xdmVersion": "1.0",
            "id": None,
            "mappings": [
                {
                    "destinationXdmPath": "person.name.firstName",
                    "sourceAttribute": "first",
                    "identity": False,
                    "version": 0,
                },
                {
                    "destinationXdmPath": "person.name.lastName",
                    "sourceAttribute": "last",
                    "identity": False,
                    "version": 0,
                },
            ],
        }
    )
    check("id" in made, made)
    rules = api.getMappingSet(made["id"], mappingRulesOnly=True)
    last = {"sourceType": "ATTRIBUTE", "source": "last", "destination": "person.name.lastName"}
    check(plain(rules) == [NAME, last], rules)
    changed = api.updateMappingSet(made["id"], mappingRules=rules)
    check(changed["version"] == 1, changed)
    check(api.getMappingSet(made["id"], mappingRulesOnly=True) == rules, "the same rules")


def main():
    api = dataprep.DataPrep()
    schema_id, _ = dataset()
    set_id = sets(api, schema_id)
    items(api, set_id)
    preview(api, schema_id)
    language(api)
    copies(api, set_id)
    old_form(api, schema_id)
    api.deleteMappingSet(set_id)
    gone(api.getMappingSet(set_id))
    done()


if __name__ == "__main__":
    main()
