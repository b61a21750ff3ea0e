"""aepp's sandboxes and every method of its flowservice that concerns streaming."""

from aepp import catalog, dataprep, flowservice, ingestion, sandboxes, schema

from pointed import FACTS, TENANT, XDM, check, done, gone, refused, until

STREAMING = "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb"
DATA_LAKE = "c604ff05-7f1a-43c0-8e18-33bf874cb11c"
PROFILE = "8a9c3494-9708-43d7-ae3f-cda01e5030e1"


def made(answer):
    """The id of what a call made."""
    check(isinstance(answer, dict) and set(answer) == {"id", "etag"}, answer)
    return answer["id"]


def sandbox_methods():
    api = sandboxes.Sandboxes()
    names = [one["name"] for one in api.getSandboxes()]
    check(FACTS["TRIBUTARY_SANDBOX"] in names, names)
    check(api.getSandbox("prod")["isDefault"] is True, "prod is the default")
    check(api.getSandboxId("prod") == api.getSandbox("prod")["id"], "its id")
    kinds = api.getSandboxTypes()
    check({kind["id"] for kind in kinds} >= {"development", "production"}, kinds)


def sandbox_life():
    api = sandboxes.Sandboxes()
    created = api.createSandbox(name="trial", title="Trial", type_sandbox="development")
    check(created["name"] == "trial" and created["state"] in ("active", "creating"), created)
    until("the sandbox", lambda: api.getSandbox("trial")["state"] == "active")
    changed = api.updateSandbox("trial", {"title": "Second trial"})
    check(changed["title"] == "Second trial", changed)
    reset = api.resetSandbox("trial")
    check(reset["state"] in ("active", "resetting"), reset)
    until("the reset", lambda: api.getSandbox("trial")["state"] == "active")
    api.deleteSandbox("trial")
    names = [one["name"] for one in api.getSandboxes() if one["state"] == "active"]
    check("trial" not in names, names)


def dataset():
    registry = schema.Schema()
    group = registry.createFieldGroup(
        {
            "title": "Flow fields",
            "type": "object",
            "meta:intendedToExtend": [f"{XDM}/context/profile"],
            "definitions": {
                "customFields": {
                    "type": "object",
                    "properties": {
                        f"_{TENANT}": {
                            "type": "object",
                            "properties": {"crm": {"type": "string", "title": "crm"}},
                        }
                    },
                }
            },
            "allOf": [{"$ref": "#/definitions/customFields"}],
        }
    )
    made_schema = registry.createSchema(
        {
            "title": "Flow schema",
            "type": "object",
            "allOf": [
                {"$ref": f"{XDM}/context/profile"},
                {"$ref": f"{XDM}/context/profile-person-details"},
                {"$ref": group["$id"]},
            ],
        }
    )
    answer = catalog.Catalog().createDataSet(name="Flow dataset", schemaId=made_schema["$id"])
    check(answer[0].startswith("@/dataSets/"), answer)
    return made_schema["$id"], answer[0].rsplit("/", 1)[1]


def specs(api):
    check(api.getConnectionSpecIdFromName("Streaming Connection") == STREAMING, "by name")
    check(api.getConnectionSpecIdFromName("datalake") == DATA_LAKE, "by name")
    check(STREAMING in str(api.getConnectionSpecsMap()), api.getConnectionSpecsMap())
    check(api.getConnectionSpec(STREAMING)["items"][0]["id"] == STREAMING, "one connection spec")
    check(len(api.getFlowSpecs()) >= 3, "flow specs")
    found = api.getFlowSpecs(prop='name=="Steam data with transformation"')
    check([one["id"] for one in found] == ["c1a19761-d2c7-4702-b9fa-fe91f0613e81"], found)
    found = api.getFlowSpecIdFromNames(
        "Stream data with optional transformation", source_spec_name="Streaming Connection", target_spec_name="datalake"
    )
    check(found == "d69717ba-71b4-4313-b654-49f9cf126d7a", found)
    check(api.getFlowSpec(found)["name"] == "Stream data with optional transformation", "one flow spec")


