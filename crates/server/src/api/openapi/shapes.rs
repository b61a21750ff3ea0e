//! The shapes of bodies. What a service adds beside is left open.

use serde_json::{Map, Value, json};

/// The components of the document, by name.
pub(super) fn shapes() -> Value {
    let shapes = [
        ("Any", json!(true)),
        ("AnyObject", json!({ "type": "object" })),
        ("AnyArray", json!({ "type": "array" })),
        (
            "Patch",
            json!({
                "description": "RFC 6902; one operation may stand alone.",
                "anyOf": [
                    { "type": "array", "items": { "$ref": "#/components/schemas/PatchOperation" }, "minItems": 1 },
                    { "$ref": "#/components/schemas/PatchOperation" }
                ]
            }),
        ),
        (
            "PatchOperation",
            object(
                &["op", "path"],
                json!({
                    "op": { "type": "string", "enum": ["add", "replace", "remove"] },
                    "path": { "type": "string", "examples": ["/name"] },
                    "value": true
                }),
            ),
        ),
        (
            "GatewayError",
            object(
                &["error_code", "message"],
                json!({
                    "error_code": { "type": "string", "pattern": "^[0-9]{6}$" },
                    "message": { "type": "string" }
                }),
            ),
        ),
        (
            "Problem",
            object(
                &["status", "title"],
                json!({
                    "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
                    "detail": { "type": "string" }, "report": { "type": "object" }
                }),
            ),
        ),
        (
            "TokenRequest",
            object(
                &["grant_type", "client_id", "client_secret"],
                json!({
                    "grant_type": { "type": "string", "enum": ["client_credentials", "authorization_code"] },
                    "client_id": { "type": "string" }, "client_secret": { "type": "string" },
                    "scope": { "type": "string", "examples": ["openid,AdobeID"] }
                }),
            ),
        ),
        (
            "Token",
            object(
                &["access_token", "token_type", "expires_in"],
                json!({
                    "access_token": { "type": "string" },
                    "token_type": { "const": "bearer" },
                    "expires_in": { "type": "integer", "description": "Seconds; milliseconds of v1 and of an exchange." }
                }),
            ),
        ),
        (
            "TokenExchange",
            object(
                &["client_id", "client_secret", "jwt_token"],
                json!({
                    "client_id": { "type": "string" }, "client_secret": { "type": "string" }, "jwt_token": { "type": "string" }
                }),
            ),
        ),
        (
            "TokenError",
            object(
                &["error", "error_description"],
                json!({
                    "error": { "type": "string" }, "error_description": { "type": "string" }
                }),
            ),
        ),
        (
            "Sandbox",
            object(
                &["id", "name", "title", "type", "state", "isDefault", "eTag"],
                json!({
                    "id": { "type": "string" }, "name": { "type": "string" }, "title": { "type": "string" },
                    "type": { "enum": ["development", "production"] },
                    "state": { "enum": ["creating", "active", "resetting", "deleting", "deleted", "failed"] },
                    "isDefault": { "type": "boolean" }, "eTag": { "type": "integer" }
                }),
            ),
        ),
        (
            "Sandboxes",
            object(
                &["sandboxes", "_page", "_links"],
                json!({
                    "sandboxes": { "type": "array", "items": { "$ref": "#/components/schemas/Sandbox" } },
                    "_page": { "type": "object" }, "_links": { "type": "object" }
                }),
            ),
        ),
        ("SandboxTypes", object(&["sandboxTypes"], json!({ "sandboxTypes": { "type": "array" } }))),
        (
            "NewSandbox",
            object(
                &["name", "title", "type"],
                json!({
                    "name": { "type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 64 },
                    "title": { "type": "string", "minLength": 1 },
                    "type": { "enum": ["development", "production"] }
                }),
            ),
        ),
        ("SandboxTitle", object(&["title"], json!({ "title": { "type": "string", "minLength": 1 } }))),
        ("SandboxAction", object(&["action"], json!({ "action": { "enum": ["reset"] } }))),
        (
            "FlowProblem",
            object(
                &["type", "title", "status", "report", "errorMessage"],
                json!({
                    "type": { "type": "string", "pattern": "FLOW-[0-9]{4}-[0-9]{3}$" },
                    "title": { "type": "string" }, "status": { "type": "integer" },
                    "report": object(&["detailed-message"], json!({ "detailed-message": { "type": "string" } })),
                    "errorMessage": { "type": "string" }, "errorDetails": { "type": "string" }
                }),
            ),
        ),
        (
            "FlowChanged",
            json!({
                "type": "object", "required": ["id", "etag"], "additionalProperties": false,
                "properties": { "id": { "type": "string" }, "etag": { "type": "string", "pattern": "^\".+\"$" } }
            }),
        ),
        (
            "FlowItems",
            object(&["items"], json!({ "items": { "type": "array", "items": { "type": "object" } } })),
        ),
        (
            "FlowPage",
            json!({
                "anyOf": [
                    object(&["items", "_links"], json!({ "items": { "type": "array" }, "_links": { "type": "object" } })),
                    object(&["count"], json!({ "count": { "type": "integer" } }))
                ]
            }),
        ),
        (
            "FlowWarnings",
            object(
                &["items", "recordCount", "codes"],
                json!({
                    "items": { "type": "array", "items": object(
                        &["code", "mappingId", "mappingVersion", "mapping", "recordCount", "samples"],
                        json!({
                            "code": { "type": "string" },
                            "mappingId": { "type": ["string", "null"] },
                            "mappingVersion": { "type": ["integer", "null"] },
                            "mapping": { "type": ["integer", "null"] },
                            "recordCount": { "type": "integer" },
                            "samples": { "type": "array", "items": { "type": "object" } }
                        })
                    ) },
                    "recordCount": { "type": "integer" },
                    "codes": { "type": "array", "items": { "type": "object" } }
                }),
            ),
        ),
        ("FlowTest", object(&["result"], json!({ "result": { "type": "boolean" } }))),
        (
            "FlowSearch",
            object(
                &[],
                json!({
                    "queryString": { "type": "string" }, "limit": { "type": "integer" }, "orderby": { "type": "string" },
                    "count": { "type": "boolean" }
                }),
            ),
        ),
        (
            "NewConnection",
            object(
                &["name", "connectionSpec"],
                json!({
                    "name": { "type": "string", "minLength": 1 }, "description": { "type": "string" },
                    "connectionSpec": { "$ref": "#/components/schemas/Spec" },
                    "auth": object(&["specName", "params"], json!({
                        "specName": { "const": "Streaming Connection" },
                        "params": object(&["dataType"], json!({
                            "dataType": { "enum": ["xdm", "raw"] }, "sourceId": { "type": "string" },
                            "name": { "type": "string" }, "authenticationRequired": { "type": "boolean" }
                        }))
                    }))
                }),
            ),
        ),
        (
            "NewSourceConnection",
            object(
                &["name", "connectionSpec", "baseConnectionId"],
                json!({
                    "name": { "type": "string", "minLength": 1 }, "baseConnectionId": { "type": "string" },
                    "connectionSpec": { "$ref": "#/components/schemas/Spec" }
                }),
            ),
        ),
        (
            "NewTargetConnection",
            object(
                &["connectionSpec", "data", "params"],
                json!({
                    "name": { "type": "string" }, "connectionSpec": { "$ref": "#/components/schemas/Spec" },
                    "data": { "type": "object" },
                    "params": object(&["dataSetId"], json!({ "dataSetId": { "type": "string" } }))
                }),
            ),
        ),
        (
            "NewFlow",
            object(
                &["name", "flowSpec", "sourceConnectionIds", "targetConnectionIds"],
                json!({
                    "name": { "type": "string", "minLength": 1 }, "description": { "type": "string" },
                    "flowSpec": { "$ref": "#/components/schemas/Spec" },
                    "sourceConnectionIds": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                    "targetConnectionIds": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                    "transformations": { "type": "array" }
                }),
            ),
        ),
        (
            "NewRun",
            object(&["flowId"], json!({ "flowId": { "type": "string" }, "params": { "type": "object" } })),
        ),
        ("Spec", object(&["id"], json!({ "id": { "type": "string" }, "version": { "type": "string" } }))),
        (
            "RegistryPage",
            object(
                &["results", "_page"],
                json!({
                    "results": { "type": "array" }, "_page": { "type": "object" }, "_links": { "type": "object" }
                }),
            ),
        ),
        (
            "NewResource",
            object(
                &["title"],
                json!({
                    "title": { "type": "string", "minLength": 1 }, "type": { "const": "object" },
                    "description": { "type": "string" }, "allOf": { "type": "array" }
                }),
            ),
        ),
        (
            "NewDescriptor",
            object(
                &["@type", "xdm:sourceSchema"],
                json!({
                    "@type": { "type": "string" }, "xdm:sourceSchema": { "type": "string" },
                    "xdm:sourceProperty": { "type": "string" }
                }),
            ),
        ),
        (
            "NewDataSet",
            object(
                &["name", "schemaRef"],
                json!({
                    "name": { "type": "string", "minLength": 1 },
                    "schemaRef": object(&["id"], json!({ "id": { "type": "string" }, "contentType": { "type": "string" } }))
                }),
            ),
        ),
        ("References", json!({ "type": "array", "items": { "type": "string", "pattern": "^@/dataSets/" } })),
        (
            "PrepPage",
            object(
                &["data", "_page"],
                json!({
                    "data": { "type": "array", "items": { "type": "object" } },
                    "_page": object(&["count", "limit"], json!({
                        "count": { "type": "integer" }, "limit": { "type": "integer" }
                    }))
                }),
            ),
        ),
        ("PrepMade", prep(&[], json!({}))),
        (
            "NewMappingSet",
            object(
                &[],
                json!({
                    "outputSchema": { "type": "object" },
                    "mappings": { "type": "array", "items": { "$ref": "#/components/schemas/NewMapping" } }
                }),
            ),
        ),
        (
            "MappingSet",
            prep(
                &["outputSchema", "mappings", "xdmSchema"],
                json!({
                    "name": { "type": "string" }, "outputSchema": { "type": "object" },
                    "xdmSchema": { "type": "string" }, "mappings": { "$ref": "#/components/schemas/Mappings" }
                }),
            ),
        ),
        (
            "NewMapping",
            json!({
                "description": "Its source may also be called sourceAttribute, its destination destinationXdmPath.",
                "type": "object",
                "properties": {
                    "sourceType": { "type": "string" }, "source": { "type": "string" },
                    "destination": { "type": "string" }
                }
            }),
        ),
        (
            "Mapping",
            prep(
                &["sourceType", "source", "destination", "sourceAttribute", "destinationXdmPath"],
                json!({
                    "sourceType": { "type": "string" }, "source": { "type": "string" },
                    "destination": { "type": "string" }, "sourceAttribute": { "type": "string" },
                    "destinationXdmPath": { "type": "string" },
                    "expressionAttributes": { "type": "array", "items": { "type": "string" } }
                }),
            ),
        ),
        ("Mappings", json!({ "type": "array", "items": { "$ref": "#/components/schemas/Mapping" } })),
        (
            "TransformErrors",
            json!({
                "type": ["array", "null"],
                "items": object(&["source", "destination", "exception", "columnName", "code", "severity"], json!({
                    "source": { "type": "string" }, "sourceType": { "type": "string" },
                    "destination": { "type": "string" }, "exception": { "type": "string" },
                    "columnName": { "type": "string" }, "code": { "type": "string" },
                    "severity": { "enum": ["ERROR", "WARNING"] }
                }))
            }),
        ),
        (
            "MappingsValidated",
            object(
                &["validationResponse"],
                json!({ "validationResponse": { "type": "array", "items": object(&["status", "errors"], json!({
                    "status": { "enum": ["SUCCESS", "FAILED"] },
                    "errors": { "$ref": "#/components/schemas/TransformErrors" }
                })) }, "warnings": { "$ref": "#/components/schemas/TransformErrors" } }),
            ),
        ),
        (
            "Preview",
            object(
                &["data", "mappingSet"],
                json!({
                    "data": { "type": ["object", "array"] },
                    "mappingSet": { "$ref": "#/components/schemas/NewMappingSet" }
                }),
            ),
        ),
        (
            "Previewed",
            json!({ "type": "array", "items": object(&["data", "errors"], json!({
                "data": { "type": "object" }, "errors": { "$ref": "#/components/schemas/TransformErrors" },
                "explain": { "type": "array", "items": object(&["item", "source", "destination", "writes"], json!({
                    "item": { "type": "integer" }, "source": { "type": "string" },
                    "destination": { "type": "string" }, "destinationType": { "type": "string" },
                    "reads": { "type": "array" }, "steps": { "type": "array" }, "value": {},
                    "valueType": { "type": "string" }, "writes": { "type": "array" },
                    "warnings": { "type": "array" }, "truncated": { "type": "boolean" }
                })) }
            })) }),
        ),
        (
            "FileForm",
            object(
                &["file"],
                json!({ "file": { "type": "string", "contentMediaType": "application/octet-stream" } }),
            ),
        ),
        (
            "NewSample",
            object(
                &["sampleData"],
                json!({ "sampleData": { "type": "string" }, "sampleType": { "const": "JSON" } }),
            ),
        ),
        (
            "Sample",
            prep(
                &["sampleData", "sampleType"],
                json!({ "sampleData": { "type": "string" }, "sampleType": { "const": "JSON" } }),
            ),
        ),
        (
            "NewMapperSchema",
            object(
                &[],
                json!({
                    "name": { "type": "string" }, "jsonSchema": { "type": ["object", "string"] },
                    "sampleId": { "type": "string" }, "schemaRef": { "type": "object" }
                }),
            ),
        ),
        ("MapperSchema", prep(&["jsonSchema"], json!({ "jsonSchema": { "type": "object" } }))),
        (
            "NewExpression",
            object(
                &["expression"],
                json!({
                    "expression": { "type": "string" }, "mappingSetId": { "type": "string" },
                    "sampleData": { "type": "string" }, "sampleDataType": { "type": "string" }
                }),
            ),
        ),
        (
            "ExpressionValidated",
            object(
                &["validationStatus", "error"],
                json!({ "validationStatus": { "enum": ["succeeded", "failed"] }, "error": { "type": "string" } }),
            ),
        ),
        (
            "Functions",
            json!({ "type": "array", "items": object(&["category", "function", "syntax", "params"], json!({
                "category": { "type": "string" }, "function": { "type": "string" }, "syntax": { "type": "string" },
                "params": { "type": "array", "items": { "type": "object" } }
            })) }),
        ),
        (
            "Operators",
            json!({ "type": "array", "items": object(&["operatorSymbol", "methodName", "numberOfOperands"], json!({
                "operatorSymbol": { "type": "string" }, "methodName": { "type": "string" },
                "numberOfOperands": { "type": "integer" }
            })) }),
        ),
        (
            "Taken",
            object(
                &["inletId", "xactionId", "receivedTimeMs"],
                json!({
                    "inletId": { "type": "string" }, "xactionId": { "type": "string" },
                    "receivedTimeMs": { "type": "integer" }
                }),
            ),
        ),
        (
            "BatchTaken",
            object(
                &["inletId", "batchId", "receivedTimeMs", "responses"],
                json!({
                    "inletId": { "type": "string" }, "batchId": { "type": "string" },
                    "receivedTimeMs": { "type": "integer" }, "responses": { "type": "array" }
                }),
            ),
        ),
        (
            "Message",
            json!({ "description": "An XDM message, or any JSON for a raw connection.", "type": "object" }),
        ),
        (
            "Messages",
            object(&["messages"], json!({ "messages": { "type": "array", "items": { "type": "object" } } })),
        ),
        (
            "InletProblem",
            object(
                &["type", "status", "title"],
                json!({
                    "type": { "type": "string" }, "title": { "type": "string" },
                    "status": { "type": ["integer", "string"] }, "report": { "type": "object" }
                }),
            ),
        ),
        (
            "IcebergError",
            object(
                &["error"],
                json!({
                    "error": object(&["message", "type", "code"], json!({
                        "message": { "type": "string" }, "type": { "type": "string" }, "code": { "type": "integer" }
                    }))
                }),
            ),
        ),
    ];
    shapes.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect::<Map<_, _>>().into()
}

/// An object with these members, some of which must be there.
/// What Data Prep keeps: its id and audit members, and more.
fn prep(required: &[&str], more: Value) -> Value {
    let kept = json!({
        "id": { "type": "string" }, "version": { "type": "integer" }, "createdDate": { "type": "integer" },
        "modifiedDate": { "type": "integer" }, "createdBy": { "type": "string" }, "modifiedBy": { "type": "string" }
    });
    let required = [&["id", "version", "createdDate", "modifiedDate"], required].concat();
    json!({ "allOf": [object(&required, kept), object(&[], more)] })
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}
