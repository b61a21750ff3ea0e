"""aepp's schema module and its managers: create, extend, read back in every form, change, delete."""

from aepp import schema
from aepp.classmanager import ClassManager
from aepp.datatypemanager import DataTypeManager
from aepp.fieldgroupmanager import FieldGroupManager
from aepp.schemamanager import SchemaManager

from pointed import TENANT, XDM, check, done

PROFILE = f"{XDM}/context/profile"


def overview(api):
    check(api.getTenantId() == TENANT, "the tenant")
    check("counts" in api.getStats(), "stats")
    behaviors = [one["$id"] for one in api.getBehaviors()]
    check(f"{XDM}/data/record" in behaviors, behaviors)
    check(api.getBehavior(f"{XDM}/data/time-series")["$id"] == f"{XDM}/data/time-series", "one behaviour")
    classes = [one["$id"] for one in api.getClassesGlobal()]
    check(PROFILE in classes, classes)
    groups = [one["$id"] for one in api.getFieldGroupsGlobal()]
    check(f"{XDM}/context/profile-person-details" in groups, groups)
    check(api.getDataTypesGlobal(), "global data types")


def data_type(api):
    manager = DataTypeManager(title="Address of ours", schemaAPI=api)
    manager.addField("street", dataType="string", title="street")
    manager.addField("number", dataType="integer", title="number")
    made = manager.createDataType()
    check("$id" in made, made)
    again = DataTypeManager(made["$id"], schemaAPI=api)
    paths = again.to_dataframe()["path"].tolist()
    check(any(path.endswith("street") for path in paths), paths)
    check(api.getDataType(made["$id"], type="xed")["title"] == "Address of ours", "one data type")
    check(made["$id"] in [one["$id"] for one in api.getDataTypes()], "it is listed")
    again.addField("city", dataType="string", title="city")
    changed = again.updateDataType()
    check(changed.get("version") == "1.1", changed)
    return made["$id"]


def field_group(api, data_type_id):
    manager = FieldGroupManager(title="Customer of ours", fg_class=["profile"], schemaAPI=api)
    manager.addField(f"_{TENANT}", dataType="object", title="ours")
    manager.addField(f"_{TENANT}.crm", dataType="string", title="crm")
    manager.addField(f"_{TENANT}.points", dataType="double", title="points")
    manager.addField(f"_{TENANT}.level", dataType="string", title="level", enumValues={"a": "A", "b": "B"})
    manager.addField(f"_{TENANT}.tags", dataType="string", title="tags", array=True)
    manager.addField(f"_{TENANT}.since", dataType="dateTime", title="since")
    manager.addField(f"_{TENANT}.home", dataType="dataType", title="home", ref=data_type_id)
    made = manager.createFieldGroup()
    check("$id" in made, made)
    again = FieldGroupManager(made["$id"], schemaAPI=api)
    paths = again.to_dataframe(full=True)["path"].tolist()
    for field in ("crm", "points", "level", "tags", "since", "home"):
        check(any(field in path for path in paths), (field, paths))
    check(f"_{TENANT}" in again.to_dict(), again.to_dict())
    check(again.to_som().to_dict(), "as an object")
    check(again.to_xdm()["$id"] == made["$id"], "as XDM")
    again.addField(f"_{TENANT}.note", dataType="string", title="note")
    changed = again.updateFieldGroup()
    check(changed.get("version") == "1.1", changed)
    patched = api.patchFieldGroup(made["$id"], [{"op": "replace", "path": "/title", "value": "Customers"}])
    check(patched["title"] == "Customers", patched)
    check(made["$id"] in [one["$id"] for one in api.getFieldGroups()], "it is listed")
    return made["$id"]


def class_of_ours(api):
    manager = ClassManager(title="Machine", behavior=f"{XDM}/data/record", schemaAPI=api)
    made = manager.createClass()
    check("$id" in made, made)
    again = ClassManager(made["$id"], schemaAPI=api)
    check(again.to_xdm()["$id"] == made["$id"], again.to_xdm())
    changed = api.patchClass(made["$id"], [{"op": "replace", "path": "/title", "value": "Machines"}])
    check(changed["title"] == "Machines", changed)
    api.deleteClass(made["$id"])