def connections(api):
    first = made(
        api.createConnectionStreaming(
            name="aepp", sourceId="aepp", dataType="raw", paramName="aepp", authenticationRequired=True
        )
    )
    shown = api.getConnection(first)
    params = shown["auth"]["params"]
    check(params["authenticationRequired"] is True and params["dataType"] == "raw", shown)
    check(len(params["inletId"]) == 64 and params["inletUrl"].count("/collection/") == 1, shown)
    check(api.connectionTest(first)["result"] is True, "test")
    made(api.createConnectionToUPS(name="profile"))
    made(
        api.createConnection(
            name="by parts",
            auth={"specName": "Streaming Connection", "params": {"dataType": "xdm"}},
            connectionSpec={"id": STREAMING, "version": "1.0"},
        )
    )
    check(len(api.getConnections(limit=1)) >= 3, "all pages")
    check(api.getConnections(count=True)["count"] >= 3, "a count")
    changed = api.patchConnection(first, [{"op": "Replace", "path": "/name", "value": "renamed"}])
    check(made(changed) == first and api.getConnection(first)["name"] == "renamed", changed)
    gone(api.getConnection("00000000-0000-0000-0000-000000000000"))
    return first


def sources_and_targets(api, connection, schema_id, dataset_id):
    source = made(api.createSourceConnectionStreaming(connectionId=connection, name="source"))
    other = made(
        api.createSourceConnection(
            {"name": "other", "baseConnectionId": connection, "connectionSpec": {"id": STREAMING, "version": "1.0"}}
        )
    )
    target = made(api.createTargetConnectionDataLake(name="target", datasetId=dataset_id, schemaId=schema_id))
    second = made(api.createTargetConnection(name="second", connectionSpecId=DATA_LAKE, datasetId=dataset_id))
    check(api.getSourceConnection(source)["baseConnectionId"] == connection, "a source")
    shown = api.getTargetConnection(target)
    check(shown["params"]["dataSetId"] == dataset_id and shown["data"]["schema"]["id"] == schema_id, shown)
    check({source, other} <= {one["id"] for one in api.getSourceConnections()}, "sources")
    check({target, second} <= {one["id"] for one in api.getTargetConnections()}, "targets")
    change = [{"op": "replace", "path": "/name", "value": "renamed"}]
    for get, update, one in (
        (api.getSourceConnection, api.updateSourceConnection, source),
        (api.getTargetConnection, api.updateTargetConnection, target),
    ):
        check(made(update(one, etag=get(one)["etag"], updateObj=change)) == one, "an update")
        check(get(one)["name"] == "renamed", get(one))
    check(api.deleteSourceConnection(other) == 204, "deletion of a source")
    check(api.deleteTargetConnection(second) == 204, "deletion of a target")
    gone(api.getSourceConnection(other))
    return source, target


def mapping(schema_id):
    answer = dataprep.DataPrep().createMappingSet(
        schemaId=schema_id,
        mappingList=[
            {"sourceType": "ATTRIBUTE", "source": "first", "destination": "person.name.firstName"},
            {"sourceType": "ATTRIBUTE", "source": "crm", "destination": f"_{TENANT}.crm"},
        ],
    )
    return answer["id"]