def whole_schema(api, group_id):
    manager = SchemaManager(
        title="Customers of ours",
        schemaClass=PROFILE,
        schemaAPI=api,
    )
    manager.addFieldGroup(group_id)
    manager.addFieldGroup(f"{XDM}/context/profile-person-details")
    made = manager.createSchema()
    check("$id" in made, made)
    schema_id = made["$id"]
    again = SchemaManager(schema_id, schemaAPI=api)
    paths = again.to_dataframe()["path"].tolist()
    check(any(path.endswith(f"_{TENANT}.crm") for path in paths), paths)
    check("person" in again.to_dict(), again.to_dict())
    check(again.to_som().to_dict(), "as an object")
    check(again.searchField("crm"), "it is found")
    check(schema_id in [one["$id"] for one in api.getSchemas()], "it is listed")
    forms(api, schema_id)
    descriptors(api, again, schema_id)
    paths = api.getSchemaPaths(schema_id)
    check(any("crm" in path for path in paths), paths)
    sample = api.getSchemaSample(schema_id)
    check(isinstance(sample, dict) and sample, sample)
    patched = api.patchSchema(schema_id, [{"op": "replace", "path": "/title", "value": "Ours"}])
    check(patched["title"] == "Ours", patched)
    extended = api.addFieldGroupToSchema(schema_id, [f"{XDM}/context/profile-personal-details"])
    check(len(extended["allOf"]) == 4, extended)
    exported = api.exportResource(made["meta:altId"])
    kinds = [one["meta:resourceType"] for one in exported]
    check(kinds == ["datatypes", "mixins", "schemas"], kinds)
    check(api.getAuditLogs(made["meta:altId"]), "the audit log")
    check(api.enableSchemaForRealTime(schema_id)["status"] == 400, "no primary identity, no union")
    api.createDescriptor(identity(again))
    enabled = api.enableSchemaForRealTime(schema_id)
    check(enabled.get("meta:immutableTags") == ["union"], enabled)
    check(api.getUnions(), "unions")
    check(api.getUnion(f"{PROFILE}__union")["$id"] == f"{PROFILE}__union", "the union of profiles")
    return schema_id


def forms(api, schema_id):
    for arguments in (
        {"full": False, "schema_type": "xdm"},
        {"full": True, "schema_type": "xdm"},
        {"full": True, "schema_type": "xed"},
        {"full": True, "desc": True, "schema_type": "xed"},
        {"full": True, "deprecated": True, "schema_type": "xdm"},
        {"full": True, "flat": True, "schema_type": "xed"},
    ):
        answer = api.getSchema(schema_id, **arguments)
        check(answer.get("$id") == schema_id, (arguments, answer))


def identity(manager):
    return manager.createDescriptorOperation(
        "xdm:descriptorIdentity", completePath=f"/_{TENANT}/crm", identityNSCode="CRMID", identityPrimary=True
    )


def descriptors(api, manager, schema_id):
    operation = identity(manager)
    made = manager.createDescriptor(operation)
    check("@id" in made, made)
    listed = [one["@id"] for one in api.getDescriptors(prop=f"xdm:sourceSchema=={schema_id}")]
    check(made["@id"] in listed, listed)
    check(api.getDescriptor(made["@id"])["xdm:isPrimary"] is True, "one descriptor")
    changed = api.putDescriptor(made["@id"], {**operation, "xdm:isPrimary": False})
    check(changed.get("@id") == made["@id"], changed)
    api.deleteDescriptor(made["@id"])
    listed = [one["@id"] for one in api.getDescriptors(prop=f"xdm:sourceSchema=={schema_id}")]
    check(made["@id"] not in listed, listed)


def main():
    api = schema.Schema()
    overview(api)
    data_type_id = data_type(api)
    group_id = field_group(api, data_type_id)
    class_of_ours(api)
    whole_schema(api, group_id)
    event = api.createExperienceEventSchema(name="Events of ours", mixinIds=[], description="None yet")
    check("$id" in event, event)
    api.deleteSchema(event["$id"])
    check(event["$id"] not in [one["$id"] for one in api.getSchemas()], "it is gone")
    done()


if __name__ == "__main__":
    main()