def flows(api, source, target, mapping_id):
    flow = made(
        api.createFlowStreaming(
            name="mapped",
            source_connection_id=source,
            target_connection_id=target,
            transformation=True,
            transformation_mapping_id=mapping_id,
            transformation_name="Mapping",
        )["flow"]
    )
    plain = made(
        api.createFlow(
            "d8a6f005-7eaf-4153-983e-e8574508b877",
            name="plain",
            source_connection_id=source,
            target_connection_id=target,
        )
    )
    check(api.getFlow(flow)["state"] == "enabled", api.getFlow(flow))
    check({flow, plain} <= {one["id"] for one in api.getFlows(limit=1)}, "all pages")
    for wanted, found in (
        ({flow}, api.getFlows(filterMappingSetIds=[mapping_id])),
        ({flow, plain}, api.getFlows(filterSourceIds=[source])),
        ({flow, plain}, api.getFlows(filterTargetIds=[target])),
        ({flow}, api.getFlows(prop="name==mapped")),
        (set(), api.getFlows(onlyDestinations=True)),
    ):
        check({one["id"] for one in found} == wanted, found)
    check({flow, plain} <= {one["id"] for one in api.getFlows(onlySources=True)}, "flows from sources")
    change = [{"op": "add", "path": "/description", "value": "changed"}]
    check(made(api.updateFlow(flow, etag=api.getFlow(flow)["etag"], updateObj=change)) == flow, "an update")
    # `updatePolicy` itself asks for an etag that it has no argument for; this is what it would send.
    change = [{"op": "Add", "path": "/policy", "value": {"enforcementRefs": ["policy"]}}]
    check(made(api.updateFlow(flow, etag=api.getFlow(flow)["etag"], updateObj=change)) == flow, "a policy")
    check(api.getFlow(flow)["policy"]["enforcementRefs"] == ["policy"], api.getFlow(flow))
    for action, state in (("disable", "disabled"), ("enable", "enabled"), ("enable", "enabled")):
        check(made(api.postFlowAction(flow, action)) == flow, action)
        check(api.getFlow(flow)["state"] == state, api.getFlow(flow))
    check(api.deleteFlow(plain) == 204, "deletion")
    gone(api.getFlow(plain))
    check(api.getUPSFlows() == [] and api.getUISFlows() == [], "flows to the profile store")
    return flow


def helper(api, dataset_id):
    """The client's own way from a dataset to a flow."""
    answer = api.createFlowStreaming(datasetId=dataset_id)
    made(answer["flow"])
    found = [one for one in api.getFlows() if one["name"].endswith("Stream")]
    check(len(found) == 1 and found[0]["state"] == "enabled", found)


def manager(flow):
    one = flowservice.FlowManager(flow)
    check(one.flowType == "source", one.flowType)
    check(one.getFlowSpec()["name"] == "Steam data with transformation", one.getFlowSpec())
    check(one.getSourceConnection()["id"] and one.getTargetConnection()["id"], "connections")
    check("Flow" in str(one.summary()) or one.summary(), one.summary())
    check(isinstance(one.getRuns(), list), "runs")
    return one


def send(api, connection, flow):
    """A record through the client's own sender, and the run that counts it."""
    inlet = api.getConnection(connection)["auth"]["params"]["inletId"]
    sender = ingestion.DataIngestion()
    answer = sender.streamMessage(inletId=inlet, data={"first": "Ada", "crm": "1"}, flowId=flow)
    check("xactionId" in str(answer), answer)

    def counted():
        found = api.getRuns(prop=f"flowId=={flow}")
        return found and found[0]["metrics"]["recordSummary"]["outputRecordCount"] == 1 and found

    runs = until("the flow's run", counted)
    run = api.getRun(runs[0]["id"])
    check(run[0]["flowId"] == flow, run)
    counts = run[0]["metrics"]["recordSummary"]
    parts = ("outputRecordCount", "failedRecordCount", "skippedRecordCount", "pendingRecordCount")
    check(counts["inputRecordCount"] == sum(counts[part] for part in parts), counts)
    check(api.getFlow(flow)["lastRunDetails"]["id"] == runs[0]["id"], api.getFlow(flow))
    check(api.getRuns(prop=[f"flowId=={flow}", "metrics.statusSummary.status==Failed"]) == [], "failed runs")
    refused(api.createRun(flowId=flow), 400)


def deletion(api, connection, source, target, flow):
    refused(api.deleteConnection(connection), 400)
    refused(api.deleteSourceConnection(source), 400)
    refused(api.deleteTargetConnection(target), 400)
    check(api.deleteFlow(flow) == 204, "the flow")
    check(api.deleteSourceConnection(source) == 204, "its source")
    check(api.deleteTargetConnection(target) == 204, "its target")
    check(api.deleteConnection(connection) == 204, "its connection")
    gone(api.getConnection(connection))


def main():
    sandbox_methods()
    schema_id, dataset_id = dataset()
    api = flowservice.FlowService()
    specs(api)
    connection = connections(api)
    source, target = sources_and_targets(api, connection, schema_id, dataset_id)
    flow = flows(api, source, target, mapping(schema_id))
    helper(api, dataset_id)
    manager(flow)
    send(api, connection, flow)
    deletion(api, connection, source, target, flow)
    sandbox_life()
    done()


if __name__ == "__main__":
    main()
